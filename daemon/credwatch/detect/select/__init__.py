"""Which events a rule matches."""
