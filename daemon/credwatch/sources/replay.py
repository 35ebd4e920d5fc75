"""Reads finished files, or standard input, once from start to end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.parse.pieces import HEADLESS
from credwatch.sources.file.dates import Dates
from credwatch.sources.file.lines import Cut, cut_lines, cut_rest, lines_before
from credwatch.sources.file.opened import STANDARD_INPUT, OpenLog, is_whole_file_on_standard_input, open_standard_input
from credwatch.sources.finished import open_finished
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.sources.journal.text import as_lines

_MOST_OPEN = 256
"""So many files are open at once, however many are read side by side."""


class ReplaySource:
    """Reads the named files, each to its end, where a last line without a newline counts as well.

    With cursors it goes on where they say, save for a pipe, which cannot be wound back; a regular file on standard
    input is read as any other. A file that cannot be read raises SourceError once and is passed over. Reading a pipe
    waits for its writer. One file is read after the other; where those that were begun are held, the next ones are
    begun. `written_at` (aware) is when the files were written last, where their own time of change does not tell it.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[str],
        cursors: Mapping[str, Cursor],
        *,
        clock: Clock,
        written_at: datetime | None = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._written_at = written_at
        self._to_begin = list(dict.fromkeys(files))
        self._cursors = cursors
        self._reading: dict[str, _OpenFile] = {}
        self._tally = Tally()
        self._problems: list[SourceError] = []

    @property
    def name(self) -> str:
        """The source's name."""
        return self._name

    @property
    def tally(self) -> Tally:
        """What the source has met so far."""
        return self._tally

    @property
    def finished(self) -> bool:
        """Tell whether every file was read to its end."""
        return not self._reading and not self._to_begin

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next chunk, or None where every file is at its end or held; see `Source.read`."""
        while (reading := self._next(held)) is not None:
            try:
                cut = reading.cut(limit_bytes)
            except OSError as error:
                self._end(reading)
                raise self._unreadable(reading.name, error) from error
            if cut.data:
                self._bound_open(reading)
                return self._chunk(reading, cut)
            self._end(reading)
        return None

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        return {"offset": position, "skipping": chunk.before == HEADLESS}

    def acknowledge(self, chunk: Chunk) -> None:
        """Do nothing: files can be read again; see `Source.acknowledge`."""

    def waiting(self) -> int:
        """Say how many files are not at their end."""
        return len(self._reading) + len(self._to_begin)

    def _next(self, held: Collection[str]) -> _OpenFile | None:
        """Give a file that is not held: one that was begun, else the next to begin."""
        begun = next((file for name, file in self._reading.items() if name not in held), None)
        if begun is not None or not self._to_begin:
            return begun
        file = self._open(self._to_begin.pop(0))
        self._reading[file.name] = file
        return file

    def _bound_open(self, latest: _OpenFile) -> None:
        """Close files that wait for their turn where too many are open."""
        opened = [file for file in self._reading.values() if file.is_open and file is not latest]
        for file in opened[: max(len(opened) + 1 - _MOST_OPEN, 0)]:
            file.close()

    def awaited(self) -> Collection[str]:
        """Name none: what waits is given at once; see `Source.awaited`."""
        return ()

    def problems(self) -> list[SourceError]:
        """Return an error for each file that was passed over."""
        return list(self._problems)

    def lag(self) -> int:
        """Say how many bytes wait in the files not yet read to their end."""
        waiting = sum(Path(file).stat().st_size for file in self._to_begin if Path(file).is_file())
        for file in [*self._reading.values()]:
            waiting += file.lag()
            self._bound_open(file)
        return waiting

    def close(self) -> None:
        """Give back the descriptors; may be called twice."""
        for reading in [*self._reading.values()]:
            self._end(reading)
        self._to_begin.clear()

    def _open(self, file: str) -> _OpenFile:
        cursor = self._cursors.get(file, {})
        try:
            dates = Dates(self._written_at)
            return _OpenFile(file, int(cursor.get("offset", 0)), dates, skipping=bool(cursor.get("skipping", False)))
        except OSError as error:
            raise self._unreadable(file, error) from error

    def _unreadable(self, file: str, error: OSError) -> SourceError:
        reason = error.strerror or str(error)
        hint = "the other files are read all the same"
        self._problems.append(SourceError(f"cannot be read: {reason}", where=file, hint=hint))
        return self._problems[-1]

    def _end(self, reading: _OpenFile) -> None:
        reading.close()
        self._reading.pop(reading.name, None)

    def _chunk(self, reading: _OpenFile, cut: Cut) -> Chunk:
        if cut.skipping:
            self._tally = replace(self._tally, cut_lines=self._tally.cut_lines + 1)
        if cut.hole:
            self._tally = replace(self._tally, holes=self._tally.holes + 1)
        now = self._clock()
        return Chunk(
            source=self._name,
            file=reading.name,
            data=cut.data,
            first_position=cut.offset,
            cursor={"offset": cut.end, "skipping": cut.skipping},
            received_at=now,
            reference=reading.ends_near(cut, now),
            backlog=reading.backlog(),
            before=reading.before(cut),
        )


class _OpenFile:
    """One file, or standard input, being read from start to end."""

    def __init__(self, name: str, offset: int, dates: Dates, *, skipping: bool) -> None:
        self.name = name
        self._is_stream = name == STANDARD_INPUT and not is_whole_file_on_standard_input()
        self._log: OpenLog | None = None
        self._offset = 0 if self._is_stream else offset
        self._skipping = skipping and not self._is_stream
        self._is_at_end = False
        self._dates = dates
        self._opened()

    @property
    def is_open(self) -> bool:
        """Tell whether it holds a descriptor of its own."""
        return self._log is not None and not self._is_stream

    def cut(self, limit: int) -> Cut:
        """Cut the next lines, and at the end of the file the rest; no data where nothing is left."""
        log = self._opened()
        cut = cut_lines(log, self._offset, limit, skipping=self._skipping)
        if not cut.data and not cut.skipping:
            cut = cut_rest(log, cut.end, skipping=cut.is_headless)
        self._offset, self._skipping = cut.end, cut.skipping
        self._is_at_end = not cut.data
        if self._is_at_end and log.damage:
            raise OSError(log.damage)
        return cut

    def backlog(self) -> int:
        """Say how many bytes wait; 1 where that cannot be known before the end."""
        return int(not self._is_at_end) if self._is_stream else self._opened().behind(self._offset)

    def lag(self) -> int:
        """Say how many bytes wait; 0 for a stream, of which that cannot be known."""
        return 0 if self._is_stream else self.backlog()

    def ends_near(self, cut: Cut, now: datetime) -> datetime:
        """Tell near which moment lines end that were cut."""
        return self._dates.of_stream(cut.data, now) if self._is_stream else self._dates.near(self._opened(), cut)

    def before(self, cut: Cut) -> bytes:
        """Give the lines before those that were just cut, where these need them."""
        return lines_before(self._opened(), cut)

    def close(self) -> None:
        """Close the file; standard input stays open, for it is not ours. What is read next opens it again."""
        if self._log is not None and not self._is_stream:
            self._log.close()
            self._log = None

    def _opened(self) -> OpenLog:
        if self._log is None:
            self._log = open_standard_input(as_lines) if self._is_stream else open_finished(self.name)
        return self._log
