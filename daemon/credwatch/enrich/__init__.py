"""Adds columns to events: identity, policy due, authorisation."""
