"""Notes what the daemon cannot see, and tells the operators of a source that is more silent than its rhythm allows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

import structlog
from msgspec.json import decode
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.kernel.clock import Clock, rfc3339
from credwatch.kernel.command import Command
from credwatch.store import outbox
from credwatch.store.database import Database
from credwatch.store.state import progress, seeing
from credwatch.store.state.seeing import SourceTimes
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import shown
from credwatch.workflows.rhythm import Rhythm

log = structlog.get_logger(__name__)

TURN_SECONDS = 60
_RESTART = timedelta(minutes=3)
"""A daemon that is back within so long was hardly away."""
_LAG = timedelta(minutes=15)
"""Lines that wait for so long are seen late."""

_Wanted = dict[tuple[str, Blindness], datetime]


class Lookout:
    """Looks once a minute at what is not seen, and keeps it as intervals with a beginning, an end and a reason.

    `notice`, `lost` and `capped` may be called from the reading thread; `turn` by the timetable alone.
    """

    def __init__(
        self,
        database: Database,
        sources: Iterable[str],
        clock: Clock,
        zone: str,
        facts: Callable[[], Facts],
        wake_outbox: Callable[[], None],
        lossy: Collection[str] = (),
    ) -> None:
        """`lossy` are sources whose senders never know what we have taken: what comes while we are away is lost."""
        self._database = database
        self._clock = clock
        self._zone = zone
        self._facts = facts
        self._wake_outbox = wake_outbox
        self._lock = threading.Lock()
        self._up = dict.fromkeys(sources, True)
        self._waiting = dict.fromkeys(self._up, 0)
        self._dropping: set[tuple[str, Blindness]] = set()
        self._looked_at = clock()
        self._followed_since = dict.fromkeys(self._up, self._looked_at)
        self._lossy = lossy
        self._has_begun = False

    def begin(self) -> None:
        """Keep since when nobody looked, before anything is received; raises StoreError, and may be called again.

        An absence that loses lines lasts, however short it was, until `arrived` says that they are received again.
        """
        began = min(self._followed_since.values(), default=self._clock())
        with self._database.writing() as connection:
            stored = progress.value(connection, seeing.ALIVE)
            if stored is None:
                progress.save_value(connection, seeing.ALIVE, rfc3339(began).encode())
            else:
                self._store_away(connection, min(began, datetime.fromisoformat(stored.decode())), began)
        self._has_begun = True

    def _store_away(self, connection: Connection, alive: datetime, began: datetime) -> None:
        lasting = {(it.source, it.reason) for it in seeing.open_intervals(connection)}
        lost = [BlindInterval(it, Blindness.DOWN, alive) for it in self._lossy if (it, Blindness.DOWN) not in lasting]
        all_of_us = [BlindInterval("", Blindness.DOWN, alive, began)] if began - alive > _RESTART else []
        seeing.save_intervals(connection, [*lost, *all_of_us])
        for interval in [*lost, *all_of_us]:
            log.warning("blind.began", source=interval.source, reason=interval.reason.value)

    def arrived(self) -> None:
        """Take note that whatever is sent to us is received; raises StoreError, and then the next turn does it."""
        now = self._clock()
        with self._database.writing() as connection:
            open_intervals = seeing.open_intervals(connection)
            away = [it for it in open_intervals if it.source in self._lossy and it.reason is Blindness.DOWN]
            seeing.save_intervals(connection, (replace(it, ended_at=max(it.started_at, now)) for it in away))
            progress.save_value(connection, seeing.ALIVE, rfc3339(now).encode())

    def notice(self, source: str, *, is_up: bool, waiting: int) -> None:
        """Take note whether a source can be read, and how many bytes wait."""
        with self._lock:
            self._up[source], self._waiting[source] = is_up, waiting

    def lost(self, source: str) -> None:
        """Take note that lines of a source were lost."""
        with self._lock:
            self._dropping.add((source, Blindness.DROPPING))

    def capped(self) -> None:
        """Take note that full windows let rows go."""
        with self._lock:
            self._dropping.add(("", Blindness.CAPPED))

    def unarchived(self) -> None:
        """Take note that events were seen that the archive will not have."""
        with self._lock:
            self._dropping.add(("", Blindness.UNARCHIVED))

    def turn(self) -> None:
        """Look at every source, and store what began or ended; raises StoreError."""
        now = self._clock()
        if not self._has_begun:
            self.begin()
        with self._lock:
            up, waiting, dropping = dict(self._up), dict(self._waiting), self._dropping
            self._dropping = set()
        try:
            queued = self._look(now, up, waiting, dropping)
        except BaseException:
            with self._lock:
                self._dropping |= dropping
            raise
        self._looked_at = now
        if queued:
            self._wake_outbox()

    def _look(
        self, now: datetime, up: Mapping[str, bool], waiting: Mapping[str, int], dropping: set[tuple[str, Blindness]]
    ) -> int:
        with self._database.writing() as connection:
            times = seeing.all_times(connection)
            rhythms = self._rhythms(connection, times, up, now)
            wanted: _Wanted = {(source, Blindness.UNREADABLE): now for source, is_up in up.items() if not is_up}
            wanted |= dict.fromkeys(dropping, self._looked_at)
            wanted |= {(source, Blindness.LAGGING): now for source in up if _lags(times.get(source), waiting[source])}
            wanted |= {
                (source, Blindness.SILENT): times[source].heard_at
                for source, rhythm in rhythms.items()
                if source in times and up[source] and not rhythm.allows(times[source].heard_at, now, self._zone)
            }
            begun = self._store(connection, wanted, times, now)
            letters = [letter for interval in begun for letter in self._letters(interval, now)]
            progress.save_value(connection, seeing.ALIVE, rfc3339(now).encode())
            return outbox.queue(connection, letters)

    def _rhythms(
        self, connection: Connection, times: Mapping[str, SourceTimes], up: Mapping[str, bool], now: datetime
    ) -> dict[str, Rhythm]:
        """Take in the quarters that have passed, of sources that could be read in them."""
        stored = seeing.all_rhythms(connection)
        before = {source: decode(stored[source], type=Rhythm) if source in stored else Rhythm() for source in up}
        for source, is_up in up.items():
            self._followed_since[source] = self._followed_since.get(source, now) if is_up else now
        rhythms = {
            source: rhythm.followed(self._followed_since[source], times[source].heard_at, now, self._zone)
            for source, rhythm in before.items()
            if source in times
        }
        seeing.save_rhythms(connection, ((it, rhythm) for it, rhythm in rhythms.items() if rhythm != before[it]))
        return rhythms

    def _store(
        self, connection: Connection, wanted: _Wanted, times: Mapping[str, SourceTimes], now: datetime
    ) -> list[BlindInterval]:
        """Begin and end intervals, and return those that begin."""
        lasting = {(it.source, it.reason): it for it in seeing.open_intervals(connection)}
        begun = [BlindInterval(*key, started_at=min(at, now)) for key, at in wanted.items() if key not in lasting]
        ended = [
            replace(it, ended_at=max(it.started_at, _end_of(it, times, now)))
            for key, it in lasting.items()
            if key not in wanted
        ]
        seeing.save_intervals(connection, [*begun, *ended])
        for interval in begun:
            log.warning("blind.began", source=interval.source, reason=interval.reason.value)
        for interval in ended:
            log.info("blind.ended", source=interval.source, reason=interval.reason.value)
        return begun

    def _letters(self, interval: BlindInterval, now: datetime) -> tuple[Command, ...]:
        if interval.reason is not Blindness.SILENT:
            return ()
        since = rfc3339(interval.started_at)
        return escalate(
            self._facts(),
            now,
            EscalationReason.SOURCE_SILENT,
            duty="",
            incident="",
            phase=f"{interval.source} {since}",
            source=shown(interval.source),
            silent_since=since,
        )


def _lags(times: SourceTimes | None, waiting: int) -> bool:
    """Say whether lines wait, and the latest that were read had waited for long."""
    return bool(waiting and times and times.happened_at and times.heard_at - times.happened_at > _LAG)


def _end_of(interval: BlindInterval, times: Mapping[str, SourceTimes], now: datetime) -> datetime:
    """A silence ended with the line that was read; all else when it was noticed."""
    is_silence = interval.reason is Blindness.SILENT and interval.source in times
    return min(now, times[interval.source].heard_at) if is_silence else now
