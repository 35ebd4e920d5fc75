"""Where batches go to: what every way promises, and what comes of one attempt."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from credwatch.sources.shipped.batch import LogBatch


class Destination(Protocol):
    """One way to hand batches over.

    `opened` gives, for the length of a block, what ships: a function that returns once the batch is safe on the other
    side, and raises SourceError where it may not be. Whoever ships sends the batch again then; the other side knows it
    by its place. Several batches of different logs may be under way at a time.
    """

    where: str
    """What is named in errors, for people."""

    def opened(self) -> AbstractAsyncContextManager[Ship]:
        """Connect, where that has to be done; raises SourceError where it cannot be done now."""

    async def asked(self) -> None:
        """See whether a batch would be taken, without sending one; raises SourceError where it would not."""


class Ship(Protocol):
    """Hands one batch over."""

    async def __call__(self, batch: LogBatch, packed: bytes) -> None:
        """Return once the batch is safe there; `packed` is what it has, packed by zstd. Raises SourceError."""
