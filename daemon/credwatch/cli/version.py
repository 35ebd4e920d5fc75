"""`credwatch version`: what is running."""

from __future__ import annotations

from importlib.metadata import version as version_of

import typer


def version() -> None:
    """Write the version."""
    typer.echo(version_of("credwatch"))
