"""Opens logs that nobody writes any more, whether they are files of lines or what journalctl has written."""

from __future__ import annotations

import os
from pathlib import Path

from credwatch.sources.file.opened import OpenLog, StreamedLog, open_log, open_regular
from credwatch.sources.file.unpacking import PIECE_BYTES, Unpacked
from credwatch.sources.journal.decode import decoder_of
from credwatch.sources.journal.text import as_lines


def open_finished(path: Path) -> OpenLog:
    """Open a regular file, unpacked; entries of a journal are given as lines. Raises OSError."""
    log = open_log(path, as_lines)
    if log.is_packed or decoder_of(log.read_at(PIECE_BYTES, 0)) is None:
        return log
    log.close()
    descriptor = open_regular(path)

    def stream() -> Unpacked:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return as_lines(os.fdopen(descriptor, "rb", closefd=False))

    return StreamedLog(str(path), stream, descriptor)
