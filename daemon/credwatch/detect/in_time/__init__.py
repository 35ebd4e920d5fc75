"""Correlations of several rules in time."""
