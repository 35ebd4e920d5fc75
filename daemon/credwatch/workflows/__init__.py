"""Incident changes and ticks to commands: notices, reports, clocks, escalation."""
