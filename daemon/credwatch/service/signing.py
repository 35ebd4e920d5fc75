"""Keeps the audit trail provable: holds it against what was signed, signs it, and notes which files have changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog
from msgspec.json import decode, encode

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.app.trail import SignedTrail, TrailDiffers
from credwatch.casework import change_keeping
from credwatch.kernel.clock import Clock, Steady, steady_clock
from credwatch.ledger.entry import Act, ActKind
from credwatch.ledger.tree import GrowingTree, leaf_hash
from credwatch.service.files import changes, digests, edit_of
from credwatch.service.schedule import Every, Job
from credwatch.service.stamping import Stamping
from credwatch.store import audit, outbox
from credwatch.store.database import Database
from credwatch.store.state import progress
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.escalation import on_audit_differs
from credwatch.workflows.facts import Facts

log = structlog.get_logger(__name__)

_TURN_SECONDS, _REST_SECONDS = 0.5, 86_400.0
_AT_ONCE = 2_000
_FILES = "audited_files"


class Signing:
    """Signs the audit trail while the daemon runs; each turn is one short transaction."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        metrics: Metrics,
        clock: Clock,
        facts: Callable[[], Facts],
        steady: Steady = steady_clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._facts = facts
        self._trail = SignedTrail(settings.daemon.state_directory, keys.audit_key(settings))
        self._told = ""
        self._changed: TrailDiffers | None = None  # what reading all of it has found; nothing is signed meanwhile
        self._steady = steady
        self._stamping = Stamping(settings, database, metrics, clock, steady)
        self._tree, self._rests_until = GrowingTree(), steady()
        metrics.audit.begin(clock())

    def jobs(self) -> list[Job]:
        """Name the jobs and their times."""
        every = self._settings.audit.checkpoint_every.total_seconds()
        own = [Job("checkpoint", Every(int(every)), self.sign), Job("audit", Every(60), self.read_on)]
        return [*own, Job("changes", Every(60), self.look_after_changes), *self._stamping.jobs()]

    def note_files(self, config: Path, settings: Settings) -> None:
        """Write which files have changed since they were looked at last; raises StoreError."""
        after, now = digests(config, settings), self._clock()
        with self._database.writing() as connection:
            stored = progress.value(connection, _FILES)
            before = decode(stored, type=dict[str, str]) if stored else {}
            acts = [*changes(before, after, now)] if before != after else []
            if acts:
                audit.append(connection, *acts)
                progress.save_value(connection, _FILES, encode(after))
            edits = [edit_of(act) for act in acts] if before else []
            change_keeping.take_up(connection, edits, after, settings, self._facts(), now)

    def look_after_changes(self) -> None:
        """Open the incident of each change of what concerns staff that two people have not confirmed in time."""
        with self._database.writing() as connection:
            change_keeping.look_after(connection, self._facts(), self._clock())

    def sign(self) -> None:
        """Hold the trail against what was signed last, and sign it as it is now, or call the operators."""
        now = self._clock()
        try:
            if self._changed is not None:
                raise self._changed
            with self._database.writing() as connection:
                signed = self._trail.sign(connection, now)
            self._trail.keep(signed)
        except TrailDiffers as error:
            self._alarm(error)
        else:
            self._told = ""
            self._metrics.audit.signed(signed.size, now)

    def read_on(self) -> None:
        """Hash the entries anew, half a second at a time, and then rest for a day.

        What is kept of the tree would not show a row that was changed in place.
        """
        if self._steady() < self._rests_until:
            return
        try:
            if self._has_read_all(self._steady() + _TURN_SECONDS):
                self._tree, self._rests_until = GrowingTree(), self._steady() + _REST_SECONDS
                self._changed = None
        except TrailDiffers as error:
            self._changed = error
            self._tree, self._rests_until = GrowingTree(), self._steady() + _REST_SECONDS
            self._alarm(error)

    def _has_read_all(self, end: float) -> bool:
        """Read on until a moment of the steady clock; says whether all that was signed has been read."""
        tree, last = self._tree, self._trail.last()
        while last is not None and tree.size < last.size:
            with self._database.reading() as connection:
                count = min(_AT_ONCE, last.size - tree.size)
                entries = list(audit.whole_log(connection, "", tree.size + count, tree.size))
            if len(entries) < count:
                raise TrailDiffers("entries are missing", where="audit trail", hint=_HINT)
            tree.extend(map(leaf_hash, entries))
            if self._steady() >= end:
                return False
        if last is not None and (tree.size, tree.root()) != (last.size, last.root):
            raise TrailDiffers("an entry was changed in the store", where="audit trail", hint=_HINT)
        return True

    def _alarm(self, error: TrailDiffers) -> None:
        """Say it in the log, the metrics, the trail itself and to the operators, once for each difference."""
        self._metrics.audit.differs()
        if self._told == str(error):
            return
        self._told, now = str(error), self._clock()
        log.error("audit.differs", where=error.where, problem=error.message, hint=error.hint)
        with self._database.writing() as connection:
            details = {"problem": error.message, **self._trail.signed_before()}
            audit.append(connection, Act(now, ActKind.TREE_DIFFERS, unshared=details))
            outbox.queue(connection, on_audit_differs(error.message, self._facts(), now))


_HINT = "`credwatch audit export` and `credwatch verify` say which"
