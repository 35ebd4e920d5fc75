"""Says how far back the line may stand that `last message repeated 3 times` means; without frames."""

from __future__ import annotations

LOOK_BACK_BYTES = 1 << 13
"""A line further back is not the one that is meant, nor one that is longer."""
BEFORE_BYTES = 2 * LOOK_BACK_BYTES
"""So much of a log, before a piece of it, holds every line that one in the piece may mean."""

_WORDS = b"last message repeated "


def needs_lines_before(piece: bytes) -> bool:
    """Say whether a line of a piece may stand for one before the piece."""
    return piece.find(_WORDS, 0, BEFORE_BYTES) >= 0


def last_lines(text: bytes) -> bytes:
    """Give the last whole lines of a text, enough for what may stand for one of them."""
    return text if len(text) <= BEFORE_BYTES else text[text.find(b"\n", -BEFORE_BYTES - 1) + 1 :]
