"""Which sources a daemon follows, and how their lines are read."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from credwatch.app.settings import Settings
from credwatch.kernel.account_finding import POSTURE
from credwatch.kernel.canary import CANARY
from credwatch.parse.envelopes import SourceKind
from credwatch.parse.parse import PathFormat, SourceFormat
from credwatch.sources.machine import placed
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.network_options import PushSourceOptions, SyslogSourceOptions
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, PlacedSource
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.sql.options import SqlSourceOptions

GATE_SOURCE = "gate"
"""The source that gives the gate's own events."""


def canary_file(settings: Settings) -> Path:
    """Return the file that canaries are written into."""
    return settings.daemon.state_directory / "canary.jsonl"


def findings_file(settings: Settings) -> Path:
    """Return the file that findings about accounts are written into."""
    return settings.daemon.state_directory / "posture.jsonl"


def configured_sources(settings: Settings) -> list[PlacedSource]:
    """Return the configured sources, each with the place that it has on this machine."""
    return [placed(source) for source in settings.source]


def followed_sources(settings: Settings) -> list[PlacedSource]:
    """Return the configured sources, and what credwatch writes itself for rules to see.

    That is the gate's events, canaries, and findings about accounts.
    """
    gate, configured = settings.gate, configured_sources(settings)
    if settings.canary.address:
        canaries = FileSourceOptions(id=CANARY, paths=(str(canary_file(settings)),), format="json", read_from="start")
        configured = [*configured, canaries]
    if settings.posture.source:
        findings = FileSourceOptions(
            id=POSTURE, paths=(str(findings_file(settings)),), format="json", read_from="start"
        )
        configured = [*configured, findings]
    if not gate.enabled or GATE_SOURCE in {source.id for source in configured}:
        return configured
    own = FileSourceOptions(id=GATE_SOURCE, paths=(str(gate.events_file),), format="json", read_from="start")
    return [*configured, own]


def formats_of(settings: Settings) -> dict[str, SourceFormat]:
    """Say how the lines of each followed source are to be read, by its id."""
    return {source.id: format_of(source) for source in followed_sources(settings)}


def format_of(source: PlacedSource) -> SourceFormat:
    """Say how the lines of a source are to be read."""
    match source:
        case FileSourceOptions():
            matches = tuple(PathFormat(it.path, it.format, it.time_zone) for it in source.match)
            return SourceFormat(source.id, source.format, source.time_zone, matches)
        case NatsSourceOptions() | PushSourceOptions() | SyslogSourceOptions():
            return SourceFormat(source.id, source.format, source.time_zone)
        case JournalSourceOptions():
            return SourceFormat(source.id, SourceKind.SYSLOG)
        case RestSourceOptions() | SqlSourceOptions():
            return SourceFormat(source.id, SourceKind.JSON)
        case ObjectSourceOptions():
            return SourceFormat(source.id, SourceKind.JSON if source.records else SourceKind.AUTO)
    assert_never(source)
