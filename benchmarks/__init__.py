"""What Wayside is measured with; see README.md."""
