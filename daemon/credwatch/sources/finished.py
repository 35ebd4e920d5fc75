"""Opens logs that nobody writes any more, whether they are files of lines or what journalctl has written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from credwatch.sources.file.opened import STANDARD_INPUT, OpenLog, StreamedLog, log_in, open_regular
from credwatch.sources.file.unpacking import PIECE_BYTES, Unpacked
from credwatch.sources.journal.decode import decoder_of
from credwatch.sources.journal.text import as_lines


def open_finished(name: str) -> OpenLog:
    """Open a regular file, or the one that standard input is, unpacked; entries of a journal are given as lines.

    Raises OSError.
    """
    log = log_in(_descriptor(name), name, as_lines)
    if log.is_packed or decoder_of(log.read_at(PIECE_BYTES, 0)) is None:
        return log
    log.close()
    descriptor = _descriptor(name)

    def stream() -> Unpacked:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return as_lines(os.fdopen(descriptor, "rb", closefd=False))

    return StreamedLog(name, stream, descriptor)


def _descriptor(name: str) -> int:
    return os.dup(sys.stdin.fileno()) if name == STANDARD_INPUT else open_regular(Path(name))
