"""What every reader of accounts promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from credwatch.posture.rows import Row


class AccountReader(Protocol):
    """Reads all accounts of one source, once for each call."""

    def rows(self) -> Iterator[Row]:
        """Give each account as a row.

        Raises SourceError where the source cannot be read to its end, within the bounds of time and number that its
        options name: then nothing that was given before counts. Opens what it needs at the first row, and closes it.
        """
        ...
