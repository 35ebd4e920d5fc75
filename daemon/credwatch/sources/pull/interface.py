"""What a service that is asked for its log gives: items in batches, each batch with the place behind it."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, Protocol

from msgspec import Struct

from credwatch.kernel.errors import SourceError

PulledPlace = dict[str, Any]
"""Where in a service's log to go on: JSON values, understood by the service alone."""


class Item(Struct, frozen=True):
    """One record of a service, as a line."""

    line: bytes
    """The record as JSON, with a newline behind it; empty where it was there before the first start: it is known then,
    and not given."""
    key: str
    """What it is known again by: `key_of` of its id, or of all of it."""
    order: float
    """Where it stands in the service's order: seconds since the epoch, or a number."""


class PulledBatch(Struct, frozen=True):
    """Items that a service gave together, oldest first as far as the service allows."""

    items: tuple[Item, ...]
    """The items, also those that were given before."""
    place: PulledPlace
    """Where to go on once all of them are given."""
    floor: float
    """Nothing whose `Item.order` is less will be asked for again."""
    has_expired: bool = False
    """Whether the service did not know the place any more, so that items may be missing before these."""
    is_damaged: bool = False
    """Whether something could not be read to its end, and is not tried again."""


class PulledService(Protocol):
    """Asks one service. All calls come from one thread, and may take as long as the service's own bounds allow."""

    @property
    def interval(self) -> float:
        """How many seconds to wait between two sweeps."""

    @property
    def width(self) -> float:
        """How coarsely the order of items is remembered: a small part of what is asked for again."""

    def sweep(self, place: PulledPlace | None, keys: Container[str] = (), /) -> Iterator[PulledBatch]:
        """Give everything that the service has behind a place, and end where it has no more.

        `place` is that of the last batch that was given; None at the very first start, where the first batch says where
        to begin. Items whose keys are `known` may be left out. A sweep may give items again that were given before, and
        forgets nothing where it is given up half way.
        Raises Throttled where the service wants to be left alone, SourceError where it cannot be asked now.
        """

    def interrupt(self) -> None:
        """Have a sweep that waits end soon, by an error or as if it were over; may be called from another thread."""

    def close(self) -> None:
        """Give back connections; no other call follows."""


class Throttled(SourceError):
    """A service has told us to wait for a while."""

    def __init__(self, message: str, *, where: str, seconds: float) -> None:
        super().__init__(message, where=where, hint="it is asked again when it allows; nothing is lost meanwhile")
        self.seconds = seconds
        """For how long."""
