"""Lets `python -m credwatch` be the command line."""

from credwatch.cli.main import main

main()
