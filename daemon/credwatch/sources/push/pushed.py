"""What the body of a request comes to: lines, and why some of its records are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from credwatch.sources.push.refused import RequestRefused

MOST_RECORD_BYTES = 1024 * 1024
"""A longer line is refused, for of a line that long in a file the rest would be dropped."""

TOO_LONG = f"longer than {MOST_RECORD_BYTES} bytes"


class PushedLines(Struct):
    """The records of a body, in their order."""

    lines: list[bytes]
    """The lines that were made of them, without newlines."""
    reasons: list[str]
    """For each record why it is not taken; empty where it is, or where it holds nothing to take."""
    labels: list[tuple[str, str, str]] = field(default_factory=list)
    """For each record what its answer repeats of it, where a dialect has that: action, index and id."""

    @classmethod
    def none(cls) -> PushedLines:
        """Begin with no record."""
        return cls([], [])

    def take(self, line: bytes) -> None:
        """Add a record that is a line; one that is too long is refused."""
        is_long = len(line) > MOST_RECORD_BYTES
        if line and not is_long:
            self.lines.append(line)
        self.reasons.append(TOO_LONG if is_long else "")

    def refuse(self, reason: str) -> None:
        """Add a record that cannot be taken."""
        self.reasons.append(reason)

    @property
    def data(self) -> bytes:
        """The lines with their newlines."""
        return b"".join(line + b"\n" for line in self.lines)

    @property
    def refused(self) -> list[tuple[int, str]]:
        """The records that are not taken: the number of each, counted from 0, and why."""
        return [(number, reason) for number, reason in enumerate(self.reasons) if reason]


class PushAnswer(Struct, frozen=True):
    """What is answered once the lines are committed."""

    status: int
    """The status of RFC 9110."""
    content: Any = None
    """What becomes the JSON of the body; None for an empty body."""
    raw: bytes = b""
    """The body where it is no JSON."""
    media_type: str = "application/json"
    """Its type."""


class PushDialect(Struct, frozen=True):
    """One way in which shippers write a request."""

    name: str
    """Its name in metrics."""
    read: Callable[[bytes, str, bool], PushedLines]
    """Makes lines of an unpacked body, given its media type and whether only JSON is wanted; raises RequestRefused."""
    answer: Callable[[PushedLines, str], PushAnswer]
    """Says what the lines came to, to a body of that media type."""


def refuse_media(media_type: str, wanted: str) -> RequestRefused:
    """Say which type a body must have."""
    return RequestRefused(415, f"a body of type {media_type[:80] or 'unknown'!r} cannot be read here; send {wanted}")
