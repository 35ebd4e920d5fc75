"""Gives what senders handed over as a source: a log for each sender, and an acknowledgement only after the commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.sources.received.intake import REPEAT_SECONDS, Intake
from credwatch.sources.received.lane import Lane, ParcelPart
from credwatch.sources.received.parcel import LAST_LINE_SECONDS, Parcel, Taken
from credwatch.sources.shipped.covered import CoveredSpans, Span

_MOST_TAKEN = 512
"""So many parcels a cursor tells of: those that were committed last."""


class _Beginning(Struct, frozen=True):
    """What `Chunk.beginning` holds: how a cursor within the chunk is made."""

    taken: list[Taken]
    covered: dict[str, list[Span]]
    parts: list[ParcelPart]


class ReceivedSource:
    """Reads what an intake keeps.

    A cursor is `position`, the bytes of lines that were given of its log; `taken`, the parcels of which it is not known
    whether their senders were told; and `covered`, by series, what was given of what shippers number. After a crash
    those may come again, and are then told apart from new ones.
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
        # Those of which something waits: the one that gave a chunk last comes last, for it is held most likely.
        self._busy: dict[str, Lane] = {}
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
        self._arrange_all()
        for file in [*self._busy]:
            if file in held:
                continue
            lane = self._busy.pop(file)
            if lane.has_next():
                chunk = self._chunk(file, lane, limit_bytes)
                self._busy |= {file: lane} if lane.parcels or lane.held else {}
                return chunk
            self._let_go(lane)
            self._busy |= {file: lane} if lane.held else {}
        return None

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        begun = msgspec.json.decode(chunk.beginning, type=_Beginning)
        lane = Lane(covered={series: CoveredSpans(spans) for series, spans in begun.covered.items()})
        for part in begun.parts:
            if part.series and part.begin < position:
                lane.note([_cut(part, position)])
        return _cursor(position, [*begun.taken, *_taken_of(begun.parts, position)], lane)

    def acknowledge(self, chunk: Chunk) -> None:
        """Let go the parcels whose last line is committed, and have their senders told."""
        lane = self._lanes[chunk.file]
        lane.committed = chunk.cursor["position"]
        self._let_go(lane)

    def waiting(self) -> int:
        """Say how many senders may have lines waiting."""
        self._arrange_all()
        return sum(bool(lane.parcels) for lane in self._busy.values())

    def awaited(self) -> Collection[str]:
        """Name the logs of which something is missing that may still come."""
        return [file for file, lane in self._busy.items() if lane.held]

    def problems(self) -> list[SourceError]:
        """Return why nothing can be received now."""
        return [self._intake.problem] if self._intake.problem else []

    def lag(self) -> int:
        """Say how many bytes of lines wait here, and about how many elsewhere."""
        self.waiting()
        return sum(lane.waiting for lane in self._busy.values()) + self._intake.elsewhere

    def close(self) -> None:
        """Do nothing: what is not committed stays in the intake, for the source that is opened next."""

    def _arrange_all(self) -> None:
        """Put what came into its order; costs nothing where nothing came."""
        is_complete, arrived = self._intake.took_stock(), self._intake.arrived()
        if not arrived and not is_complete:
            return
        for parcel in arrived:
            self._arrange(parcel)
        for file, lane in [*self._busy.items()]:
            if lane.held:
                lane.release(is_complete=is_complete)
            if not lane.has_next():
                self._let_go(lane)
                if not lane.held:
                    del self._busy[file]
            self._intake.gaps, lane.gaps = self._intake.gaps + lane.gaps, 0
        self._intake.is_holding = any(lane.held for lane in self._busy.values())

    def _arrange(self, parcel: Parcel) -> None:
        """Put a parcel into the log of its sender, without what was committed of it before."""
        if parcel.shipped:
            self._lane_of(parcel.file).place(parcel, parcel.shipped)
            return
        parcel.done = self._intake.repeated(parcel, self._clock().timestamp())
        if parcel.done < len(parcel.data):
            self._lane_of(parcel.file).parcels.append(parcel)
        else:
            self._intake.committed(parcel)

    def _lane_of(self, file: str) -> Lane:
        """Give the log of a sender, of which something came."""
        return self._busy.setdefault(file, self._lanes.setdefault(file, Lane()))

    def _let_go(self, lane: Lane) -> None:
        for parcel in lane.finished():
            self._intake.committed(parcel)

    def _chunk(self, file: str, lane: Lane, limit: int) -> Chunk:
        now, begin, first = self._clock(), lane.position, lane.parcels[0]
        oldest = now.timestamp() - REPEAT_SECONDS
        # What was given before of the parcel that goes on here is told by its part.
        before = [
            entry
            for entry in {**dict.fromkeys(lane.taken), **dict.fromkeys(self._intake.last_of(file))}
            if entry[1] > oldest and entry[:2] != (first.digest, first.moment) and not self._intake.is_over(entry)
        ]
        covered = lane.spans()
        taking = lane.take(limit)
        lane.taken = [*before, *_taken_of(taking.parts, lane.position)][-_MOST_TAKEN:]
        lane.note(taking.parts, max(_settled(taking.first), _settled(taking.last)))
        return Chunk(
            source=self._name,
            file=file,
            data=taking.data,
            first_position=begin,
            cursor=_cursor(lane.position, lane.taken, lane),
            received_at=first.received_at,
            reference=(taking.last.shipped.reference if taking.last.shipped else None) or now,
            backlog=lane.waiting,
            before=taking.before,
            beginning=msgspec.json.encode(_Beginning(before, covered, taking.parts)),
            reading=taking.reading,
        )


def _lane(cursor: Cursor) -> Lane:
    entries = [(str(digest), float(moment), int(size)) for digest, moment, size in cursor["taken"]]
    covered = {series: CoveredSpans((begin, end) for begin, end in spans) for series, spans in _spans_in(cursor)}
    position = int(cursor["position"])
    return Lane(position=position, committed=position, taken=entries, covered=covered)


def _spans_in(cursor: Cursor) -> Collection[tuple[str, list[Span]]]:
    spans: Mapping[str, list[Span]] = cursor.get("covered", {})
    return spans.items()


def _cursor(position: int, taken: list[Taken], lane: Lane) -> Cursor:
    cursor: Cursor = {"position": position, "taken": [[*entry] for entry in taken[-_MOST_TAKEN:]]}
    spans = lane.spans()
    return (
        cursor | {"covered": {series: [[*span] for span in some] for series, some in spans.items()}}
        if spans
        else cursor
    )


def _cut(part: ParcelPart, position: int) -> ParcelPart:
    """Cut a part off where a position lies within it."""
    return part if position >= part.end else replace(part, end=position, behind=0)


def _settled(parcel: Parcel) -> int:
    return parcel.shipped.settled if parcel.shipped else 0


def _taken_of(parts: list[ParcelPart], position: int) -> list[Taken]:
    """Say how much was given of each parcel up to a position, and which last lines may come again."""
    entries = [
        (part.digest, part.moment, part.before + min(part.end, position) - part.begin)
        for part in parts
        if part.begin < position and not part.series
    ]
    ended = (part for part in parts if part.last_line[1] and part.end <= position)
    return [*entries, *((part.last_line[0], part.moment + LAST_LINE_SECONDS, part.last_line[1]) for part in ended)]
