"""Loads log packs from YAML, and refuses what could misread a line: the format is `docs/packs.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr

from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound, RuleError
from credwatch.kernel.options import Options, validated
from credwatch.kernel.pack import EnvelopeKind, Header, Match, Pack, PackSet, Pattern, Sample, Value, literal_head
from credwatch.rules.packs.clashes import clashes
from credwatch.rules.packs.problems import pack_problems

_Scalar = StrictStr | StrictInt | StrictBool
_Words = Annotated[tuple[str, ...], Field(min_length=1)]


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
    hex: tuple[str, ...] = ()
    when: dict[str, _Scalar | tuple[_Scalar, ...]] = Field(default_factory=dict)
    texts: dict[str, StrictStr] = Field(default_factory=dict)
    requires: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    constants: dict[str, _Scalar] = Field(default_factory=dict)
    skip: StrictBool = False
    samples: Annotated[tuple[_SampleOptions, ...], Field(min_length=1)]


class _HeaderOptions(_PackTable):
    line: StrictStr
    having: _Words
    program: StrictStr = ""


_MatchOptions = dict[str, StrictStr | _Words]


class _PackOptions(_PackTable):
    pack: StrictStr
    title: StrictStr
    envelope: EnvelopeKind
    programs: _Words | None = None
    headers: tuple[_HeaderOptions, ...] = ()
    match: _MatchOptions | tuple[_MatchOptions, ...] = ()
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
    problems.extend(clashes(packs))
    if problems:
        raise ProblemsFound(problems)
    return PackSet(tuple(packs))


@lru_cache(maxsize=1024)
def read_pack(text: str, *, where: str) -> Pack:
    """Read one pack from YAML text; raises RuleError where it is no YAML, and ProblemsFound for all else.

    What a text gives is remembered: to read a hundred packs takes a second, and a reload has changed few of them.
    """
    try:
        raw = yaml.load(text, Loader=yaml.CSafeLoader)  # the safe loader, in C
    except yaml.YAMLError as error:
        raise RuleError(f"not valid YAML: {error}", where=where, hint="mend the line it names") from error
    if not isinstance(raw, dict):
        raise RuleError("a pack is a mapping", where=where, hint="see docs/packs.md")
    raw.pop("anchors", None)
    options = validated(raw, _PackOptions, where=where)
    pack = _pack(options, where)
    if problems := list(pack_problems(pack)):
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
        headers=tuple(_header(at, item, options, where) for at, item in enumerate(options.headers, 1)),
        match=_match(options.match),
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
        texts=options.texts,
        requires=options.requires,
        ignores=options.ignores,
        hex=options.hex,
        constants=constants,
        skip=options.skip,
        samples=tuple(Sample(sample.line, sample.gives) for sample in options.samples),
    )


def _header(number: int, options: _HeaderOptions, pack: _PackOptions, where: str) -> Header:
    first = next(iter(pack.programs or ()), "")
    return Header(f"{where}: header {number}", options.line, options.having, options.program or first)


def _match(options: _MatchOptions | tuple[_MatchOptions, ...]) -> tuple[Match, ...]:
    ways = (options,) if isinstance(options, dict) else options
    return tuple(
        {path: (texts,) if isinstance(texts, str) else texts for path, texts in way.items()} for way in ways if way
    )


def _prefixes(options: _PatternOptions) -> tuple[str, ...]:
    if options.prefix is None:
        return (literal_head(options.pattern),)
    return (options.prefix,) if isinstance(options.prefix, str) else options.prefix
