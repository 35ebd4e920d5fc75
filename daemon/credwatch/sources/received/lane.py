"""The log of one sender: what came of it, in the order in which it is given, and what is known to have been given."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from credwatch.parse.look_back import last_lines, needs_lines_before
from credwatch.parse.pieces import HEADLESS, begun_at
from credwatch.sources.interface import ReadingTerms
from credwatch.sources.received.parcel import Parcel, Shipped, Taken
from credwatch.sources.shipped.covered import CoveredSpans, Span

_MOST_SERIES = 8
"""So many series of one log are remembered: those that were given last."""


class ParcelPart(Struct, frozen=True):
    """The bytes of one parcel within a chunk."""

    digest: str
    moment: float
    before: int
    """How many bytes of the parcel were given before."""
    begin: int
    """Where its bytes begin in the log."""
    end: int
    """Where they end."""
    last_line: tuple[str, int] = ("", 0)
    """How the last line of the parcel is known, where it ends here and may come again alone."""
    series: str = ""
    """Of what was shipped: its series."""
    place: int = 0
    """Its place in the series."""
    behind: int = 0
    """The place behind it, where the parcel ends with this part."""

    def upto(self, position: int) -> Span:
        """Say what was given of the series, where the log was given up to a position."""
        size = min(self.end, position) - self.begin
        is_whole = self.behind and position >= self.end
        return self.place, self.behind if is_whole else self.place + self.before + size


class Taking(Struct, frozen=True):
    """What was taken out of a lane at once."""

    data: bytes
    parts: list[ParcelPart]
    first: Parcel
    """The parcel that it begins with."""
    last: Parcel
    """The one that it ends with."""
    before: bytes
    """Lines that stand before it in the log, where it needs them."""

    @property
    def reading(self) -> ReadingTerms | None:
        """How it is to be read."""
        return _reading(self.first.shipped) if self.first.shipped else None


class Lane(Struct, eq=False):
    """The log of one sender."""

    position: int = 0
    """How many bytes of lines were given."""
    committed: int = 0
    """How many of them are committed."""
    gaps: int = 0
    """How often something was missing before what came."""
    taken: list[Taken] = field(default_factory=list)
    """The parcels that were given, and whose senders may not know that they were committed."""
    covered: dict[str, CoveredSpans] = field(default_factory=dict)
    """By series, the latest last: what was given of it."""
    expected: dict[str, int] = field(default_factory=dict)
    """By series: the place behind what was given or is queued."""
    parcels: deque[Parcel] = field(default_factory=deque)
    """What is to be given."""
    held: list[Parcel] = field(default_factory=list)
    """What waits for something that is missing before it, in the order of its places."""
    handed_on: deque[tuple[int, Parcel]] = field(default_factory=deque)
    """What was given whole and is not committed yet, with its end in the log."""

    @property
    def waiting(self) -> int:
        """How many bytes wait."""
        return sum(len(parcel.data) - parcel.done for parcel in (*self.parcels, *self.held))

    def place(self, parcel: Parcel, shipped: Shipped) -> None:
        """Put what was shipped into its order; what begins behind a gap is held where what is missing may come."""
        if shipped.waits and self._is_behind_gap(shipped):
            self.held.append(parcel)
            self.held.sort(key=lambda it: it.shipped.begin if it.shipped else 0)
        else:
            self._queue(parcel, shipped)

    def release(self, *, is_complete: bool) -> None:
        """Queue what is held for nothing any more: all of it, where what is missing will not come."""
        held, self.held = self.held, []
        for parcel in held:
            assert parcel.shipped is not None, "only what was shipped is held"
            if is_complete or not self._is_behind_gap(parcel.shipped):
                self._queue(parcel, parcel.shipped)
            else:
                self.held.append(parcel)

    def has_next(self) -> bool:
        """Tell whether there is anything to give; what was given before is passed over, and waits for its commit."""
        while self.parcels:
            parcel = self.parcels[0]
            if parcel.shipped:
                parcel.done = max(parcel.done, self._given_of(parcel.shipped, len(parcel.data)))
            if parcel.done < len(parcel.data):
                return True
            self.handed_on.append((self.position, self.parcels.popleft()))
        return False

    def finished(self) -> Iterator[Parcel]:
        """Take out the parcels of which everything is committed."""
        while self.handed_on and self.handed_on[0][0] <= self.committed:
            yield self.handed_on.popleft()[1]

    def take(self, limit: int) -> Taking:
        """Take whole lines that are read alike, about so many bytes of them, and say of which parcels they are.

        To be called only where `has_next`.
        """
        begin, pieces, parts = self.position, list[bytes](), list[ParcelPart]()
        first = last = self.parcels[0]
        lines_before = self._lines_before(first)
        while self.parcels and (not pieces or self.position - begin < limit):
            parcel = self.parcels[0]
            if pieces and not _goes_on(last, parcel, self.covered):
                break
            piece = _piece(parcel, limit - (self.position - begin))
            end, last = self.position + len(piece), parcel
            pieces.append(piece)
            parts.append(_part(parcel, self.position, end))
            self.position, parcel.done = end, parcel.done + len(piece)
            if parcel.done == len(parcel.data):
                self.handed_on.append((end, self.parcels.popleft()))
        data = b"".join(pieces)
        is_needed = lines_before == HEADLESS or needs_lines_before(data)
        return Taking(data, parts, first, last, lines_before if is_needed else b"")

    def note(self, parts: list[ParcelPart], settled: int = 0) -> None:
        """Take note that parts of series were given."""
        for part in parts:
            if part.series:
                covered = self.covered.pop(part.series, None) or CoveredSpans()
                covered.add(0, settled)
                covered.add(*part.upto(part.end))
                self.covered[part.series] = covered
        while len(self.covered) > _MOST_SERIES:
            self.covered.pop(next(iter(self.covered)))

    def spans(self) -> dict[str, list[Span]]:
        """Say what was given of each series, as a cursor keeps it."""
        return {series: covered.spans for series, covered in self.covered.items()}

    def _queue(self, parcel: Parcel, shipped: Shipped) -> None:
        if self._is_behind_gap(shipped) and not parcel.is_behind_gap:
            parcel.is_behind_gap = True
            self.gaps += shipped.series in self.expected or shipped.series in self.covered
        self.parcels.append(parcel)
        self.expected[shipped.series] = max(self.expected.get(shipped.series, 0), shipped.end)

    def _is_behind_gap(self, shipped: Shipped) -> bool:
        covered = self.covered.get(shipped.series, CoveredSpans())
        reached = max(self.expected.get(shipped.series, 0), covered.reached(0))
        return shipped.is_joined and shipped.begin > covered.reached(reached)

    def _given_of(self, shipped: Shipped, size: int) -> int:
        """Say how many bytes of a parcel were given before."""
        covered = self.covered.get(shipped.series, CoveredSpans())
        reached = max(covered.reached(shipped.begin), min(shipped.settled, shipped.end))
        return size if reached >= shipped.end else min(reached - shipped.begin, size)

    @staticmethod
    def _lines_before(parcel: Parcel) -> bytes:
        return last_lines(parcel.shipped.before + parcel.data[: parcel.done]) if parcel.shipped else b""


def _reading(shipped: Shipped) -> ReadingTerms:
    return ReadingTerms(shipped.format, shipped.zone, shipped.host, shipped.refused)


def _goes_on(last: Parcel, following: Parcel, covered: Mapping[str, CoveredSpans]) -> bool:
    """Tell whether lines may be given together: nothing is known of them, or all that is known is the same."""
    one, other = last.shipped, following.shipped
    if one is None or other is None:
        return one is other
    spans = covered.get(other.series, CoveredSpans())
    is_new = spans.reached(other.begin) == other.begin and other.settled <= other.begin and not following.done
    is_next = one.series == other.series and other.begin >= one.end and (other.begin == one.end or not one.is_joined)
    is_new = is_new and other.before != HEADLESS
    return is_new and is_next and _reading(one) == _reading(other)


def _part(parcel: Parcel, begin: int, end: int) -> ParcelPart:
    shipped, is_last = parcel.shipped, parcel.done + end - begin == len(parcel.data)
    if shipped is None:
        last_line = parcel.last_line if is_last else ("", 0)
        return ParcelPart(parcel.digest, parcel.moment, parcel.done, begin, end, last_line)
    behind = shipped.end if is_last else 0
    return ParcelPart("", 0, parcel.done, begin, end, series=shipped.series, place=shipped.begin, behind=behind)


def _piece(parcel: Parcel, limit: int) -> bytes:
    """Cut whole lines off a parcel, one at least."""
    rest = len(parcel.data) - parcel.done
    if rest <= limit:
        return parcel.data[parcel.done :]
    end = parcel.data.rfind(b"\n", parcel.done, parcel.done + max(limit, 1)) + 1
    end = end or parcel.data.find(b"\n", parcel.done) + 1
    piece = parcel.data[parcel.done : end]
    # A line that the log of a container has in pieces is given together, as files give it.
    whole = begun_at(piece)
    return piece if whole == len(piece) else piece[:whole] or parcel.data[parcel.done :]
