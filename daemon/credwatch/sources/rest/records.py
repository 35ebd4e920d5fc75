"""Makes lines of what a service answers: finds the list of records, and writes each as one line of JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from credwatch.kernel.errors import SourceError
from credwatch.sources.pull.interface import Item
from credwatch.sources.pull.keys import key_of
from credwatch.sources.rest.lookup import value_at
from credwatch.sources.rest.moments import seconds_of
from credwatch.sources.rest.options import RestSourceOptions


class Records:
    """Reads the answers of one sweep.

    What has no id is known again by all of it. Of records that are equal in every byte, the second is another than
    the first: a sweep that is repeated gives as many of them, for they have one time.
    """

    def __init__(self, options: RestSourceOptions) -> None:
        self._options = options
        self._twins: Counter[bytes] = Counter()

    def listed(self, content: Any) -> list[Any]:
        """Return the records of an answer, none where it is an object that lacks the list; raises SourceError."""
        options = self._options
        listed = value_at(content, options.items)
        if listed is None and (content is None or (isinstance(content, dict) and options.items)):
            return []
        if not isinstance(listed, list):
            what = f"{options.items!r} is no list" if options.items else "the answer is no list"
            hint = "check items, the path to the list within the answer"
            raise SourceError(what, where=f"source {options.id}", hint=hint)
        return listed

    def items_of(self, record: Any, now: float) -> Iterator[Item]:
        """Make a line of a record, or one of each entry of the list that `each` names; `now` where it tells no time."""
        options = self._options
        seconds = seconds_of(value_at(record, options.time)) if options.time else now
        for number, part in enumerate(self._parts(record)):
            line = _line(part)
            identity = self._identity(record)
            key = key_of(b"%s%d" % (identity, number)) if identity else self._own_key(line)
            yield Item(line, key, now if seconds is None else seconds)

    def marks(self, records: list[Any]) -> tuple[str, str]:
        """Return what `last` names in the first and in the last record that has it, empty where none has."""
        path = self._options.last
        marks = [str(mark) for record in records if path and (mark := value_at(record, path)) is not None]
        return (marks[0], marks[-1]) if marks else ("", "")

    def _parts(self, record: Any) -> list[Any]:
        path = self._options.each
        parts = value_at(record, path) if path else None
        if not isinstance(parts, list) or len(parts) < 2:
            return [record]
        return [_with(record, path, [part]) for part in parts]

    def _identity(self, record: Any) -> bytes:
        names = [value_at(record, path) for path in self._options.identity]
        return _line(names) if any(name is not None for name in names) else b""

    def _own_key(self, line: bytes) -> str:
        self._twins[line] += 1
        twin = self._twins[line]
        return key_of(line if twin == 1 else b"%s%d" % (line, twin))


def _with(record: Any, path: str, value: Any) -> Any:
    """Return a record with another value at a path of keys."""
    key, _, rest = path.partition(".")
    return {**record, key: _with(record[key], rest, value) if rest else value}


def _line(record: Any) -> bytes:
    """Write a record as one line of JSON; half a surrogate pair stays an escape, as it came."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"
