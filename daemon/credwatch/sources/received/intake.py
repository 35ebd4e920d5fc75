"""Where parcels wait between the thread that receives them and the one that reads: bounded, and knowing repeats."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from credwatch.kernel.errors import SourceError
from credwatch.sources.received.parcel import Parcel, Taken

REPEAT_SECONDS = 24 * 3600.0
"""So long a parcel is known whose sender may not have been told of its commit."""

OTHERS = "others"
"""The log of the senders beyond `_MOST_FILES`."""

_MOST_FILES = 256
"""So many senders have a log each; the lines of all others are one log."""

MOST_SHIPPED_LOGS = 20_000
"""So many logs of hosts may be shipped to one source."""

_MOST_PARCELS = 4096
_MOST_KNOWN = 4096


class Intake:
    """Keeps the parcels of one source until they are committed; any thread may call any method.

    It outlives the source that reads from it: where a commit fails, the next source finds here what is not stored.
    A sender that is told nothing sends again. What it sends then is known by its digest, so that every line counts
    once; an equal parcel of a sender that was told is a new one.
    """

    def __init__(self, most_bytes: int, most_files: int = _MOST_FILES) -> None:
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._lock = threading.Lock()
        self._waiting: dict[int, Parcel] = {}
        self._arrived: deque[Parcel] = deque()
        self._bytes = 0
        self._repeats: dict[str, list[Taken]] = {}
        self._over: OrderedDict[tuple[str, float], None] = OrderedDict()
        self._files: set[str] = set()
        self._last: dict[str, Taken] = {}
        self._wake: Callable[[], None] = lambda: None
        self.problem: SourceError | None = None
        """Why nothing can be received now, None where it can."""
        self.dropped = 0
        """How many messages the system has dropped before they were read."""
        self.gaps = 0
        """How many messages are missing where senders number theirs."""
        self.refused = 0
        """How many connections were not let in."""
        self.cut_lines = 0
        """How many lines were cut because they were too long."""
        self.elsewhere = 0
        """About how many bytes wait where they come from."""
        self.is_holding = False
        """Whether lines are held for others that are missing before them."""
        self._is_complete = False
        self.has_begun = False
        """Whether the reader has said what was committed."""
        self.is_new = True
        """Whether nothing was ever committed."""

    def file_of(self, sender: str, most: int = 0) -> str:
        """Name the log of a sender, where no more than `most` have one, or than usual; else that of all others."""
        with self._lock:
            if sender not in self._files and len(self._files) >= (most or self._most_files):
                return OTHERS
            self._files.add(sender)
            return sender

    def has_room(self, size: int = 1) -> bool:
        """Tell whether so many bytes would be kept; where nothing waits, any number is."""
        with self._lock:
            return self._has_room(size)

    def losses(self) -> dict[str, int]:
        """Say what was lost or not let in since the start, by the fields of `Tally`."""
        return {"cut_lines": self.cut_lines, "dropped": self.dropped, "gaps": self.gaps, "refused": self.refused}

    def complete(self) -> None:
        """Take note that what is missing now will not come any more: what is held for it is to be given."""
        with self._lock:
            self._is_complete = True
        self._wake()

    def took_stock(self) -> bool:
        """Tell, once, whether what is missing will not come any more."""
        with self._lock:
            is_complete, self._is_complete = self._is_complete, False
        return is_complete

    def is_empty(self) -> bool:
        """Tell whether everything is committed."""
        with self._lock:
            return not self._waiting

    def offer(self, parcel: Parcel, *, must: bool = False) -> Parcel | None:
        """Keep a parcel and return it, or return None where there is no room for it.

        A repeat of one whose sender went away, and which still waits, only takes over the waiting: that is returned.
        `must` keeps it in any case, for what was asked for by `has_room` before.
        """
        with self._lock:
            first = None if parcel.is_answered or parcel.shipped else self._repeated_by(parcel)
            if first is not None and len(first.data) != len(parcel.data):
                return None  # it goes on where the first ends, which is known once that is committed
            if first is not None:
                first.on_committed = _both(first.on_committed, parcel.on_committed)
                return first
            if not must and not self._has_room(len(parcel.data)):
                return None
            self._waiting[id(parcel)] = parcel
            self._arrived.append(parcel)
            self._bytes += len(parcel.data)
        self._wake()
        return parcel

    def abandon(self, parcel: Parcel) -> None:
        """Take note that the sender of a parcel went away before it was told of the commit."""
        with self._lock:
            if parcel.is_identified or parcel.shipped:
                parcel.on_committed = parcel.on_committed if parcel.is_identified else None
                return  # its commit makes it known
            parcel.on_committed = None
            if parcel.is_committed and not parcel.is_answered:
                self._add_repeat((parcel.digest, parcel.moment, len(parcel.data)))

    def answered(self, parcel: Parcel) -> None:
        """Take note that the sender of a parcel was told of its commit."""
        with self._lock:
            parcel.is_answered = True
            if parcel.shipped:
                return
            entry = (parcel.digest, parcel.moment, len(parcel.data))
            self._forget(entry)
            if entry in self._repeats.get(parcel.digest, []):
                self._repeats[parcel.digest].remove(entry)

    def keep_last(self, file: str, entry: Taken) -> None:
        """Know a line again that was answered, because its sender may repeat it; one of each log."""
        with self._lock:
            if file in self._last:
                self._forget(self._last[file])
            self._last[file] = entry
            self._add_repeat(entry)

    # What the source calls, from the reading thread.

    def begin(self, taken: Iterable[Taken], files: Iterable[str], wake: Callable[[], None]) -> None:
        """Give everything that is not committed once more; `taken` is what cursors tell of parcels before."""
        with self._lock:
            self._wake = wake
            self._files.update(files)
            self.has_begun, self.is_new = True, not self._files
            self._repeats = {}
            for entry in taken:
                if entry[:2] not in self._over:
                    self._add_repeat(entry)
            for parcel in self._waiting.values():
                parcel.done = 0
            self._arrived = deque(self._waiting.values())

    def arrived(self) -> list[Parcel]:
        """Take the parcels that came since the last call, in their order."""
        with self._lock:
            parcels, self._arrived = [*self._arrived], deque()
        return parcels

    def repeated(self, parcel: Parcel, now: float) -> int:
        """Say how many bytes of a parcel were committed when it came before; 0 where it did not. Asked once of each."""
        with self._lock:
            entries = self._repeats.get(parcel.digest, [])
            while entries:
                entry = entries.pop()
                if not entries:
                    del self._repeats[parcel.digest]
                if now - entry[1] > REPEAT_SECONDS:
                    continue
                if entry[2] >= len(parcel.data):
                    parcel.known_since = entry[1]
                return entry[2]
        return 0

    def last_of(self, file: str) -> list[Taken]:
        """Give the line of a log that is to be known again, if there is one."""
        with self._lock:
            return [self._last[file]] if file in self._last else []

    def is_over(self, entry: Taken) -> bool:
        """Tell whether nobody needs to know any more that a parcel was taken."""
        with self._lock:
            return entry[:2] in self._over

    def committed(self, parcel: Parcel) -> None:
        """Let a parcel go whose lines are all in the store, and tell who waits."""
        with self._lock:
            if self._waiting.pop(id(parcel), None) is None:
                return
            parcel.is_committed = True
            self._bytes -= len(parcel.data)
            tell = parcel.on_committed
            entry = (parcel.digest, parcel.moment, len(parcel.data))
            if parcel.shipped:
                pass  # the cursor knows it by its place
            elif parcel.is_answered:
                self._forget(entry)
            elif tell is None or parcel.is_identified:
                self._add_repeat(entry)
        if tell is not None:
            tell()

    def _repeated_by(self, parcel: Parcel) -> Parcel | None:
        """Find the parcel that waits and comes again with this one: its sender went away, or it is known by itself."""
        waiting = (first for first in self._waiting.values() if first.digest == parcel.digest and not first.is_answered)
        return next((first for first in waiting if parcel.is_identified or not first.on_committed), None)

    def _has_room(self, size: int) -> bool:
        return not self._waiting or (self._bytes + size <= self._most_bytes and len(self._waiting) < _MOST_PARCELS)

    def _add_repeat(self, entry: Taken) -> None:
        self._repeats.setdefault(entry[0], []).append(entry)
        if len(self._repeats) > _MOST_KNOWN:
            del self._repeats[next(iter(self._repeats))]

    def _forget(self, entry: Taken) -> None:
        self._over[entry[:2]] = None
        if len(self._over) > _MOST_KNOWN:
            self._over.popitem(last=False)


def _both(first: Callable[[], None] | None, second: Callable[[], None] | None) -> Callable[[], None] | None:
    if first is None or second is None:
        return first or second

    def tell() -> None:
        first()
        second()

    return tell
