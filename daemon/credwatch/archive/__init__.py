"""The archive: every event for a year and longer, in a file of each day."""
