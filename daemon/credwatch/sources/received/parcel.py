"""A parcel: the lines that one sender handed over together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

Taken = tuple[str, float, int]
"""What a cursor tells of a parcel whose sender may not know yet that it was committed.

Its digest, when it came, seconds since the epoch, and how many of its bytes were committed."""


class Parcel(Struct, eq=False):
    """Lines with their newlines, and who waits for their commit."""

    file: str
    """Whose lines they are: the address of the sender, as `Chunk.file` says it."""
    data: bytes
    """The lines, a newline behind each."""
    digest: str
    """What a repeat of it is known by; of no other parcel that waits, where it cannot be repeated."""
    received_at: datetime
    """When it came, UTC."""
    on_committed: Callable[[], None] | None = None
    """Called once from the reading thread, when the lines are committed; None where nobody waits any more."""
    is_identified: bool = False
    """Whether its digest names what it begins with, so that an equal one is always a repeat of it."""
    known_since: float = 0.0
    """When it came first, seconds since the epoch, where all of it came before; cursors know it by that."""
    done: int = 0
    """How many of its bytes were given to the reader."""
    is_committed: bool = False
    """Whether all its lines are in the store."""
    is_answered: bool = False
    """Whether its sender knows that."""

    @property
    def moment(self) -> float:
        """When it came first, seconds since the epoch."""
        return self.known_since or self.received_at.timestamp()
