"""Puts together what receives lines over the network: an intake for each source, and the listeners that fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette

from credwatch.app.settings import Settings
from credwatch.kernel.clock import Clock
from credwatch.service.parts.interface import LivingPart
from credwatch.service.parts.pushing import PushPart
from credwatch.service.parts.streaming import StreamPart
from credwatch.service.parts.syslogging import SyslogPart
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.network_options import PushSourceOptions, SyslogSourceOptions
from credwatch.sources.options import PlacedSource
from credwatch.sources.received.intake import MOST_SHIPPED_LOGS, Intake
from credwatch.sources.syslog.receiver import SyslogReceiver
from credwatch.telemetry.metrics import Metrics
from credwatch.web.push.desk import PushDesk
from credwatch.web.push.routes import push_app


def build_intakes(settings: Settings, sources: Sequence[PlacedSource]) -> dict[str, Intake]:
    """Make an intake for each source that is received over the network, by its id."""
    intakes = dict[str, Intake]()
    for source in sources:
        match source:
            case PushSourceOptions():
                intakes[source.id] = Intake(settings.push.waiting_bytes)
            case NatsSourceOptions():
                intakes[source.id] = Intake(source.waiting_bytes, MOST_SHIPPED_LOGS)
            case SyslogSourceOptions():
                intakes[source.id] = Intake(source.waiting_bytes)
    return intakes


def listening_parts(
    settings: Settings, sources: Sequence[PlacedSource], intakes: Mapping[str, Intake], clock: Clock, metrics: Metrics
) -> list[LivingPart]:
    """Make the parts that listen; none where no source needs them."""
    syslogs = [source for source in sources if isinstance(source, SyslogSourceOptions)]
    parts: list[LivingPart] = [
        SyslogPart(source.id, SyslogReceiver(source, intakes[source.id], clock), intakes[source.id])
        for source in syslogs
    ]
    parts += _stream_parts(sources, intakes, clock, metrics)
    pushed = {source.id: source for source in sources if isinstance(source, PushSourceOptions)}
    if not pushed:
        return parts
    metrics.declare_push(pushed)

    def app() -> Starlette:
        return push_app(PushDesk(settings.push, pushed, intakes, clock, on_pushed=metrics.pushed))

    return [*parts, PushPart(app, settings.push, (intakes[name] for name in pushed))]


def _stream_parts(
    sources: Sequence[PlacedSource], intakes: Mapping[str, Intake], clock: Clock, metrics: Metrics
) -> list[LivingPart]:
    streams = [source for source in sources if isinstance(source, NatsSourceOptions)]
    metrics.declare_streams(source.id for source in streams)
    if not streams:
        return []
    from credwatch.sources.nats.receiver import NatsReceiver  # the client is ten megabytes that few daemons need

    return [
        StreamPart(source.id, NatsReceiver(source, intakes[source.id], clock, metrics.stream_looked_at))
        for source in streams
    ]
