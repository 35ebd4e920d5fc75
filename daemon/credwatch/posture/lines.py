"""Writes findings as lines for the rules, each once, whoever is killed meanwhile.

The store has the lines that are to be written, in their order, and how long the file was when those before them were
all in it. What stands in the file behind that is the beginning of the lines that wait: so after a kill the rest is
written, and no line twice.
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.json import encode

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import SourceError
from credwatch.kernel.ids import stable_id
from credwatch.posture.review import FindingChange

MOST_BYTES = 8 * 1024 * 1024
"""A file of findings that is longer is put aside, and begun anew."""


def line_of(change: FindingChange) -> str:
    """Write a change as an event of the schema `credwatch-posture/1`, with its newline; its id follows from it."""
    finding, at = change.finding, rfc3339(change.at)
    key = finding.key
    outcome = "success" if change.is_over else "failure"
    event_id = stable_id("cwp", key.source, key.customer, key.user, key.rule, outcome, finding.detail, at)
    document = {
        "schema": "credwatch-posture/1",
        "@timestamp": at,
        "event": {"id": event_id, "outcome": outcome, "reason": key.rule},
        "service": {"name": key.source},
        "user": {"name": key.user},
        "message": finding.detail,
        **({"organization": {"id": key.customer}} if key.customer else {}),
    }
    return encode(document).decode() + "\n"


class FindingsFile:
    """The file that the rules read findings from; one thread writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, lines: list[str], settled: int) -> int:
        """Write those lines that are not in it yet, and return how long it is then.

        `settled` is how long it was when all lines before these were in it. Raises SourceError where that fails.
        """
        content = "".join(lines).encode()
        try:
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o640), "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(settled if settled <= size else 0)
                rest = _rest(content, file.read())
                file.seek(0, os.SEEK_END)
                file.write(rest)
                file.flush()
                os.fsync(file.fileno())
                return file.tell()
        except OSError as error:
            hint = "check free space, and that the daemon may write there"
            raise SourceError(f"cannot be written: {error.strerror}", where=str(self._path), hint=hint) from error

    def put_aside(self, size: int) -> int:
        """Begin the file anew where it has become long; return how long it is then."""
        if size <= MOST_BYTES:
            return size
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        return 0


def _rest(content: bytes, written: bytes) -> bytes:
    """Return what is missing of the content; on something else a line is begun, and all of it follows."""
    if content.startswith(written) or written.startswith(content):
        return content[len(written) :]
    return content if written.endswith(b"\n") else b"\n" + content
