"""Reads how accounts stand, each kind of source in its own file."""
