"""Asks REST services for their logs."""
