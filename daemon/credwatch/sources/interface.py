"""The contract of every source: chunks of whole lines, each with the cursor that a restart goes on from."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from credwatch.kernel.errors import SourceError

Cursor = dict[str, Any]
"""Where to go on in one file: JSON values, understood by the source alone, kept by the store per source and file.

It need not be an offset: that of a journal is the journal's own."""

LINE_LIMIT = 1024 * 1024
"""So many bytes are waited for in one line; of one that has not ended by then they are given, and its rest dropped."""


class ReadingTerms(Struct, frozen=True):
    """What whoever hands lines over tells of how they are to be read."""

    format: str = ""
    """How they begin, `auto`, `syslog` or `json`; empty where the source says it."""
    zone: str = ""
    """The time zone of stamps that say none; empty where the source says it."""
    host: str = ""
    """The host that events are of whose lines name none."""
    refused: str = ""
    """Why none of them is to be read: then all are kept as unparsed with this reason."""


class Chunk(Struct, frozen=True):
    """Consecutive lines of one file, in their order."""

    source: str
    """The source's name in the configuration."""
    file: str
    """The file they are from, or what stands for one; with `source` the key under which the cursor is kept."""
    data: bytes
    """Complete lines with their newlines; empty where only the cursor moves (a first start, a rotation, a truncation).

    The last line lacks its newline where nothing will finish it: at the end of a replayed or a rotated file."""
    first_position: int
    """The byte offset of `data` in its file; where lines have none, how many bytes of lines were given before."""
    cursor: Cursor
    """Where to go on once everything that this chunk causes is committed."""
    received_at: datetime
    """When it was read, UTC."""
    reference: datetime
    """When the file was last written, UTC: what a stamp without a year is dated by."""
    backlog: int
    """How many bytes wait behind this chunk, in its file and its successor; 1 where that cannot be known, until its end
    was met."""
    before: bytes = b""
    """Lines that stand before `data` in its file, where a line of `data` may stand for one of them
    (`parse/repeats.py`); at most `BEFORE_BYTES`, and none where the source cannot read back so far."""
    beginning: bytes = b""
    """What the source needs to make a cursor within the chunk; understood by the source alone."""
    reading: ReadingTerms | None = None
    """How its lines are to be read, where that is not as the settings of the source say."""


class Tally(Struct, frozen=True):
    """What a source has met since it was opened; each number only grows."""

    truncations: int = 0
    """How often a file was found shorter than, or other than, what had been read of it."""
    rotations: int = 0
    """How often a file was read to its end and its successor begun."""
    vanished: int = 0
    """How often a file could not be found again after a restart, so that its last lines may be lost."""
    damaged: int = 0
    """How often a compressed file could not be unpacked to its end, so that its last lines are lost."""
    cut_lines: int = 0
    """How many lines were cut at `LINE_LIMIT`."""
    holes: int = 0
    """How many holes of NULs longer than `LINE_LIMIT` were passed over."""
    vacuumed: int = 0
    """How often the journal had no longer, after a restart, what had been read last, so that entries may be lost."""
    suppressed: int = 0
    """How many messages journald says that it has left out, because a service wrote too many."""
    dropped: int = 0
    """How many messages the system has dropped because they came faster than they were read."""
    gaps: int = 0
    """How many messages are missing where a sender numbers them."""
    refused: int = 0
    """How many connections were not let in: too many, or without a certificate that is believed."""
    expired: int = 0
    """How often a service did not know any more where it had been read to, so that events may be missing."""
    throttled: int = 0
    """How often a service has made us wait; nothing is lost by it."""
    restarts: int = 0
    """How often the program that reads for the source had ended and was started again; nothing is lost by it."""


class Source(Protocol):
    """Gives the lines of one configured source.

    A source is opened with the cursors of the chunks that were committed last. It then gives every complete line
    behind them once, in the order of its file, and loses none. What it gave is its own memory only: after a failed
    commit the caller closes it and opens a new one from the committed cursors. All calls come from one thread.
    """

    @property
    def name(self) -> str:
        """The source's name in the configuration."""

    @property
    def tally(self) -> Tally:
        """What the source has met so far."""

    @property
    def finished(self) -> bool:
        """True where no chunk will ever come again; a source that follows is never finished."""

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next chunk, of about `limit_bytes` at most, or None where nothing waits now.

        Files named in `held` (`Chunk.file`) are passed over, so that the caller may hold one chunk of each file.

        Returns at once; may be called again at any time, also after None. A single line longer than the limit is
        given whole, up to `LINE_LIMIT`. Raises SourceError where a file cannot be read, once until it can be again:
        the source stays usable, its other files go on with the next call, and it tries that file again by itself
        after a while, or passes over it where it replays. Nobody else retries.
        """

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on at a line of a chunk, so that the lines before it can be committed alone.

        `position` is where the line begins in the file, behind the chunk's first one. Never raises, and does not look
        at the file, which may have been rotated or truncated meanwhile.
        """

    def acknowledge(self, chunk: Chunk) -> None:
        """Take note that everything a chunk has caused is committed, so that whoever gave its lines may forget them.

        Called after each commit, with chunks or their beginnings in the order in which they were read; a chunk that is
        never acknowledged is given again after a restart. Never raises. Sources that can be read again need do nothing.
        """

    def waiting(self) -> int:
        """Say how many files may have lines waiting: cheap to ask, and never too few. Never raises."""

    def awaited(self) -> Collection[str]:
        """Name the files of which more is known to wait that cannot be given yet; each only for a while. Never raises.

        Lines of other logs that are later than what such a file has given wait for it.
        """

    def problems(self) -> list[SourceError]:
        """Return one error for each file that could not be read when it was tried last. Never raises."""

    def lag(self) -> int:
        """Say how many bytes wait in all files together; 0 where that cannot be known. Never raises."""

    def close(self) -> None:
        """Give back descriptors and threads; may be called twice, and no other call follows."""
