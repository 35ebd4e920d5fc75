"""Has an authority stamp what was signed of the audit trail (RFC 3161), where one is configured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import structlog

from credwatch.app.settings import Settings
from credwatch.kernel.clock import Clock, Steady, steady_clock
from credwatch.kernel.errors import CredwatchError
from credwatch.ledger.note import NotGenuine
from credwatch.ledger.timestamp import QUERY, check, request_for, roots_in
from credwatch.service.schedule import Every, Job
from credwatch.store import audit
from credwatch.store.audit_stamps import StoredStamp, add_stamp, stamps
from credwatch.store.database import Database
from credwatch.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 60
_PATIENCE_SECONDS = 10.0
_MOST_REPLY = 65_536
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 3600.0
"""Seconds after a failure; they double."""


class StampFailed(CredwatchError):
    """The authority has given no stamp."""


class Stamping:
    """Asks for a stamp over the latest checkpoint, once in a while; each turn is one request."""

    def __init__(
        self, settings: Settings, database: Database, metrics: Metrics, clock: Clock, steady: Steady = steady_clock
    ) -> None:
        self._options = settings.audit
        self._roots = settings.audit.timestamp_roots or Path()
        self._database = database
        self._metrics = metrics.audit
        self._clock = clock
        self._steady = steady
        self._rests_until, self._wait = steady(), _FIRST_WAIT

    def jobs(self) -> list[Job]:
        """Name the job and its time; none where no authority is configured."""
        return [Job("stamp", Every(_LOOK_SECONDS), self.stamp)] if self._options.timestamp_url else []

    def stamp(self) -> None:
        """Ask for a stamp if one is due; a failure is said in log and metrics, and tried again after a while."""
        if self._steady() < self._rests_until:
            return
        try:
            self._stamp_latest()
        except StampFailed as error:
            self._metrics.stamp_failed()
            again = round(self._wait)
            log.warning("audit.not_stamped", where=error.where, problem=error.message, hint=error.hint, again_in=again)
            self._rests_until, self._wait = self._steady() + self._wait, min(2 * self._wait, _LONGEST_WAIT)
        else:
            self._wait = _FIRST_WAIT

    def _stamp_latest(self) -> None:
        now = self._clock()
        with self._database.reading() as connection:
            signed, latest = audit.latest_checkpoint(connection), next(iter(stamps(connection, 1)), None)
        if signed is None:
            return
        size, note = signed
        if latest is not None and latest.size == size:
            self._metrics.stamped(now)  # nothing has come since
            return
        if latest is not None and timedelta(0) <= now - latest.at < self._options.timestamp_every:
            self._metrics.stamped(latest.at)
            return
        stored = self._asked(size, note)
        with self._database.writing() as connection:
            add_stamp(connection, stored)
        self._metrics.stamped(stored.at)
        log.info("audit.stamped", size=size, at=stored.at.isoformat(), authority=stored.authority)

    def _asked(self, size: int, note: str) -> StoredStamp:
        """Ask the authority; raises StampFailed where it does not answer, or with something else than a stamp."""
        where, request = self._options.timestamp_url, request_for(note)
        try:
            roots = roots_in(self._roots.read_bytes(), str(self._roots))
            reply = _reply(where, request.as_bytes())
            stamp = check(reply, note, roots, request)
        except NotGenuine as error:
            raise StampFailed(f"{error.where} {error.message}", where=where, hint=error.hint) from error
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            hint = "see that the address is right and can be reached, and that [audit] timestamp_roots can be read"
            raise StampFailed(f"no answer: {error}", where=where, hint=hint) from error
        return StoredStamp(size, note, stamp.at, stamp.authority, reply)


def _reply(url: str, query: bytes) -> bytes:
    headers = {"Content-Type": QUERY}
    with httpx.stream("POST", url, content=query, headers=headers, timeout=_PATIENCE_SECONDS) as answer:
        if answer.status_code != httpx.codes.OK:
            hint = "ask whoever runs it; it is tried again"
            raise StampFailed(f"the authority answers with status {answer.status_code}", where=url, hint=hint)
        return b"".join(_bounded(answer.iter_bytes(), url))


def _bounded(parts: Iterator[bytes], url: str) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > _MOST_REPLY:
            raise StampFailed(f"the answer is longer than {_MOST_REPLY} bytes", where=url, hint="name an authority")
        yield part
