"""Log packs: their format, and what they must not do."""
