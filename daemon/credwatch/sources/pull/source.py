"""Gives what a service that is asked for its log has, each item as one line, once, across restarts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import LINE_LIMIT, Chunk, Cursor, Tally
from credwatch.sources.pull.interface import Item, PulledBatch, PulledPlace, PulledService
from credwatch.sources.pull.keys import KnownKeys
from credwatch.sources.pull.pump import Pump

LOG = "pulled"
"""What stands for a file in chunks and cursors."""


class _State(Struct):
    """How far everything was given: what a cursor holds."""

    position: int
    """How many bytes of lines were given."""
    place: PulledPlace | None
    """Behind the last batch that was given whole."""
    keys: KnownKeys
    """The items given of what may be asked for again, those of a batch that was begun among them."""

    def to_cursor(self) -> Cursor:
        return {"position": self.position, "place": self.place, "known": self.keys.to_json()}

    @classmethod
    def from_cursor(cls, cursor: Any, width: float) -> _State:
        keys = KnownKeys.from_json(cursor.get("known", {}), width)
        return cls(int(cursor["position"]), cursor["place"], keys)

    def give(self, items: Collection[Item]) -> None:
        self.position += sum(len(item.line) for item in items)
        self.keys.add(items)

    def end(self, batch: PulledBatch) -> None:
        self.place = batch.place
        self.keys.forget_before(batch.floor)


class _BatchBeginning(Struct, frozen=True):
    """What `Chunk.beginning` holds: how a cursor within the chunk is made."""

    cursor: Cursor
    items: list[tuple[int, str, float]]
    """Of each item where its line ends in the log, its key and its order."""


class PulledSource:
    """Reads one service through a thread of its own; see `PulledService`.

    A cursor says where the next batch begins, and which items of what may be asked for again were given. So a batch
    that was committed in part is asked for anew, and its first items are left out.
    """

    def __init__(
        self,
        name: str,
        service: PulledService,
        cursors: Mapping[str, Cursor],
        *,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._service = service
        self._clock = clock
        self._wake = wake
        stored = cursors.get(LOG, {"position": 0, "place": None})
        self._is_new = LOG not in cursors
        self._state = _State.from_cursor(stored, service.width)
        self._stored = stored
        self._pump: Pump | None = None
        self._batch: PulledBatch | None = None
        self._rest: deque[Item] = deque()
        self._rest_bytes = 0
        self._told: SourceError | None = None
        self._expired = self._cut_lines = self._damaged = 0
        self._tally = Tally()

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    @property
    def tally(self) -> Tally:
        """What the source has met so far."""
        throttled = self._pump.throttled if self._pump else 0
        met = Tally(damaged=self._damaged, cut_lines=self._cut_lines, expired=self._expired, throttled=throttled)
        if met != self._tally:
            self._tally = met
        return self._tally

    @property
    def finished(self) -> bool:
        """False: a service may always have more."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next items as a chunk of lines, or None; see `Source.read`."""
        if LOG in held:
            return None
        pump = self._started()
        while not self._rest:
            batch = pump.take()
            if batch is None:
                self._complain(pump)
                return None
            self._begin(batch)
            if batch.items:
                break
            self._state.end(batch)
            if self._is_new or batch.has_expired:
                return self._chunk(self._state.to_cursor(), [])
        return self._next(limit_bytes)

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        if position >= chunk.first_position + len(chunk.data):
            return chunk.cursor
        begun = msgspec.json.decode(chunk.beginning, type=_BatchBeginning)
        state = _State.from_cursor(begun.cursor, self._service.width)
        state.keys.add(Item(b"", key, order) for end, key, order in begun.items if end <= position)
        state.position = max([state.position, *(end for end, _, _ in begun.items if end <= position)])
        return state.to_cursor()

    def acknowledge(self, chunk: Chunk) -> None:
        """Do nothing: the service can be asked again; see `Source.acknowledge`."""

    def waiting(self) -> int:
        """Say 1 where items may wait."""
        return int(self.lag() > 0)

    def awaited(self) -> Collection[str]:
        """Name nothing: a service that is slow holds up no other source."""
        return ()

    def problems(self) -> list[SourceError]:
        """Return why the service cannot be asked now."""
        problem = self._pump.problem if self._pump else None
        return [problem] if problem else []

    def lag(self) -> int:
        """Say how many bytes of lines wait; what the service may have counts for one."""
        return self._rest_bytes + (self._pump.waiting if self._pump else 1)

    def close(self) -> None:
        """End the thread; may be called twice."""
        if self._pump:
            self._pump.close()
        self._pump = None

    def _started(self) -> Pump:
        if self._pump is None:
            keys = KnownKeys.from_json(self._stored.get("known", {}), self._service.width)
            self._pump = Pump(self._service, self._stored["place"], keys, self._wake, name=self._name)
        return self._pump

    def _complain(self, pump: Pump) -> None:
        """Raise what keeps the service from being asked, once."""
        problem, before = pump.problem, self._told
        self._told = problem
        if problem is not None and problem is not before:
            raise problem

    def _begin(self, batch: PulledBatch) -> None:
        self._batch, self._rest = batch, deque(self._bounded(item) for item in batch.items)
        self._rest_bytes = sum(len(item.line) for item in self._rest)
        self._expired += batch.has_expired
        self._damaged += batch.is_damaged

    def _bounded(self, item: Item) -> Item:
        if len(item.line) <= LINE_LIMIT + 1:
            return item
        self._cut_lines += 1
        return Item(item.line[:LINE_LIMIT] + b"\n", item.key, item.order)

    def _next(self, limit: int) -> Chunk:
        """Give the first of the items that are left of a batch, one at least."""
        assert self._batch is not None
        items, size, before = list[Item](), 0, self._state.to_cursor()
        while self._rest and (not items or size + len(self._rest[0].line) <= limit):
            items.append(self._rest.popleft())
            size += len(items[-1].line)
        self._rest_bytes -= size
        self._state.give(items)
        if not self._rest:
            self._state.end(self._batch)
        return self._chunk(before, items)

    def _chunk(self, before: Cursor, items: list[Item]) -> Chunk:
        self._is_new = False
        now, end, marks = self._clock(), int(before["position"]), list[tuple[int, str, float]]()
        for item in items:
            end += len(item.line)
            marks.append((end, item.key, item.order))
        return Chunk(
            source=self._name,
            file=LOG,
            data=b"".join(item.line for item in items),
            first_position=before["position"],
            cursor=self._state.to_cursor(),
            received_at=now,
            reference=now,
            backlog=self.lag(),
            beginning=msgspec.json.encode(_BatchBeginning(before, marks)),
        )
