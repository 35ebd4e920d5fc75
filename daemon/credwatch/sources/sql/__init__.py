"""Asks databases for the new rows of a table."""
