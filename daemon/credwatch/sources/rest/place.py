"""Where a REST service was left, and the page that stands there."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from credwatch.sources.pull.interface import Item, PulledPlace


class RestPlace(Struct, frozen=True):
    """Where to go on: times are seconds since the epoch."""

    since: float
    """Everything until here was given, save what becomes visible late."""
    oldest: float = 0.0
    """Nothing before is wanted: the moment of the first start, or how far back that reached."""
    begin: float = 0.0
    """Where the sweep begins that is under way."""
    until: float = 0.0
    """Where it ends, 0 where it comes to the present."""
    next: str | int | None = None
    """The URL, token, number or offset of the next page; None where a sweep begins."""
    last: str = ""
    """What `last` names, in the item given last."""

    def to_json(self) -> PulledPlace:
        """Give it as JSON values."""
        return dict(msgspec.to_builtins(self))


class RestPage(Struct, frozen=True):
    """What a service gave at a place."""

    items: tuple[Item, ...]
    """Its items, oldest first as far as the service allows."""
    next: str | int | None
    """Where the next page is, None where there is none."""
    first: str = ""
    """What `last` names, in its first item."""
    last: str = ""
    """The same, in its last item."""
