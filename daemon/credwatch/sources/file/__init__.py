"""Log files: followed, or read once."""
