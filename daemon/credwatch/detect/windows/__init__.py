"""The rows that rules count, kept for as long as a rule needs them."""
