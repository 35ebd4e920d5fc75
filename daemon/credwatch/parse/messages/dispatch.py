"""Finds, for each message, the few patterns that could read it, by program and first letters, before any expression."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from msgspec import Struct, field

from credwatch.kernel.ordering import numbered
from credwatch.kernel.pack import ANY_BRACKETS, ANY_PROGRAM, EnvelopeKind, PackSet, Pattern

HEAD = 12
"""How many characters of a message its route is found by."""

_MEMORY = 200_000


class PatternReader(Struct, frozen=True, eq=False):
    """A pattern made ready to run."""

    number: int
    """Its place among all readers: the key of its constants."""
    pack: str
    """The id of its pack."""
    pattern: Pattern
    """What it reads."""
    groups: Mapping[str, str]
    """Which field each group fills."""
    values: Mapping[str, Mapping[str, str]]
    """What the writer's words become, by field."""

    @property
    def heads(self) -> tuple[str, ...]:
        """Give the first letters of the messages it could read."""
        return tuple(prefix[:HEAD] for prefix in self.pattern.prefixes)


class PatternDispatcher(Struct, frozen=True, eq=False):
    """Gives each message the number of its route: the readers to try on it, in order.

    Routes are remembered by program and the first letters of the message, within bounds.
    """

    readers: tuple[PatternReader, ...]
    """All readers, in order."""
    named: frozenset[str]
    """The programs that a reader names; all others share their readers."""
    routes: list[tuple[PatternReader, ...]] = field(default_factory=lambda: [()])
    """The routes in use; number 0 is the empty one, for what nothing reads."""
    _number_of: dict[tuple[str, str], int] = field(default_factory=dict)
    _numbers: dict[tuple[int, ...], int] = field(default_factory=lambda: {(): 0})
    _by_program: dict[str, _Candidates] = field(default_factory=dict)

    def route(self, programs: pl.Series, messages: pl.Series) -> list[tuple[int, pl.Series]]:
        """Give the routes that messages take, each with the places (UInt32) of its messages; what none reads has none.

        Only distinct pairs of program and first letters are looked at one by one.
        """
        begins = pl.DataFrame([programs.alias("program"), messages.str.head(HEAD).alias("head")])
        example, number = numbered(begins.hash_rows(seed=0).to_numpy())
        routes = np.array([self._number(program or "", head or "") for program, head in begins[example].rows()], int)
        numbers = routes[number]
        places = ((route, np.flatnonzero(numbers == route)) for route in sorted(set(routes.tolist()) - {0}))
        return [(route, pl.Series(at.astype(np.uint32))) for route, at in places]

    def knows_program(self, program: str) -> bool:
        """Say whether a pattern names this program."""
        name = self._name(program)
        return any(name in reader.pattern.programs for reader in self._of(program).readers)

    def _number(self, program: str, head: str) -> int:
        number = self._number_of.get((program, head))
        if number is None:
            number = self._new_number(self._of(program), head)
            if len(self._number_of) >= _MEMORY:
                self._number_of.clear()
            self._number_of[program, head] = number
        return number

    def _new_number(self, candidates: _Candidates, head: str) -> int:
        if not head.startswith(candidates.heads):
            return 0
        readers = tuple(reader for reader in candidates.readers if head.startswith(reader.heads))
        number = self._numbers.setdefault(tuple(reader.number for reader in readers), len(self.routes))
        if number == len(self.routes):
            self.routes.append(readers)
        return number

    def _name(self, program: str) -> str:
        """Give the name by which patterns know a program: its own, or one with any brackets; empty where none does."""
        if program in self.named:
            return program
        served = program.partition("(")[0] + ANY_BRACKETS if program.endswith(")") else ""
        return served if served in self.named else ""

    def _of(self, program: str) -> _Candidates:
        """List the readers of a program, those without a prefix last; programs that no pattern names share theirs."""
        name = self._name(program)
        candidates = self._by_program.get(name)
        if candidates is None:
            readers = [reader for reader in self.readers if _writes(name, reader.pattern)]
            readers.sort(key=lambda reader: "" in reader.pattern.prefixes)
            heads = tuple(head for reader in readers for head in reader.heads)
            candidates = self._by_program[name] = _Candidates(tuple(readers), heads)
        return candidates


class _Candidates(Struct, frozen=True):
    readers: tuple[PatternReader, ...]
    heads: tuple[str, ...]


def make_dispatcher(readers: tuple[PatternReader, ...]) -> PatternDispatcher:
    """Make the dispatcher of these readers."""
    named = [reader.pattern.programs + reader.pattern.except_programs for reader in readers]
    return PatternDispatcher(readers, frozenset(program for programs in named for program in programs))


def syslog_readers(packs: PackSet) -> tuple[PatternReader, ...]:
    """Make a reader of each syslog pattern, numbered in order."""
    patterns = [(pack, at) for pack in packs.packs if pack.kind is EnvelopeKind.SYSLOG for at in pack.patterns]
    return tuple(
        PatternReader(number, pack.id, pattern, pattern.groups or {}, pack.values or {})
        for number, (pack, pattern) in enumerate(patterns)
    )


def _writes(program: str, pattern: Pattern) -> bool:
    if ANY_PROGRAM in pattern.programs:
        return program not in pattern.except_programs
    return program in pattern.programs
