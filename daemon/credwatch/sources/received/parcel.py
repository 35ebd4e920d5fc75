"""A parcel: the lines that one sender handed over together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

Taken = tuple[str, float, int]
"""What a cursor tells of a parcel whose sender may not know yet that it was committed.

Its digest, when it came, seconds since the epoch, and how many of its bytes were committed."""


class Shipped(Struct, frozen=True):
    """Which part of a series a parcel is, and what its shipper tells of its lines."""

    series: str
    """The series in which places count."""
    begin: int
    """Its place in the series."""
    end: int
    """The place behind it."""
    settled: int = 0
    """Of what stands before this place in the series nothing will come again."""
    is_joined: bool = True
    """Whether it begins where the one before it ends, so that a gap is seen."""
    waits: bool = False
    """Whether what is missing before it may come after it."""
    before: bytes = b""
    """Lines that stand before it in its log."""
    reference: datetime | None = None
    """When its log was last written, UTC."""
    host: str = ""
    """The host that its lines are from, where they do not say it themselves."""
    format: str = ""
    """How its lines begin, where that is not as the source says."""
    zone: str = ""
    """The time zone of its stamps, where that is not as the source says."""
    refused: str = ""
    """Why none of its lines is to be read, where that is so."""


LAST_LINE_SECONDS = 0.001
"""So much later than its parcel a last line came, as cursors tell it: no parcel has this moment."""


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
    last_line: tuple[str, int] = ("", 0)
    """The digest and size of a parcel of its last line alone, which a sender that was started again sends first."""
    known_since: float = 0.0
    """When it came first, seconds since the epoch, where all of it came before; cursors know it by that."""
    done: int = 0
    """How many of its bytes were given to the reader."""
    is_committed: bool = False
    """Whether all its lines are in the store."""
    is_answered: bool = False
    """Whether its sender knows that."""
    shipped: Shipped | None = None
    """Which lines of which log it has, where its shipper tells; then repeats are known by that, not by the digest."""
    is_behind_gap: bool = False
    """Whether it was noted that something is missing before it."""

    @property
    def moment(self) -> float:
        """When it came first, seconds since the epoch."""
        return self.known_since or self.received_at.timestamp()
