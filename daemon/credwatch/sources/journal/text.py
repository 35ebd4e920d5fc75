"""Reads what journalctl has written into a file or a pipe as if it were a log: each entry as its line."""

from __future__ import annotations

from contextlib import suppress

from credwatch.sources.file.unpacking import DAMAGE, PIECE_BYTES, Unpacked
from credwatch.sources.journal.decode import MOST_ENTRY_BYTES, Decoder, decoder_of, may_be_journal


def as_lines(stream: Unpacked) -> Unpacked:
    """Give the entries of a journal as lines, and any other text as it is.

    What it is, its beginning tells: JSON or the export format of journalctl. No more is waited for than that needs, so
    that a pipe whose writer is slow gives its lines as they come. Nothing is read before somebody reads.
    """
    return _Text(stream)


class _Text:
    """A stream whose beginning tells how it is written."""

    def __init__(self, stream: Unpacked) -> None:
        self._stream = stream
        self._has_begun = False
        self._beginning = b""
        self._decoder: Decoder | None = None

    def read1(self, size: int, /) -> bytes:
        if not self._has_begun:
            self._begin()
        while piece := self._beginning or self._stream.read1(size):
            self._beginning = b""
            if lines := self._decoder.lines(piece) if self._decoder else piece:
                return lines
        return self._decoder.rest() if self._decoder else b""

    def _begin(self) -> None:
        beginning = self._stream.read1(PIECE_BYTES)
        with suppress(*DAMAGE):  # the next read meets it again, behind what stands before it
            while may_be_journal(beginning) and len(beginning) < MOST_ENTRY_BYTES:
                piece = self._stream.read1(PIECE_BYTES)
                if not piece:
                    break
                beginning += piece
        self._beginning, self._decoder, self._has_begun = beginning, decoder_of(beginning), True

    def fileno(self) -> int:
        """Give the descriptor behind it, as files do; raises OSError where there is none."""
        fileno = getattr(self._stream, "fileno", None)
        if fileno is None:
            raise OSError("a stream in memory")
        return int(fileno())

    def close(self) -> None:
        self._stream.close()
