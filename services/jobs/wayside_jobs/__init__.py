"""The jobs service: the truth about every long-running operation, wherever it runs."""
