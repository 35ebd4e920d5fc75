"""Tries whether stored passwords are among the first that a guesser would say."""
