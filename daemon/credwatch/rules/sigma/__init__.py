"""Sigma documents as rules of our own; the only folder that knows pySigma."""
