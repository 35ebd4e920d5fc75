"""Loads log packs from YAML, and refuses what could misread a line: the format is `docs/packs.md`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import polars as pl
import yaml
from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr

from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound, RuleError
from credwatch.kernel.json_path import read_path
from credwatch.kernel.options import Options, validated
from credwatch.kernel.pack import (
    ANY_PROGRAM,
    EnvelopeKind,
    Pack,
    PackSet,
    Pattern,
    Sample,
    Value,
    field_problem,
    literal_head,
)

_A = {"value": "a value", "object": "an object", "list": "a list"}
_Scalar = StrictStr | StrictInt | StrictBool
_Words = Annotated[tuple[str, ...], Field(min_length=1)]
_TEXTS = pl.LazyFrame(schema={"text": pl.String})


class _PackTable(Options):
    """A part of a pack; blanks at the ends of prefixes and lines are meant."""

    model_config = ConfigDict(str_strip_whitespace=False)


class _SampleOptions(_PackTable):
    line: StrictStr
    gives: dict[str, _Scalar | None] = Field(default_factory=dict)


class _PatternOptions(_PackTable):
    name: StrictStr
    programs: _Words | None = None
    except_programs: tuple[str, ...] = ()
    prefix: StrictStr | tuple[StrictStr, ...] | None = None
    pattern: StrictStr = ""
    fields: dict[str, str] = Field(default_factory=dict)
    when: dict[str, _Scalar | tuple[_Scalar, ...]] = Field(default_factory=dict)
    requires: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    constants: dict[str, _Scalar] = Field(default_factory=dict)
    skip: StrictBool = False
    samples: Annotated[tuple[_SampleOptions, ...], Field(min_length=1)]


class _PackOptions(_PackTable):
    pack: StrictStr
    title: StrictStr
    envelope: EnvelopeKind
    programs: _Words | None = None
    match: dict[str, StrictStr] = Field(default_factory=dict)
    paths: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, _Scalar] = Field(default_factory=dict)
    patterns: Annotated[tuple[_PatternOptions, ...], Field(min_length=1)]


def load_packs(folders: Path | Sequence[Path]) -> PackSet:
    """Load every `*.yml` of one or several folders, in the order of their names.

    Raises ProblemsFound with everything that is wrong in any of them: unreadable files, unknown keys and fields,
    expressions that do not compile or are not anchored, and two packs that claim the same messages. What the samples
    give is held against the packs by `parse.samples.check_packs`.
    """
    problems: list[Problem] = []
    packs: list[Pack] = []
    for file in _files([folders] if isinstance(folders, Path) else folders):
        try:
            packs.append(read_pack(file.read_text("utf-8"), where=str(file)))
        except ProblemsFound as found:
            problems.extend(found.problems)
        except CredwatchError as error:
            problems.append(Problem.of(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(file), f"cannot be read: {error}", "check the file and its permissions"))
    problems.extend(_clashes(packs))
    if problems:
        raise ProblemsFound(problems)
    return PackSet(tuple(packs))


def read_pack(text: str, *, where: str) -> Pack:
    """Read one pack from YAML text; raises RuleError where it is no YAML, and ProblemsFound for all else."""
    try:
        raw = yaml.load(text, Loader=yaml.CSafeLoader)  # the safe loader, in C
    except yaml.YAMLError as error:
        raise RuleError(f"not valid YAML: {error}", where=where, hint="mend the line it names") from error
    if not isinstance(raw, dict):
        raise RuleError("a pack is a mapping", where=where, hint="see docs/packs.md")
    raw.pop("anchors", None)
    options = validated(raw, _PackOptions, where=where)
    pack = _pack(options, where)
    if problems := list(_problems(pack, options)):
        raise ProblemsFound(problems)
    return pack


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise ProblemsFound([Problem(str(folder), "no such folder of packs", "check the path")])
        yield from sorted(path for path in folder.glob("*.yml") if not path.name.startswith("."))


def _pack(options: _PackOptions, where: str) -> Pack:
    return Pack(
        id=options.pack,
        title=options.title,
        where=where,
        kind=options.envelope,
        patterns=tuple(_pattern(item, options, where) for item in options.patterns),
        match=options.match,
        paths=options.paths,
        values=options.values,
    )


def _pattern(options: _PatternOptions, pack: _PackOptions, where: str) -> Pattern:
    constants: dict[str, Value] = {} if options.skip else {**pack.constants, **options.constants}
    return Pattern(
        name=options.name,
        where=f"{where}: {options.name}",
        programs=options.programs or pack.programs or (),
        except_programs=options.except_programs,
        prefixes=_prefixes(options),
        regex=options.pattern,
        groups=options.fields,
        when={name: value if isinstance(value, tuple) else (value,) for name, value in options.when.items()},
        requires=options.requires,
        ignores=options.ignores,
        constants=constants,
        skip=options.skip,
        samples=tuple(Sample(sample.line, sample.gives) for sample in options.samples),
    )


def _prefixes(options: _PatternOptions) -> tuple[str, ...]:
    if options.prefix is None:
        return (literal_head(options.pattern),)
    return (options.prefix,) if isinstance(options.prefix, str) else options.prefix


def _problems(pack: Pack, options: _PackOptions) -> Iterator[Problem]:
    yield from _field_problems(pack.where, "values", dict.fromkeys(pack.values or {}))
    yield from _field_problems(pack.where, "paths", dict.fromkeys((pack.paths or {}).values()))
    names = [pattern.name for pattern in pack.patterns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"{pack.where}: {name}", "two patterns have this name", "rename one of them")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", pack.id):
        yield Problem(f"{pack.where}: pack", f"{pack.id!r} is no name", "write small letters, digits, dots and dashes")
    yield from _path_problems(pack)
    if pack.kind is EnvelopeKind.JSON and not options.match:
        yield Problem(pack.where, "a JSON pack needs `match`", "add match: {schema: name-of-the-schema}")
    for pattern in pack.patterns:
        yield from _pattern_problems(pattern, pack.kind)


def _path_problems(pack: Pack) -> Iterator[Problem]:
    shapes: dict[tuple[str, ...], tuple[str, str]] = {}
    for text in pack.paths or {}:
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
    for text in pack.match or {}:
        if not re.fullmatch(r"[\w@-]+(?:\.[\w@-]+)*", text):
            yield Problem(f"{pack.where}: match: {text}", "is no path", "write keys joined by dots, as in actor.id")


def _pattern_problems(pattern: Pattern, kind: EnvelopeKind) -> Iterator[Problem]:
    yield from _field_problems(pattern.where, "constants", pattern.constants or {})
    yield from _field_problems(pattern.where, "fields", dict.fromkeys((pattern.groups or {}).values()))
    for name, values in (pattern.when or {}).items():
        yield from itertools.chain.from_iterable(
            _field_problems(pattern.where, "when", {name: value}) for value in values
        )
    yield from _field_problems(pattern.where, "requires", dict.fromkeys(pattern.requires))
    yield from _field_problems(pattern.where, "ignores", dict.fromkeys(pattern.ignores))
    for sample in pattern.samples:
        known = {name: value for name, value in sample.gives.items() if name != "credwatch.masked"}
        yield from _field_problems(pattern.where, "samples", known)
    if not pattern.skip and "event.action" not in {**(pattern.constants or {}), **(pattern.when or {})}:
        yield Problem(pattern.where, "gives no event.action", "add constants: {event.action: …}, or skip: true")
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
    try:
        groups = _groups(pattern.regex + "(?P<hit_>)")
    except pl.exceptions.PolarsError as error:
        yield Problem(where, f"does not compile: {_first_words(error)}", _regex_hint(str(error)))
        return
    for group in sorted((pattern.groups or {}).keys() - groups):
        yield Problem(f"{pattern.where}: fields", f"no group {group!r} in the pattern", f"name one (?P<{group}>…)")
    for prefix in pattern.prefixes:
        if not any(prefix.startswith(head) or head.startswith(prefix) for head in [literal_head(pattern.regex)]):
            yield Problem(f"{pattern.where}: prefix", f"{prefix!r} is not how the pattern begins", "make them agree")


def _groups(regex: str) -> set[str]:
    """Name the groups of an expression; raises PolarsError where it does not compile."""
    ((_, found),) = _TEXTS.select(pl.col("text").str.extract_groups(regex)).collect_schema().items()
    assert isinstance(found, pl.Struct)
    return {each.name for each in found.fields}


def _first_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip().startswith("error:")]
    return lines[-1].removeprefix("error: ") if lines else str(error).splitlines()[0]


def _regex_hint(text: str) -> str:
    if "look-around" in text or "backreference" in text:
        return "patterns run in linear time: write it without look-around and back-references"
    return "the syntax is RE2's, as in https://docs.rs/regex"


def _clashes(packs: Sequence[Pack]) -> Iterator[Problem]:
    """Name packs that claim the same messages; an empty prefix is the last resort and meets other empty ones only."""
    for one, two in itertools.combinations(packs, 2):
        if one.id == two.id:
            yield Problem(two.where, f"pack {two.id!r} is also in {one.where}", "give it another name")
        if one.kind is two.kind is EnvelopeKind.JSON and one.match == two.match:
            yield Problem(two.where, f"claims the same lines as {one.where}", "change `match` of one")
        for left, right in itertools.product(one.patterns, two.patterns):
            if shared := _shared_prefix(left, right):
                yield Problem(right.where, f"claims messages of {left.where}: {shared}", "narrow programs or prefix")


def _shared_prefix(left: Pattern, right: Pattern) -> str:
    if not _share_a_program(left, right):
        return ""
    for one, two in itertools.product(left.prefixes, right.prefixes):
        if bool(one) == bool(two) and (one.startswith(two) or two.startswith(one)):
            return f"both read {max(one, two, key=len)!r}"
    return ""


def _share_a_program(left: Pattern, right: Pattern) -> bool:
    if ANY_PROGRAM in left.programs and ANY_PROGRAM in right.programs:
        return True
    if ANY_PROGRAM in left.programs:
        left, right = right, left
    if ANY_PROGRAM in right.programs:
        return bool(set(left.programs) - set(right.except_programs))
    return bool(set(left.programs) & set(right.programs))
