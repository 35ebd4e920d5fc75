"""Gives what senders handed over as a source: a log for each sender, and an acknowledgement only after the commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping

import msgspec
from msgspec import Struct, field

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.sources.received.intake import REPEAT_SECONDS, Intake
from credwatch.sources.received.parcel import Parcel, Taken

_MOST_TAKEN = 512
"""So many parcels a cursor tells of: those that were committed last."""


class _ParcelPart(Struct, frozen=True):
    """The bytes of one parcel within a chunk."""

    digest: str
    moment: float
    before: int
    """How many bytes of the parcel were given before."""
    begin: int
    """Where its bytes begin in the log."""
    end: int
    """Where they end."""


class _Beginning(Struct, frozen=True):
    """What `Chunk.beginning` holds: how a cursor within the chunk is made."""

    taken: list[Taken]
    parts: list[_ParcelPart]


class _Lane(Struct, eq=False):
    """The log of one sender."""

    position: int = 0
    """How many bytes of lines were given."""
    taken: list[Taken] = field(default_factory=list)
    """The parcels that were given, and whose senders may not know that they were committed."""
    parcels: deque[Parcel] = field(default_factory=deque)
    """What is to be given."""
    handed_on: deque[tuple[int, Parcel]] = field(default_factory=deque)
    """What was given whole and is not committed yet, with its end in the log."""

    @property
    def waiting(self) -> int:
        return sum(len(parcel.data) - parcel.done for parcel in self.parcels)

    def take(self, limit: int) -> tuple[bytes, list[_ParcelPart]]:
        """Take whole lines, about so many bytes of them, and say of which parcels they are."""
        begin, pieces, parts = self.position, list[bytes](), list[_ParcelPart]()
        while self.parcels and (not pieces or self.position - begin < limit):
            parcel = self.parcels[0]
            piece = _piece(parcel, limit - (self.position - begin))
            end = self.position + len(piece)
            pieces.append(piece)
            parts.append(_ParcelPart(parcel.digest, parcel.moment, parcel.done, self.position, end))
            self.position, parcel.done = end, parcel.done + len(piece)
            if parcel.done == len(parcel.data):
                self.handed_on.append((end, self.parcels.popleft()))
        return b"".join(pieces), parts


class ReceivedSource:
    """Reads what an intake keeps.

    A cursor is `position`, the bytes of lines that were given of its log, and `taken`: the parcels of which it is not
    known whether their senders were told. After a crash those may come again, and are then told apart from new ones.
    """

    def __init__(
        self,
        name: str,
        intake: Intake,
        cursors: Mapping[str, Cursor],
        *,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._intake = intake
        self._clock = clock
        own = {file: cursor for file, cursor in cursors.items() if "taken" in cursor}
        self._tally, self._before = Tally(), intake.losses()
        self._lanes = {file: _lane(cursor) for file, cursor in own.items()}
        intake.begin((entry for lane in self._lanes.values() for entry in lane.taken), own, wake)

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    @property
    def tally(self) -> Tally:
        """What the source has met so far."""
        lost = {
            what: max(number - self._before[what], getattr(self._tally, what))
            for what, number in self._intake.losses().items()
        }
        if any(getattr(self._tally, what) != number for what, number in lost.items()):
            self._tally = Tally(**lost)
        return self._tally

    @property
    def finished(self) -> bool:
        """False: somebody may always send more."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next lines of a sender, or None; see `Source.read`."""
        for parcel in self._intake.arrived():
            self._arrange(parcel)
        for file, lane in self._lanes.items():
            if lane.parcels and file not in held:
                return self._chunk(file, lane, limit_bytes)
        return None

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        begun = msgspec.json.decode(chunk.beginning, type=_Beginning)
        return _cursor(position, [*begun.taken, *_taken_of(begun.parts, position)])

    def acknowledge(self, chunk: Chunk) -> None:
        """Let go the parcels whose last line is committed, and have their senders told."""
        lane = self._lanes[chunk.file]
        while lane.handed_on and lane.handed_on[0][0] <= chunk.cursor["position"]:
            self._intake.committed(lane.handed_on.popleft()[1])

    def waiting(self) -> int:
        """Say how many senders have lines waiting."""
        for parcel in self._intake.arrived():
            self._arrange(parcel)
        return sum(bool(lane.parcels) for lane in self._lanes.values())

    def awaited(self) -> Collection[str]:
        """Name no file: what came can be given at once."""
        return ()

    def problems(self) -> list[SourceError]:
        """Return why nothing can be received now."""
        return [self._intake.problem] if self._intake.problem else []

    def lag(self) -> int:
        """Say how many bytes of lines wait."""
        self.waiting()
        return sum(lane.waiting for lane in self._lanes.values())

    def close(self) -> None:
        """Do nothing: what is not committed stays in the intake, for the source that is opened next."""

    def _arrange(self, parcel: Parcel) -> None:
        """Put a parcel into the log of its sender, without what was committed of it before."""
        parcel.done = self._intake.repeated(parcel, self._clock().timestamp())
        if parcel.done >= len(parcel.data):
            self._intake.committed(parcel)
        else:
            self._lanes.setdefault(parcel.file, _Lane()).parcels.append(parcel)

    def _chunk(self, file: str, lane: _Lane, limit: int) -> Chunk:
        now, begin, first = self._clock(), lane.position, lane.parcels[0]
        oldest = now.timestamp() - REPEAT_SECONDS
        # What was given before of the parcel that goes on here is told by its part.
        before = [
            entry
            for entry in {**dict.fromkeys(lane.taken), **dict.fromkeys(self._intake.last_of(file))}
            if entry[1] > oldest and entry[:2] != (first.digest, first.moment) and not self._intake.is_over(entry)
        ]
        data, parts = lane.take(limit)
        lane.taken = [*before, *_taken_of(parts, lane.position)][-_MOST_TAKEN:]
        return Chunk(
            source=self._name,
            file=file,
            data=data,
            first_position=begin,
            cursor=_cursor(lane.position, lane.taken),
            received_at=first.received_at,
            reference=now,
            backlog=lane.waiting,
            beginning=msgspec.json.encode(_Beginning(before, parts)),
        )


def _lane(cursor: Cursor) -> _Lane:
    entries = [(str(digest), float(moment), int(size)) for digest, moment, size in cursor["taken"]]
    return _Lane(position=int(cursor["position"]), taken=entries)


def _cursor(position: int, taken: list[Taken]) -> Cursor:
    return {"position": position, "taken": [[*entry] for entry in taken[-_MOST_TAKEN:]]}


def _piece(parcel: Parcel, limit: int) -> bytes:
    """Cut whole lines off a parcel, one at least."""
    rest = len(parcel.data) - parcel.done
    if rest <= limit:
        return parcel.data[parcel.done :]
    end = parcel.data.rfind(b"\n", parcel.done, parcel.done + max(limit, 1)) + 1
    end = end or parcel.data.find(b"\n", parcel.done) + 1
    return parcel.data[parcel.done : end]


def _taken_of(parts: list[_ParcelPart], position: int) -> list[Taken]:
    """Say how much was given of each parcel up to a position."""
    return [
        (part.digest, part.moment, part.before + min(part.end, position) - part.begin)
        for part in parts
        if part.begin < position
    ]
