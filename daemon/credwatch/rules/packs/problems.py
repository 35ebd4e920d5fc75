"""Finds what is wrong with one pack: fields, paths and expressions that would misread a line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Generator, Iterator, Mapping

import polars as pl

from credwatch.kernel.errors import Problem
from credwatch.kernel.json_path import read_path
from credwatch.kernel.pack import (
    PATH_MARK,
    EnvelopeKind,
    Header,
    Pack,
    Pattern,
    Value,
    field_problem,
    is_expression,
    literal_head,
)

_A = {"value": "a value", "object": "an object", "list": "a list"}
_TEXTS = pl.LazyFrame(schema={"text": pl.String})
_HEADER_GROUPS = frozenset({"stamp", "host", "program", "pid", "message"})


def pack_problems(pack: Pack) -> Iterator[Problem]:
    """Name what is wrong with a pack that has been read: file, pattern and key, and what would be right."""
    yield from _field_problems(pack.where, "values", dict.fromkeys(pack.values or {}))
    yield from _field_problems(pack.where, "paths", dict.fromkeys((pack.paths or {}).values()))
    names = [pattern.name for pattern in pack.patterns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"{pack.where}: {name}", "two patterns have this name", "rename one of them")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", pack.id):
        yield Problem(f"{pack.where}: pack", f"{pack.id!r} is no name", "write small letters, digits, dots and dashes")
    if pack.kind is EnvelopeKind.JSON:
        yield from _match_problems(pack)
        yield from _path_problems(pack)
    for header in pack.headers:
        yield from _header_problems(header)
    for pattern in pack.patterns:
        yield from _pattern_problems(pattern, pack.kind)


def _match_problems(pack: Pack) -> Iterator[Problem]:
    if not pack.match:
        yield Problem(pack.where, "a JSON pack needs `match`", "add match: {schema: name-of-the-schema}")
    for path, texts in itertools.chain.from_iterable(way.items() for way in pack.match):
        where = f"{pack.where}: match: {path}"
        if not re.fullmatch(r"[\w@$-]+(?:\.[\w@$-]+)*", path):
            yield Problem(where, "is no path", "write keys joined by dots, as in actor.id")
        for text in filter(is_expression, texts):
            yield from _compiling(where, text[1:-1])


def _path_problems(pack: Pack) -> Iterator[Problem]:
    shapes: dict[tuple[str, ...], tuple[str, str]] = {}
    for text in pack.every_path():
        try:
            path = read_path(text)
        except ValueError as error:
            yield Problem(f"{pack.where}: {text}", "is no path", str(error))
            continue
        for place, shape in path.shapes().items():
            earlier, other = shapes.setdefault(place, (shape, text))
            if earlier != shape:
                name = ".".join(place)
                message = f"{name} is {_A[shape]} here and {_A[earlier]} in {other}"
                yield Problem(f"{pack.where}: {text}", message, "leave one of them out")


def _header_problems(header: Header) -> Iterator[Problem]:
    if not header.program:
        yield Problem(header.where, "does not say whose lines it begins", "add program: …, or programs to the pack")
    if not all(header.having):
        yield Problem(f"{header.where}: having", "an empty text stands in every line", "name a text of its own")
    if not (header.regex.startswith("^") and header.regex.endswith("$")):
        yield Problem(f"{header.where}: line", "is not anchored", "begin with ^ and end with $")
        return
    groups = yield from _compiling(f"{header.where}: line", header.regex)
    for group in sorted(groups - _HEADER_GROUPS - {"hit_"}):
        yield Problem(f"{header.where}: line", f"unknown group {group!r}", f"name {', '.join(sorted(_HEADER_GROUPS))}")
    if groups and "stamp" not in groups:
        yield Problem(f"{header.where}: line", "has no group `stamp`", "name the time (?P<stamp>…)")


def _pattern_problems(pattern: Pattern, kind: EnvelopeKind) -> Iterator[Problem]:
    yield from _field_problems(pattern.where, "constants", pattern.constants or {})
    yield from _field_problems(pattern.where, "fields", dict.fromkeys((pattern.groups or {}).values()))
    fields = {name: values for name, values in (pattern.when or {}).items() if not name.startswith(PATH_MARK)}
    for name, values in fields.items():
        yield from itertools.chain.from_iterable(
            _field_problems(pattern.where, "when", {name: value}) for value in values
        )
    yield from _field_problems(pattern.where, "requires", dict.fromkeys(pattern.requires))
    yield from _field_problems(pattern.where, "ignores", dict.fromkeys(pattern.ignores))
    for sample in pattern.samples:
        expected = {name: value for name, value in sample.gives.items() if name != "credwatch.masked"}
        yield from _field_problems(pattern.where, "samples", expected)
    if not pattern.skip and "event.action" not in {**(pattern.constants or {}), **(pattern.when or {})}:
        yield Problem(pattern.where, "gives no event.action", "add constants: {event.action: …}, or skip: true")
    for path, regex in (pattern.texts or {}).items():
        where = f"{pattern.where}: texts: {path}"
        if not (regex.startswith("^") and regex.endswith("$")):
            yield Problem(
                where, "is not anchored", "begin with ^ and end with $, so that no user name can move a field"
            )
        yield from _compiling(where, regex)
    if kind is EnvelopeKind.SYSLOG:
        yield from _regex_problems(pattern)


def _field_problems(where: str, key: str, fields: Mapping[str, Value | None]) -> Iterator[Problem]:
    for name, value in fields.items():
        if problem := field_problem(name, value):
            message, _, hint = problem.partition("; ")
            yield Problem(f"{where}: {key}", message, hint)


def _regex_problems(pattern: Pattern) -> Iterator[Problem]:
    where = f"{pattern.where}: pattern"
    if not pattern.programs:
        yield Problem(pattern.where, "a syslog pattern needs `programs`", 'name them in the pack, or use ["*"]')
    if not (pattern.regex.startswith("^") and pattern.regex.endswith("$")):
        yield Problem(where, "is not anchored", "begin with ^ and end with $, so that no user name can move a field")
        return
    groups = yield from _compiling(where, pattern.regex)
    if not groups:
        return
    for group in sorted(set(pattern.hex) - (pattern.groups or {}).keys()):
        yield Problem(f"{pattern.where}: hex", f"group {group!r} fills no field", "name it in fields, or leave it out")
    for group in sorted((pattern.groups or {}).keys() - groups):
        yield Problem(f"{pattern.where}: fields", f"no group {group!r} in the pattern", f"name one (?P<{group}>…)")
    for prefix in pattern.prefixes:
        if not any(prefix.startswith(head) or head.startswith(prefix) for head in [literal_head(pattern.regex)]):
            yield Problem(f"{pattern.where}: prefix", f"{prefix!r} is not how the pattern begins", "make them agree")


def _compiling(where: str, regex: str) -> Generator[Problem, None, frozenset[str]]:
    """Say why an expression does not compile; return the groups of one that does, of which `hit_` is always one."""
    try:
        ((_, groups),) = _TEXTS.select(pl.col("text").str.extract_groups(f"{regex}(?P<hit_>)")).collect_schema().items()
    except pl.exceptions.PolarsError as error:
        yield Problem(where, f"does not compile: {_first_words(error)}", _regex_hint(str(error)))
        return frozenset()
    assert isinstance(groups, pl.Struct)
    return frozenset(group.name for group in groups.fields)


def _first_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip().startswith("error:")]
    return lines[-1].removeprefix("error: ") if lines else str(error).splitlines()[0]


def _regex_hint(text: str) -> str:
    if "look-around" in text or "backreference" in text:
        return "patterns run in linear time: write it without look-around and back-references"
    return "the syntax is RE2's, as in https://docs.rs/regex"
