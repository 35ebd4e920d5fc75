"""Measures credwatch and holds it to its floors; `make bench` runs it."""
