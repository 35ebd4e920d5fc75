"""Follows the systemd journal with journalctl, across rotation, vacuum, restarts, and the end of journalctl itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.sources.journal.decode import entry_of
from credwatch.sources.journal.entry import FIELDS, Entry, line_of
from credwatch.sources.journal.place import Place
from credwatch.sources.journal.process import JournalProcess
from credwatch.sources.options import DROPPED, JournalSourceOptions

PROGRAM = "journalctl"
JOURNAL = "journal"
"""What stands for a file in chunks and cursors."""

_PRESENT_US = 2_000_000
"""An entry written so long ago, in microseconds, is of the present."""
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
"""journalctl is started again after a pause that doubles up to this, and is short again once it gives an entry."""


class _Lot(Struct, frozen=True):
    data: bytes
    marks: list[bytes]
    """Of each entry that a line was made of: where the line ends, the time and the cursor, blanks between."""
    place: Place


class JournalSource:
    """Reads the entries that the options match, each as one line, see `line_of`.

    `command` stands before the options of journalctl. `machine` is the id of this machine, whose entries alone are read
    where no folder is named. `wake` is called from another thread whenever there is more.
    Raises SourceError from `read` where journalctl cannot be run, may not read the journal, or ends; it is started
    again by itself.
    """

    def __init__(
        self,
        options: JournalSourceOptions,
        cursors: Mapping[str, Cursor],
        *,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
        command: Sequence[str] = (PROGRAM,),
        machine: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._clock = clock
        self._wake = wake
        self._monotonic = monotonic
        self._words = options.matches("" if options.directory else machine)
        self._matches = " ".join(self._words)
        self._command = [*command, *_options_of(options)]
        self._is_new = JOURNAL not in cursors
        self._place = self._first_place() if self._is_new else Place.from_cursor(cursors[JOURNAL])
        self._process: JournalProcess | None = None
        self._is_proving = False
        self._is_catching_up = True
        self._after = 0
        self._pause = _PAUSE_SECONDS
        self._start_at = 0.0
        self._cut_before = 0
        self._problem: SourceError | None = None
        self._tally = Tally()

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._options.id

    @property
    def tally(self) -> Tally:
        """What the source has met so far."""
        return self._tally

    @property
    def finished(self) -> bool:
        """False: a journal may always grow."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next entries as a chunk of lines, or None; see `Source.read`."""
        if JOURNAL in held:
            return None
        if self._is_new:
            self._is_new = False
            return self._chunk(_Lot(b"", [], self._place), self._place)
        if self._process is None and not self._start():
            return None
        assert self._process is not None
        while lines := self._process.take(limit_bytes):
            before, lot = self._place, self._lot(lines)
            self._place = lot.place
            if lot.data:
                return self._chunk(lot, before)
        self._look_after(self._process)
        return None

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor of the last entry that ends before a position; see `Source.cursor_at`."""
        place = Place.from_cursor(chunk.cursor)
        for mark in chunk.beginning.split(b"\n"):
            end, moment, cursor = mark.split(b" ", 2)
            if int(end) > position:
                break
            place = Place(cursor.decode(), int(moment), int(end), self._matches)
        return place.to_cursor()

    def acknowledge(self, chunk: Chunk) -> None:
        """Do nothing: the journal can be read again; see `Source.acknowledge`."""

    def waiting(self) -> int:
        """Say 1 where entries may wait."""
        return int(self.lag() > 0)

    def awaited(self) -> Collection[str]:
        """Name the journal until journalctl has come, from where it began, to what is written now."""
        if self._is_catching_up and self._process:
            now = self._clock().timestamp() * 1_000_000
            self._is_catching_up = self.lag() > 0 and now - self._place.time > _PRESENT_US
        return {JOURNAL} if self._is_catching_up and self._process and not self._problem else ()

    def problems(self) -> list[SourceError]:
        """Return why the journal cannot be read now."""
        return [self._problem] if self._problem else []

    def lag(self) -> int:
        """Say how many bytes of entries wait; what journalctl has not read yet counts for one."""
        return self._process.waiting if self._process else 1

    def close(self) -> None:
        """End journalctl; may be called twice."""
        if self._process:
            self._process.close()
        self._process = None

    def _first_place(self) -> Place:
        """Begin at the present moment or at the journal's beginning, and remember which."""
        moment = int(self._clock().timestamp() * 1_000_000) if self._options.read_from == "end" else 0
        return Place(time=moment, matches=self._matches)

    def _start(self) -> bool:
        """Start journalctl where it is time; raises SourceError where it cannot be."""
        if self._monotonic() < self._start_at:
            return False
        self._wait_longer()
        self._is_proving = self._place.is_shown_first(self._matches)
        try:
            command = [*self._command, *self._place.options(self._matches), *self._words]
            self._process, self._cut_before = JournalProcess(command, self._wake), 0
        except OSError as error:
            hint = f'install systemd\'s {PROGRAM}, or follow files with kind = "file"'
            self._fail(f"{PROGRAM} cannot be run: {error.strerror or error}", hint, error)
        return True

    def _wait_longer(self) -> None:
        self._start_at = self._monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)

    def _look_after(self, process: JournalProcess) -> None:
        """See what journalctl complains of, and whether it has ended; raises SourceError once."""
        complaints = process.complaints
        if not process.has_ended:
            if _is_forbidden(complaints) and self._problem is None:
                self._fail("not all of the journal may be read", _MEMBERSHIP)
            return
        self.close()
        self._count("restarts")
        if "cursor" in complaints and self._place.entry:
            # The journal does not understand it any more: the time leads to the same place.
            self._after, self._place = self._place.time, replace(self._place, entry="")
        last = complaints.splitlines()[-1] if complaints else f"it ended with {process.code}"
        hint = _MEMBERSHIP if _is_forbidden(complaints) else "it is started again; journalctl --verify checks the files"
        self._fail(f"{PROGRAM} has ended: {last}", hint)

    def _fail(self, message: str, hint: str, cause: Exception | None = None) -> None:
        self._problem = SourceError(message, where=f"source {self.name}", hint=hint)
        raise self._problem from cause

    def _lot(self, lines: Sequence[bytes]) -> _Lot:
        """Make lines of entries, and note how far they lead."""
        place, data, marks = self._place, list[bytes](), list[bytes]()
        position = place.position
        for text in lines:
            entry = entry_of(text)
            if entry is None:
                line = b"" if _is_remark(text) else text + b"\n"
            else:
                line = self._line(entry)
                place = Place(entry.cursor, entry.moment, position + len(line), self._matches)
            if line:
                data.append(line)
                position += len(line)
                marks.append(b"%d %d %s" % (position, place.time, place.entry.encode()))
        self._recover()
        return _Lot(b"".join(data), marks, replace(place, position=position))

    def _line(self, entry: Entry) -> bytes:
        """Give the line of an entry; none where it was taken before, or where it only tells of others."""
        if self._is_proving:
            self._is_proving = False
            if self._place.is_of(entry.cursor):
                return b""
            self._count("vacuumed", not self._place.is_before(entry.cursor))
        if entry.moment <= self._after:
            return b""
        self._after = 0
        if entry.message_id == DROPPED:
            self._count("suppressed", entry.dropped_messages)
        return line_of(entry)

    def _recover(self) -> None:
        """Take note that journalctl works, and of what it had to leave out."""
        assert self._process is not None
        self._pause = _PAUSE_SECONDS
        if not _is_forbidden(self._process.complaints):
            self._problem = None
        self._count("cut_lines", self._process.cut_lines - self._cut_before)
        self._cut_before = self._process.cut_lines

    def _count(self, field: str, number: int = 1) -> None:
        if number:
            self._tally = replace(self._tally, **{field: getattr(self._tally, field) + number})

    def _chunk(self, lot: _Lot, before: Place) -> Chunk:
        now = self._clock()
        start = b"%d %d %s" % (before.position, before.time, before.entry.encode())
        return Chunk(
            source=self.name,
            file=JOURNAL,
            data=lot.data,
            first_position=before.position,
            cursor=lot.place.to_cursor(),
            received_at=now,
            reference=now,
            backlog=self.lag(),
            beginning=b"\n".join([start, *lot.marks]),
        )


_MEMBERSHIP = "add the daemon's user to the group systemd-journal (SupplementaryGroups=systemd-journal in its unit)"


def _options_of(options: JournalSourceOptions) -> list[str]:
    """Return what journalctl is always told: everything from where it begins, then what comes, whole.

    Without `--merge` following means the present boot alone, and what came before a reboot would be lost.
    """
    where = [f"--directory={options.directory}"] if options.directory else []
    fields = f"--output-fields={','.join(FIELDS)}"
    return ["--output=json", "--all", "--follow", "--merge", "--no-tail", "--no-pager", fields, *where]


def _is_forbidden(complaints: str) -> bool:
    return "insufficient permissions" in complaints or "not seeing messages from other users" in complaints


def _is_remark(text: bytes) -> bool:
    """Tell whether a line is journalctl's own, which older versions write between entries."""
    return not text.strip() or text.startswith(b"-- ")
