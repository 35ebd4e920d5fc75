"""Commands to receipts: rendering, delivery and retry."""
