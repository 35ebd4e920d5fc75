"""The options that several commands share, so that each is spelled and explained alike everywhere."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("/etc/credwatch/credwatch.toml")


def network(text: str) -> str:
    """Read an address or a network in CIDR; raises BadParameter, which is a mistake of usage."""
    try:
        return str(ip_network(text, strict=False)) if text else ""
    except ValueError as error:
        raise typer.BadParameter("expected an address or a network, such as 192.0.2.0/24") from error


class LineKind(StrEnum):
    """What the lines of a log are; a test holds it equal to parse.envelopes.SourceKind, which loads slowly."""

    AUTO = "auto"
    SYSLOG = "syslog"
    JSON = "json"


ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="CREDWATCH_CONFIG", show_envvar=False, metavar="FILE", help="The settings."),
]
StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="FILE", help="The store, in place of the one --config leads to.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many are shown at most.")]
AfterOption = Annotated[str, typer.Option("--after", metavar="NUMBER", help="Begin behind this incident.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout.", show_default=False)]
RuleOption = Annotated[str, typer.Option("--rule", help="The id of a rule.")]
AccountOption = Annotated[str, typer.Option("--account", help="An account.")]
AddressOption = Annotated[
    str,
    typer.Option("--address", metavar="TEXT", parser=network, help="An address, or a network such as 192.0.2.0/24."),
]
CustomerOption = Annotated[str, typer.Option("--customer", help="The id of a customer.")]
HostOption = Annotated[str, typer.Option("--host", help="The host of the latest event.")]
KindOption = Annotated[LineKind, typer.Option("--kind", metavar="auto|syslog|json", help="What the lines are.")]
ZoneOption = Annotated[str, typer.Option("--zone", metavar="ZONE", help="IANA time zone of stamps that say none.")]
RulePaths = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="Files of rules, or their folders.", show_default=False)
]
ToolConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Settings whose rules and registers are used.")
]
ShippedOption = Annotated[bool, typer.Option("--shipped/--no-shipped", help="Whether the shipped rules are there too.")]
