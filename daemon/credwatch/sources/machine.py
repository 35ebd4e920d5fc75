"""Finds where a machine keeps what it logs of logins: in its journal, or in files of a syslog daemon; never in both.

A syslog daemon beside the journal writes the same messages into its files, so both together would count each twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.network_options import PushSourceOptions, SyslogSourceOptions
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.options import (
    FileSourceOptions,
    JournalSourceOptions,
    MachineSourceOptions,
    PlacedSource,
    SourceOptions,
)
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.sql.options import SqlSourceOptions, parsed_url

LOGS = ("/var/log/auth.log", "/var/log/secure")
"""Where syslog daemons write what has the facility auth or authpriv: on Debian and its like, and on Red Hat and its."""

_SOCKET = "run/systemd/journal/socket"
"""Where journald takes messages, for as long as it runs."""

JOURNALS = ("var/log/journal", "run/log/journal")
"""Where journald keeps them; nowhere where Storage=none is set."""


def placed(source: SourceOptions, root: Path = Path("/")) -> PlacedSource:
    """Say where the lines of a source are; `root` is the machine's root folder. Never raises."""
    if not isinstance(source, MachineSourceOptions):
        return source
    choices = {"read_from": source.read_from, "lateness": source.lateness}
    if has_journal(root):
        return JournalSourceOptions(id=source.id, kind="journal").model_copy(update=choices)
    logs = tuple(log for log in LOGS if (root / log.lstrip("/")).exists()) or LOGS
    return FileSourceOptions(id=source.id, paths=logs, time_zone=source.time_zone).model_copy(update=choices)


def has_journal(root: Path = Path("/")) -> bool:
    """Tell whether journald runs on the machine and keeps what it takes."""
    return (root / _SOCKET).exists() and any(
        next((root / folder).glob("*/*.journal"), None) is not None for folder in JOURNALS
    )


def machine_id(root: Path = Path("/")) -> str:
    """Return the id that a machine's entries in the journal carry, machine-id(5); empty where it has none."""
    try:
        return (root / "etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def place_of(source: PlacedSource) -> str:
    """Name where the lines of a source are, for people."""
    match source:
        case FileSourceOptions() | ObjectSourceOptions():
            return ", ".join(source.paths)
        case JournalSourceOptions():
            return "the systemd journal"
        case NatsSourceOptions():
            return f"the stream {source.stream} at {', '.join(source.servers)}"
        case PushSourceOptions():
            return "what is pushed by HTTP"
        case SyslogSourceOptions():
            return "syslog over the network"
        case RestSourceOptions():
            return source.url.partition("?")[0]
        case SqlSourceOptions():
            return parsed_url(source.url).set(query={}).render_as_string()
    assert_never(source)
