"""Metrics and structured logs, with redaction."""
