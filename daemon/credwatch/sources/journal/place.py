"""Where to go on in the journal: the cursor that the store keeps, and the options of journalctl that lead there."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from credwatch.sources.interface import Cursor

_MICROSECONDS = 1_000_000


class Place(Struct, frozen=True):
    """The entry that was taken last, or a moment where there is none."""

    entry: str = ""
    """journald's cursor of the entry; empty where the time must do."""
    time: int = 0
    """When it was written, microseconds since the epoch; 0 for before everything."""
    position: int = 0
    """How many bytes of lines were given up to here since the very first start."""
    matches: str = ""
    """By which matches it was found: under others it may be hidden."""

    @classmethod
    def from_cursor(cls, cursor: Cursor) -> Place:
        """Read a stored cursor; what is wrong in it is taken for missing."""
        return cls(
            entry=_text(cursor.get("entry")),
            time=_number(cursor.get("time")),
            position=_number(cursor.get("position")),
            matches=_text(cursor.get("matches")),
        )

    def to_cursor(self) -> Cursor:
        """Write it for the store."""
        return {"entry": self.entry, "time": self.time, "position": self.position, "matches": self.matches}

    def options(self, matches: str) -> list[str]:
        """Return the options with which journalctl begins here.

        `--cursor` gives the entry itself first, which shows that the journal still has it; `--after-cursor` would hide
        that entries were vacuumed behind us. Only where the matches have changed, so that the entry may be hidden, it
        must do.
        """
        if self.entry:
            return [f"--{'cursor' if matches == self.matches else 'after-cursor'}={self.entry}"]
        return [f"--since=@{self.time // _MICROSECONDS}.{self.time % _MICROSECONDS:06}"] if self.time else []

    def is_shown_first(self, matches: str) -> bool:
        """Tell whether the entry itself comes first, where it is still there."""
        return bool(self.entry) and matches == self.matches

    def is_of(self, cursor: str) -> bool:
        """Tell whether a cursor is that of the entry.

        Its number in the journal may change where journald moves it from memory to the disk; when it was written, in
        which boot, and the hash of its fields do not.
        """
        mine, other = _parts(self.entry), _parts(cursor)
        return any(
            all(mine.get(name) and mine.get(name) == other.get(name) for name in names) for names in ("si", "bmtx")
        )

    def is_before(self, cursor: str) -> bool:
        """Tell whether the entry stands in the journal right before that of a cursor, with nothing between."""
        mine, other = _parts(self.entry), _parts(cursor)
        return bool(mine.get("s")) and mine["s"] == other.get("s") and _hex(mine.get("i")) + 1 == _hex(other.get("i"))


def _hex(text: str | None) -> int:
    try:
        return int(text or "", 16)
    except ValueError:
        return -1


def _parts(cursor: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in cursor.split(";"))}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
