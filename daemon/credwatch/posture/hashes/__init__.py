"""Tells what a stored password is made with, without keeping it."""
