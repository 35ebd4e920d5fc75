"""Says what befell the files of sources: in metrics, and in the log where lines may be lost."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from msgspec.structs import asdict

from credwatch.sources.interface import Source, Tally

log = structlog.get_logger(__name__)

_HINTS = {
    "truncations": "a log was truncated or replaced: what was not read of it by then is lost, save what a copy holds",
    "vanished": "rotated files were deleted before they were read: let logrotate keep more of them",
    "damaged": "a compressed log could not be unpacked to its end: its last lines are lost",
    "cut_lines": "a line was longer than 1 MiB: its rest is dropped",
    "vacuumed": "the journal was vacuumed before it was read: let journald keep more (SystemMaxUse=, MaxRetentionSec=)",
    "suppressed": "journald left out messages of a service that wrote too many (RateLimitBurst= in journald.conf)",
    "dropped": "messages came over UDP faster than they were read, and are lost: let the sender use TCP or TLS",
    "gaps": "a sender numbers its messages, and some are missing: let it use TLS, or a way that is acknowledged",
    "expired": "a service had forgotten how far it was read: what it still has is read, the rest is lost",
    "holes": "a log has a hole of NUL bytes, as a truncation or a crash leaves it: what stood there is lost",
}


class Losses:
    """Notices when the tally of a source grows.

    A source that is opened again begins to count anew, so its tally is held against that of the same source only.
    """

    def __init__(self, count: Callable[[str, str, int], None], lost: Callable[[str], None] = lambda _: None) -> None:
        self._count = count
        self._lost = lost
        self._noticed: dict[str, tuple[Source, Tally]] = {}

    def notice(self, source: Source) -> None:
        """Tell of what is new since the last time; costs nothing where nothing is."""
        before, tally = self._noticed.get(source.name), source.tally
        is_same = before is not None and before[0] is source
        if is_same and before is not None and before[1] is tally:
            return
        old = asdict(before[1]) if is_same and before is not None else {}
        self._noticed[source.name] = (source, tally)
        for what, number in asdict(tally).items():
            if (more := number - old.get(what, 0)) > 0:
                self._tell(source.name, what, more)

    def _tell(self, source: str, what: str, more: int) -> None:
        self._count(source, what, more)
        if what in _HINTS:
            self._lost(source)
            log.warning("source.lines_may_be_lost", source=source, what=what, count=more, hint=_HINTS[what])
