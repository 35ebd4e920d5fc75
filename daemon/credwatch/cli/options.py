"""The options that several commands share, so that each is spelled and explained alike everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("/etc/credwatch/credwatch.toml")


class LineKind(StrEnum):
    """What the lines of a log are; a test holds it equal to parse.envelopes.SourceKind, which loads slowly."""

    AUTO = "auto"
    SYSLOG = "syslog"
    JSON = "json"


ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="CREDWATCH_CONFIG", help="The settings file.", show_envvar=False)
]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The store's file, in place of the one --config leads to.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
KindOption = Annotated[LineKind, typer.Option("--kind", help="What the lines are.")]
ZoneOption = Annotated[str, typer.Option("--zone", help="IANA time zone of stamps that say none.")]
