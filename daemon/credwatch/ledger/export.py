"""A whole log as one file, and what is wrong with such a file.

    {"checkpoints":[...],"format":"credwatch-audit-export@v1"}
    0 HASH ENTRY
    1 HASH ENTRY

The hashes say which entry was changed, the numbers which was taken out, put in or moved. Whoever changes these, too,
is found by the checkpoints, which only the key can sign: each says what the log was at one size, the last at the end.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from credwatch.ledger.checkpoint import Checkpoint
from credwatch.ledger.entry import canonical
from credwatch.ledger.note import NotGenuine, PublicKey, decoded
from credwatch.ledger.tree import GrowingTree, leaf_hash

FORMAT = "credwatch-audit-export@v1"
"""What the first line of such a file names."""
_MOST_PROBLEMS = 100


class Checked(Struct, frozen=True):
    """What was found of a file."""

    origin: str
    """Which log it is of."""
    size: int
    """How many entries it should have."""
    problems: tuple[str, ...]
    """What is wrong with it, each with the number of the entry; empty where it is genuine."""


def header(notes: Sequence[str]) -> bytes:
    """Write the first line: the checkpoints of the log, the one of its present size last."""
    return canonical({"checkpoints": list(notes), "format": FORMAT}) + b"\n"


def line(index: int, entry: bytes) -> bytes:
    """Write the line of an entry."""
    return b"%d %s %s\n" % (index, b64encode(leaf_hash(entry)), entry)


def check(lines: Iterable[bytes], key: PublicKey) -> Checked:
    """Hold a file against its signatures, line by line; raises NotGenuine where they are not the key's."""
    rest = iter(lines)
    marks = _marks(next(rest, b""), key)
    last = marks[-1]
    reading = _Reading({mark.size: mark.root for mark in marks if mark.size})
    problems = []
    for problem in reading.problems(rest, last.size):
        problems.append(problem)
        if len(problems) == _MOST_PROBLEMS:
            problems.append("and more")
            break
    return Checked(last.origin, last.size, tuple(problems))


def _marks(first: bytes, key: PublicKey) -> list[Checkpoint]:
    """Read the checkpoints of the first line; those of another log are none of it."""
    try:
        document = json.loads(first)
        marks = [Checkpoint.read(note, key) for note in document["checkpoints"] if document["format"] == FORMAT]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotGenuine("is no export of an audit trail", where="line 1", hint=f"expected {FORMAT}") from error
    if not marks or len({mark.origin for mark in marks}) != 1:
        raise NotGenuine("has no checkpoint, or those of several logs", where="line 1", hint="export it again")
    return sorted(marks, key=lambda mark: mark.size)


class _Reading:
    """Reads the lines of a log, and says what is wrong with each."""

    def __init__(self, marks: dict[int, bytes]) -> None:
        self._marks = marks
        self._tree = GrowingTree()
        self._good = 0  # so many entries were those that were signed
        self._whole = True  # no entry was missing or out of its place so far

    def problems(self, lines: Iterable[bytes], size: int) -> Iterator[str]:
        awaited = 0
        for number, text in enumerate(lines, start=2):
            index, listed, entry = _parts(text)
            if index is None:
                yield f"line {number} is no entry; entry {awaited} should stand there"
                self._whole = False
                continue
            yield from self._place(index, awaited, size, number)
            if listed != leaf_hash(entry):
                yield f"entry {index} was changed"
            self._tree.add(listed)
            awaited = max(awaited, index + 1)
            yield from self._held_against_marks()
        if awaited < size:
            yield f"entries {awaited} to {size - 1} are missing at the end"

    def _place(self, index: int, awaited: int, size: int, number: int) -> Iterator[str]:
        if index == awaited and index < size:
            return
        self._whole = False
        if index >= size:
            yield f"entry {index} was put in behind what is signed"
        elif index < awaited:
            yield f"entry {index} stands in line {number}, where entry {awaited} should: put in, or moved"
        elif index == awaited + 1:
            yield f"entry {awaited} is missing: taken out, or moved"
        else:
            yield f"entries {awaited} to {index - 1} are missing: taken out, or moved"

    def _held_against_marks(self) -> Iterator[str]:
        root = self._marks.get(self._tree.size)
        if root is None or not self._whole:
            return
        if self._tree.root() == root:
            self._good = self._tree.size
            return
        yield f"entries {self._good} to {self._tree.size - 1} are not those that were signed"
        self._whole = False


def _parts(text: bytes) -> tuple[int | None, bytes, bytes]:
    number, _, rest = text.rstrip(b"\n").partition(b" ")
    listed, blank, entry = rest.partition(b" ")
    if not blank or not number.isdigit():
        return None, b"", b""
    return int(number), decoded(listed.decode("ascii", "replace")), entry
