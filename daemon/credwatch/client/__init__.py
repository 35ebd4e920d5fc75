"""Asks a running gate: what applications in Python import, and what the command line goes by."""
