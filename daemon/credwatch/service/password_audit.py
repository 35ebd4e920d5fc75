"""Has stored passwords tried where the operator allows it, in a thread that waits for a process most of the time.

What comes of each is kept at once, so that whoever is killed goes on with the next. A source is read anew for every
pass, and nothing of a password is kept but whether it was guessed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from credwatch.app.build import read_registers
from credwatch.app.posture import audit_words_of
from credwatch.app.settings import Settings
from credwatch.kernel.account_finding import PasswordAudited
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import CredwatchError
from credwatch.posture.guessing.auditing import AuditWords, DuePasswords, due_passwords, tried
from credwatch.posture.guessing.guesser import Guesser
from credwatch.posture.options import AccountSourceOptions
from credwatch.service.schedule import Every, Job
from credwatch.store import posture
from credwatch.store.database import Database
from credwatch.telemetry.posture_metrics import PostureMetrics

log = structlog.get_logger(__name__)

_TURN_SECONDS = 5
_FRESH = timedelta(hours=1)
"""So long stored passwords are held in memory at most before their source is read again."""
_AGAIN = timedelta(minutes=15)
"""So long after a pass that failed the next one begins."""


class PasswordAudit:
    """Begins passes over the sources whose passwords may be tried; the timetable's thread calls it alone."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        metrics: PostureMetrics,
        clock: Clock,
        on_tried: Callable[[int, int], None] = lambda _done, _due: None,
    ) -> None:
        self._settings = settings
        self._options = settings.posture.audit
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._on_tried = on_tried
        self._thread: threading.Thread | None = None
        self._next: dict[str, datetime] = {}

    def jobs(self) -> list[Job]:
        """Name the job, where passwords may be tried."""
        return [Job("password_audit", Every(_TURN_SECONDS), self.turn)] if self._options.sources else []

    def turn(self) -> None:
        """Begin a pass over the sources that wait for one, and set the metrics; raises StoreError."""
        self._measure()
        now, due = self._clock(), list[AccountSourceOptions]()
        for source in self._settings.posture.source:
            after = self._next.get(source.id)
            if source.id in self._options.sources and (after is None or after <= now):
                due.append(source)
        if due and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self.run, args=(due,), name="password-audit", daemon=True)
            self._thread.start()

    def run(self, sources: list[AccountSourceOptions]) -> None:
        """Try what is due of some sources, whatever fails."""
        with Guesser(self._options.share, self._settings.gate.blocklists) as guesser:
            for source in sources:
                try:
                    is_all = self.audit(source, guesser)
                    log.info("posture.audited", source=source.id, is_all=is_all)
                    wait = self._settings.posture.interval if is_all else timedelta()
                except CredwatchError as error:
                    log.error("posture.not_audited", source=source.id, error=error.headline(), hint=error.hint)
                    wait = _AGAIN
                except Exception:
                    log.exception("posture.audit_failed")  # a defect: it is tried again, and the other sources now
                    wait = _AGAIN
                self._next[source.id] = self._clock() + wait

    def audit(self, source: AccountSourceOptions, guesser: Guesser) -> bool:
        """Make one pass over a source, and say whether nothing is due any more; raises SourceError, StoreError."""
        passwords = self._due(source)
        until, outcomes = self._clock() + _FRESH, list[bool]()
        for audited, seconds in tried(passwords, guesser, self._clock):
            outcomes.append(self._kept(source.id, audited, seconds))
            self._on_tried(len(outcomes), len(passwords.passwords))
            if self._clock() >= until:
                break
        if any(outcomes):
            with self._database.writing() as connection:
                posture.read_soon(connection, source.id)
        return passwords.is_all and len(outcomes) == len(passwords.passwords)

    def _due(self, source: AccountSourceOptions) -> DuePasswords:
        with self._database.reading() as connection:
            earlier = posture.audits_of(connection, source.id)
        passwords = due_passwords(source, self._settings.posture, earlier, self._words(), self._clock)
        with self._database.writing() as connection:
            posture.keep_audits(connection, source.id, passwords.accounts)
        return passwords

    def _words(self) -> AuditWords:
        return audit_words_of(self._settings, read_registers(self._settings))

    def _kept(self, source: str, audited: PasswordAudited, seconds: float) -> bool:
        """Keep what came of one password, and say whether a finding begins or ends by it."""
        self._metrics.audit_seconds.inc(seconds)
        with self._database.writing() as connection:
            earlier = posture.audit_of(connection, source, audited.customer, audited.user)
            posture.save_audit(connection, source, audited)
        was = earlier is not None and earlier.outcome == "guessed"
        return was is not (audited.outcome == "guessed")

    def _measure(self) -> None:
        with self._database.reading() as connection:
            self._metrics.audited(posture.count_audits(connection))
