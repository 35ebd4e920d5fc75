"""All kinds of sources, and how each is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import assert_never

from credwatch.kernel.clock import Clock
from credwatch.sources.apart import ApartSource
from credwatch.sources.file.mounts import mounts, mounts_of
from credwatch.sources.file.source import FileOptions, FileSource
from credwatch.sources.interface import Cursor, Source
from credwatch.sources.journal.source import JOURNAL, JournalSource
from credwatch.sources.machine import machine_id
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.network_options import PushSourceOptions, SyslogSourceOptions
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.objects.service import ObjectService
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, PlacedSource
from credwatch.sources.pull.source import LOG, PulledSource
from credwatch.sources.received.intake import Intake
from credwatch.sources.received.source import ReceivedSource
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.sql.options import SqlSourceOptions
from credwatch.sources.sql.service import SqlService


def open_source(
    options: PlacedSource,
    cursors: Mapping[str, Cursor],
    *,
    clock: Clock,
    wake: Callable[[], None],
    intakes: Mapping[str, Intake],
) -> Source:
    """Open a source from its committed cursors; raises SourceError where that cannot be done now.

    `wake` is called from another thread whenever there may be more to read.
    What is received over the network waits in `intakes`, by the source's id.
    Cursors of another kind, which a source of this name had before, are left alone: it begins as at a first start.
    """
    match options:
        case FileSourceOptions():
            own = {file: cursor for file, cursor in cursors.items() if file not in (JOURNAL, LOG)}
            return _followed(options, own, clock, wake)
        case JournalSourceOptions():
            return JournalSource(options, cursors, clock=clock, wake=wake, machine=machine_id())
        case NatsSourceOptions() | PushSourceOptions() | SyslogSourceOptions():
            return ReceivedSource(options.id, intakes[options.id], cursors, clock=clock, wake=wake)
        case RestSourceOptions():
            # The HTTP client takes 7 MiB and a tenth of a second: only where a service is asked.
            from credwatch.sources.rest.service import RestService

            return PulledSource(options.id, RestService(options, clock), cursors, clock=clock, wake=wake)
        case ObjectSourceOptions():
            return PulledSource(options.id, ObjectService(options, clock), cursors, clock=clock, wake=wake)
        case SqlSourceOptions():
            return PulledSource(options.id, SqlService(options), cursors, clock=clock, wake=wake)
    assert_never(options)


def _followed(
    options: FileSourceOptions, cursors: Mapping[str, Cursor], clock: Clock, wake: Callable[[], None]
) -> Source:
    """Follow files; those of another machine are polled, in a thread that nobody else waits for."""
    places = mounts_of(options.paths, mounts())
    polls = options.watch == "poll" or any(mount.is_remote for mount in places)
    followed = FileOptions(
        name=options.id,
        paths=options.paths,
        start=options.read_from,
        polls=polls,
        renumbers=any(mount.renumbers for mount in places),
    )
    opened = partial(FileSource, followed, cursors, clock=clock, wake=wake)
    return ApartSource(options.id, opened, wake) if polls else opened()
