"""Breached passwords in one file, looked up without asking anybody."""
