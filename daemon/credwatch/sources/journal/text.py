"""Reads what journalctl has written into a file or a pipe as if it were a log: each entry as its line."""

from __future__ import annotations

from credwatch.sources.file.unpacking import PIECE_BYTES, Unpacked
from credwatch.sources.journal.decode import MOST_ENTRY_BYTES, Decoder, decoder_of, may_be_journal


def as_lines(stream: Unpacked) -> Unpacked:
    """Give the entries of a journal as lines, and any other text as it is.

    What it is, its beginning tells: JSON or the export format of journalctl. No more is waited for than that needs, so
    that a pipe whose writer is slow gives its lines as they come.
    """
    beginning = stream.read1(PIECE_BYTES)
    while may_be_journal(beginning) and len(beginning) < MOST_ENTRY_BYTES:
        piece = stream.read1(PIECE_BYTES)
        if not piece:
            break
        beginning += piece
    return _Text(stream, beginning, decoder_of(beginning))


class _Text:
    """A stream of which the beginning was read."""

    def __init__(self, stream: Unpacked, beginning: bytes, decoder: Decoder | None) -> None:
        self._stream = stream
        self._beginning = beginning
        self._decoder = decoder

    def read1(self, size: int, /) -> bytes:
        while piece := self._beginning or self._stream.read1(size):
            self._beginning = b""
            if lines := self._decoder.lines(piece) if self._decoder else piece:
                return lines
        return self._decoder.rest() if self._decoder else b""

    def fileno(self) -> int:
        """Give the descriptor behind it, as files do; raises OSError where there is none."""
        fileno = getattr(self._stream, "fileno", None)
        if fileno is None:
            raise OSError("a stream in memory")
        return int(fileno())

    def close(self) -> None:
        self._stream.close()
