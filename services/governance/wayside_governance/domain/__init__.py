"""What a suggestion may become, how sure its evidence makes it, and what is remembered of a rejection; pure."""
