"""Conditions over counts, sums and percentiles."""
