"""JSON objects read by paths."""
