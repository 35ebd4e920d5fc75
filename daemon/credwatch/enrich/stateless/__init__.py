"""What the registers and databases say of an event by itself."""
