"""`credwatch version`: what is running."""

from __future__ import annotations

import platform

from credwatch.cli.options import JsonOption
from credwatch.cli.output import print_json, say


def version(as_json: JsonOption = False) -> None:
    """Write the version."""
    from importlib.metadata import version as version_of

    number = version_of("credwatch")
    if as_json:
        print_json({"version": number, "python": platform.python_version()})
    else:
        say(number)
