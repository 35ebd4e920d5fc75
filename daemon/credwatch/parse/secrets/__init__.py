"""Secrets masked before anything is stored."""
