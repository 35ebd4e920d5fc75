"""Which destination the settings name; what it needs is imported for it alone, for the sake of memory."""

from __future__ import annotations

from credwatch.collect.destination import Destination
from credwatch.collect.options import CollectOptions


def destination_of(options: CollectOptions) -> Destination:
    """Give the place that the settings name; what it needs is imported for it alone, for its memory."""
    if options.nats is not None:
        from credwatch.collect.to_nats import NatsDestination

        return NatsDestination(options.nats, options.collect.host)
    from credwatch.collect.to_push import PushDestination

    assert options.push is not None, "the settings name one of both"
    return PushDestination(options.push)
