"""Notices logs that are not there: a rotation leaves a gap of an instant, whoever deletes a log a longer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from glob import has_magic
from pathlib import Path

import structlog

from credwatch.kernel.clock import Steady, steady_clock

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_GAP_SECONDS = 5.0
"""A log that is gone for so long is told; writers make it anew well before after a rotation."""


class MissingLogs:
    """Looks now and then whether the logs that sources name without a wildcard are there, and says where one is not."""

    def __init__(self, paths: Mapping[str, Sequence[str]], steady: Steady = steady_clock) -> None:
        self._paths = {name: [Path(path) for path in of if not has_magic(path)] for name, of in paths.items()}
        self._steady = steady
        self._looked_at = dict.fromkeys(paths, float("-inf"))
        self._gone_since: dict[Path, float] = {}
        self._told: set[Path] = set()

    def is_any(self, source: str) -> bool:
        """Say whether a log of this source has been missing for longer than a rotation takes."""
        now, paths = self._steady(), self._paths.get(source, [])
        if paths and now - self._looked_at[source] >= _LOOK_SECONDS:
            self._looked_at[source] = now
            for path in paths:
                self._look(source, path, now)
        return any(path in self._told for path in paths)

    def _look(self, source: str, path: Path, now: float) -> None:
        if path.exists():
            self._gone_since.pop(path, None)
            if path in self._told:
                self._told.remove(path)
                log.info("source.back", source=source, path=str(path))
        elif now - self._gone_since.setdefault(path, now) >= _GAP_SECONDS and path not in self._told:
            self._told.add(path)
            hint = (
                "whoever deletes a log hides something, or a rotation did not make it anew; it is read once it is there"
            )
            log.error("source.missing", source=source, path=str(path), hint=hint)
