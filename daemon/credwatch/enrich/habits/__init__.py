"""What the events before one say of it."""
