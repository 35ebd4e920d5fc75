"""Incidents and what was decided about them."""
