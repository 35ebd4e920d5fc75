"""Messages read by patterns."""
