"""Sigma log sources: which packs give the events that a rule is about, and by which names it speaks of their fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Struct, field
from pydantic import BeforeValidator, Field

from credwatch.kernel.errors import Problem, ProblemsFound, RuleError, nearest
from credwatch.kernel.fields import BY_NAME, NATIVE
from credwatch.kernel.options import Options, validated
from credwatch.kernel.resources import shipped
from credwatch.rules.documents import read_documents
from credwatch.rules.model import AllOf, AnyOf, Condition, Operator, Test

FILE_NAME = "logsources.yml"
"""How a file of log sources is called, in a folder of rules."""

KEYS = ("product", "category", "service")
"""What Sigma tells log sources apart by."""

_LONGEST_PATH = 8
_OURS = "credwatch."
_Words = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else tuple(value))]


class _LogsourceKey(Options):
    product: _Words = ()
    category: _Words = ()
    service: _Words = ()


class _EntryOptions(Options):
    logsource: _LogsourceKey
    names: Literal["native", "normalised"]
    packs: Literal["all"] | tuple[str, ...]
    fields: dict[str, str] = Field(default_factory=dict)


class LogSource(Struct, frozen=True):
    """One entry of the taxonomy."""

    keys: Mapping[str, tuple[str, ...]]
    """The values of product, category and service that it holds; a rule must ask for nothing else."""
    native: bool
    """True where rules speak of the writer's own fields, false where they speak of the event schema."""
    packs: frozenset[str] | None
    """The packs that give its events; None for all."""
    fields: Mapping[str, str]
    """What names of rules mean: a field of the schema, or `native:` and a path."""
    where: str
    """Its file."""


class Route(Struct, frozen=True):
    """Where the events of a rule come from, and what its names mean."""

    log_source: str = ""
    """The log source that the rule asks for, in words; empty for our own events."""
    native: bool = False
    """True where names are paths of the writer's own object."""
    packs: frozenset[str] | None = None
    """The packs whose events the rule sees; None for all, empty where no pack provides the log source."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What names of rules mean otherwise."""

    def tested(self, name: str, where: str) -> str:
        """Return the column that a name in a selection means; raises RuleError where there is none.

        In a rule on the writer's own fields every name is a path, but for `@timestamp` and those under `credwatch.`.
        """
        if name in self.fields:
            return self.fields[name]
        if not self.native or name == "@timestamp" or name.startswith(_OURS):
            return _of_schema(name, where)
        return NATIVE + _path(name, where)

    def grouped(self, name: str, where: str) -> str:
        """Return the column that a name in `group-by`, `subject` or a count means; RuleError where there is none.

        These are about the event as we tell it, so that fields of the schema go before paths.
        """
        return name if name in BY_NAME else self.tested(name, where)

    def narrowed(self, condition: Condition) -> Condition:
        """Let a condition hold for the events of the packs alone."""
        if self.packs is None:
            return condition
        if not self.packs:
            return Test("event.dataset", Operator.NULL, None)
        names = tuple(Test("event.dataset", Operator.EQUALS, pack) for pack in sorted(self.packs))
        return AllOf((names[0] if len(names) == 1 else AnyOf(names), condition))


EVERYTHING = Route()
"""The route of rules over all events by the names of the schema."""


def joined_route(routes: Iterable[Route]) -> Route:
    """Take one of the routes, those of rules on a product's own events first: they know more names."""
    return min(routes, key=lambda route: not route.native, default=EVERYTHING)


class LogSources(Struct, frozen=True):
    """The taxonomy: every log source that is known."""

    entries: tuple[LogSource, ...]
    """The entries, in order."""

    def route(self, log_source: Mapping[str, str | None]) -> Route:
        """Find the events that a rule's product, category and service stand for.

        Entries that hold all of it are taken together, as far as they speak the names of the first. Where none
        does, the route has no packs: the rule cannot match, and any name in it is accepted.
        """
        keys = {key: value for key in KEYS if (value := log_source.get(key))}
        entries = [entry for entry in self.entries if all(keys[key] in entry.keys[key] for key in keys)]
        words = ", ".join(f"{key} {value}" for key, value in keys.items())
        if not entries or not keys:
            return Route(words, native=True, packs=frozenset())
        alike = [entry for entry in entries if entry.native is entries[0].native]
        packs = None if any(entry.packs is None for entry in alike) else _union(entry.packs or () for entry in alike)
        fields = {name: meaning for entry in reversed(alike) for name, meaning in entry.fields.items()}
        return Route(words, entries[0].native, packs, fields)


def load_logsources(folders: Iterable[Path]) -> LogSources:
    """Read `logsources.yml` of each folder that has one; raises ProblemsFound with everything that is wrong."""
    problems: list[Problem] = []
    entries: list[LogSource] = []
    for path in (folder / FILE_NAME for folder in folders):
        try:
            entries += _read(path) if path.exists() else []
        except ProblemsFound as error:
            problems.extend(error.problems)
        except RuleError as error:
            problems.append(Problem.of(error))
    if problems:
        raise ProblemsFound(problems)
    return LogSources(tuple(entries))


@lru_cache(maxsize=1)
def shipped_logsources() -> LogSources:
    """Read the taxonomy that is shipped."""
    return load_logsources([shipped("rules")])


def _read(path: Path) -> list[LogSource]:
    (document,) = read_documents(path) or [[]]
    if not isinstance(document, list):
        raise RuleError("log sources are a list", where=str(path), hint="begin each with - logsource:")
    return [_entry(raw, f"{path}: entry {at}") for at, raw in enumerate(document, 1)]


def _entry(raw: Any, where: str) -> LogSource:
    if not isinstance(raw, dict):
        raise RuleError("a log source is a mapping", where=where, hint="write logsource:, names: and packs:")
    options = validated(raw, _EntryOptions, where=where)
    keys = {key: getattr(options.logsource, key) for key in KEYS}
    if not any(keys.values()):
        raise RuleError("it says no product, category or service", where=where, hint="write {product: …}")
    native, every = options.names == "native", options.packs == "all"
    if native and every:
        raise RuleError("native names differ from pack to pack", where=where, hint="name the packs")
    packs = None if every else frozenset(options.packs)
    return LogSource(keys, native, packs, _meanings(options.fields, where), where)


def _meanings(fields: Mapping[str, str], where: str) -> Mapping[str, str]:
    for name, meaning in fields.items():
        place = f"{where}: fields.{name}"
        if meaning.startswith(NATIVE):
            _path(meaning.removeprefix(NATIVE), place)
        else:
            _of_schema(meaning, place)
    return fields


def _of_schema(name: str, where: str) -> str:
    if name not in BY_NAME:
        hint = nearest(name, BY_NAME) or "the fields are listed in docs/events.md"
        raise RuleError(f"unknown field {name!r}", where=where, hint=hint)
    return name


def _path(name: str, where: str) -> str:
    keys = name.split(".")
    if not all(keys) or len(keys) > _LONGEST_PATH or re.search(r"[*^$\x00-\x1f]", name):
        hint = f"write up to {_LONGEST_PATH} keys joined by dots, as in actor.alternateId"
        raise RuleError(f"{name!r} is no path of an event", where=where, hint=hint)
    return name


def _union(sets: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
