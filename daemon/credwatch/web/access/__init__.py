"""The HTTP endpoints by which ticket systems ask for access of staff, and carry what people decide about it."""
