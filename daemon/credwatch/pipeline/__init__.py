"""From lines to one commit: prepare, mark, detect, decide, store."""
