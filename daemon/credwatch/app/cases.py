"""Cases of rules: examples beside each rule of what must make it fire and what must leave it quiet, run for real."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field

from credwatch.app.pipeline import Knowledge
from credwatch.detect.engine import Engine
from credwatch.detect.plan import plan_for
from credwatch.enrich.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.columns import type_of
from credwatch.enrich.logins import logins_in
from credwatch.enrich.novelty import mark_novelty
from credwatch.enrich.profiles import Profiles
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.detection import Detection
from credwatch.kernel.errors import Problem, RuleError, nearest
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.options import Options, validated
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import SourceFormat, parse
from credwatch.rules.documents import read_documents
from credwatch.rules.model import RuleSet

SUFFIX = ".cases.yml"
"""How the names of case files end."""

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
"""When the cases begin: the moment of offset 0s."""

_MOST_EVENTS = 10_000
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PYTHON: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INTEGER: int,
    FieldType.NUMBER: float,
    FieldType.BOOLEAN: bool,
}
_Timing = tuple[datetime, int, Mapping[str, Any]]


class Case(Options):
    """One example: events as rules see them, or lines that go the whole path first."""

    name: str
    """What it shows, in a few words."""
    expect: Literal["fires", "quiet"]
    """Whether the rule must fire."""
    groups: tuple[dict[str, str], ...] = ()
    """The groups that must fire, each with the fields that tell it; empty for any."""
    events: tuple[dict[str, Any], ...] = ()
    """Fields, with `offset`, `times` and `every`; `{n}` in a text is the number of the repetition, from 0."""
    lines: tuple[str | dict[str, Any], ...] = ()
    """Whole lines, or mappings of `line` with `offset`, `times` and `every`, which get a header of their own."""


class CaseFile(Options):
    """The cases of one rule."""

    rule: str
    """The rule's name or id."""
    given: dict[str, Any] = Field(default_factory=dict)
    """Fields of every event that does not say otherwise."""
    kind: Literal["auto", "syslog", "json"] = "auto"
    """How lines begin."""
    cases: tuple[Case, ...] = ()
    """The cases."""
    where: str = ""
    """The file; filled when it is read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case."""

    rule: str
    """The rule's name."""
    case: str
    """The case's name."""
    where: str
    """The file and the rule."""
    problem: str
    """What was not as expected; empty where the case passed."""
    fired: tuple[str, ...]
    """The names of all rules that fired, sorted."""


def find_cases(folders: Iterable[Path]) -> list[Path]:
    """Find the case files below the folders, in order."""
    return [path for folder in folders for path in sorted(folder.rglob(f"*{SUFFIX}"))]


def read_cases(path: Path) -> list[CaseFile]:
    """Read a case file: a YAML document for each rule; raises RuleError, or ProblemsFound with every wrong key."""
    return [_case_file(document, str(path)) for document in read_documents(path)]


def run_cases(file: CaseFile, knowledge: Knowledge) -> list[Outcome]:
    """Run a rule's cases with every rule of `knowledge` loaded; raises RuleError where a case cannot be run.

    Rules that only serve others are made to speak here, so that they have cases too. Each case begins with empty
    windows. Lines are read by the packs and enriched by the registers of `knowledge`.
    """
    audible = _audible(knowledge.rules)
    rule = _find(audible, file)
    names = {each.id: each.name for each in audible.by_id().values()}
    outcomes = []
    for case in file.cases:
        engine = Engine(plan_for(audible, lateness_us=knowledge.lateness_us), seed=1)
        found = engine.process(_events_of(case, file, knowledge), "cases").detections
        mine = [detection for detection in found if detection.rule_id == rule]
        fired = tuple(sorted({names[detection.rule_id] for detection in found}))
        outcomes.append(Outcome(names[rule], case.name, file.where, _problem(case, mine), fired))
    return outcomes


def without_cases(rules: RuleSet, files: Sequence[CaseFile]) -> list[Problem]:
    """Name the rules that lack a case that fires or one that stays quiet."""
    problems = []
    for rule in rules.by_id().values():
        kinds = {case.expect for file in files if file.rule in (rule.name, rule.id) for case in file.cases}
        problems += [
            Problem(rule.where, f"rule {rule.name!r} has no case that {what}", f"add one to its {SUFFIX} file")
            for kind, what in (("fires", "fires"), ("quiet", "stays quiet"))
            if kind not in kinds
        ]
    return problems


def _case_file(document: Any, where: str) -> CaseFile:
    if not isinstance(document, dict):
        raise RuleError("a case file is a mapping", where=where, hint="begin with rule: and cases:")
    return validated({**document, "where": where}, CaseFile, where=where)


def _audible(rules: RuleSet) -> RuleSet:
    return RuleSet(
        tuple(replace(rule, alone=True) for rule in rules.events),
        tuple(replace(rule, alone=True) for rule in rules.correlations),
    )


def _find(rules: RuleSet, file: CaseFile) -> str:
    by_name = {name: rule.id for rule in rules.by_id().values() for name in (rule.name, rule.id)}
    if file.rule not in by_name:
        hint = nearest(file.rule, by_name) or "rule: is the rule's name or id"
        raise RuleError(f"no rule is called {file.rule!r}", where=file.where, hint=hint)
    return by_name[file.rule]


def _problem(case: Case, found: Sequence[Detection]) -> str:
    """Say how what was found differs from what the case expects."""
    groups = [dict(detection.group) for detection in found]
    if case.expect == "quiet":
        return f"it fired for {groups[0]}" if groups else ""
    if not groups:
        return "it stayed quiet"
    for wanted in case.groups:
        if not any(wanted.items() <= group.items() for group in groups):
            return f"it fired for {groups}, not for {wanted}"
    unasked = [group for group in groups if not any(wanted.items() <= group.items() for wanted in case.groups)]
    return f"it fired for {unasked[0]} too" if case.groups and unasked else ""


def _events_of(case: Case, file: CaseFile, knowledge: Knowledge) -> pl.DataFrame:
    where = f"{file.where}: {file.rule}: {case.name}"
    if bool(case.events) == bool(case.lines):
        raise RuleError("a case has either events or lines", where=where, hint="give events: or lines:")
    if case.events:
        return _given_events(case, file.given, where)
    return _read_lines(case, file.kind, knowledge, where)


def _given_events(case: Case, given: Mapping[str, Any], where: str) -> pl.DataFrame:
    timed = [_timings({**given, **event}, where) for event in case.events]
    rows = sorted((each for timings in timed for each in timings), key=lambda each: each[0])
    names = dict.fromkeys(name for _, _, fields in rows for name in fields)
    columns: dict[str, Any] = {"@timestamp": [moment for moment, _, _ in rows]}
    for name in names:
        columns[name] = [_numbered(fields.get(name), number) for _, number, fields in rows]
        _require_field(name, columns[name], where)
    return pl.DataFrame(columns, schema={name: type_of(name) for name in columns})


def _require_field(name: str, values: Sequence[Any], where: str) -> None:
    field = BY_NAME.get(name)
    if field is None or field.type is FieldType.TIMESTAMP:
        hint = nearest(name, BY_NAME) or "docs/events.md lists the fields"
        raise RuleError(f"an event cannot have {name!r}", where=where, hint=hint)
    wanted = _PYTHON[field.type]
    if not all(value is None or type(value) is wanted for value in values):
        raise RuleError(f"{name!r} is of type {field.type}", where=where, hint="quote texts, leave numbers bare")


def _read_lines(case: Case, kind: str, knowledge: Knowledge, where: str) -> pl.DataFrame:
    written = [line for each in case.lines for line in _written(each, where)]
    data = "\n".join(line for _, line in sorted(written, key=lambda each: each[0])).encode()
    latest = max(moment for moment, _ in written)
    parsed = parse(split_lines(data, 0), packs=knowledge.packs, source=SourceFormat("cases", kind), reference=latest)
    if parsed.unparsed.height:
        line = parsed.unparsed.row(0, named=True)
        raise RuleError(f"no pack reads {line['line']!r}: {line['reason']}", where=where, hint="see docs/packs.md")
    events, _ = mark_attempts(knowledge.enricher.enrich(parsed.events), AttemptPairing())
    profiles = Profiles(b"cases")
    logins = logins_in(events, profiles.seed, latest)
    return mark_novelty(events, logins, profiles, knowledge.learning, latest)[0]


def _written(each: str | Mapping[str, Any], where: str) -> Iterator[tuple[datetime, str]]:
    """Give the lines with the moments that order them; whole lines stay in the order of the file."""
    if isinstance(each, str):
        yield START, each
        return
    for moment, number, rest in _timings(each, where):
        if set(rest) != {"line"}:
            raise RuleError(
                f"expected a line, found the keys {sorted(rest)}", where=where, hint="give line, offset, times, every"
            )
        line = str(_numbered(rest["line"], number)).replace("{at}", rfc3339(moment))
        yield moment, line if line.startswith("{") else f"{rfc3339(moment)} host1 {line}"


def _timings(entry: Mapping[str, Any], where: str) -> Iterator[_Timing]:
    """Repeat an entry as it asks for: the moment, the number of the repetition, and the rest of the entry."""
    rest = {key: value for key, value in entry.items() if key not in ("offset", "times", "every")}
    offset, every = _span(entry.get("offset", "0s"), where), _span(entry.get("every", "1s"), where)
    times = entry.get("times", 1)
    if type(times) is not int or not 1 <= times <= _MOST_EVENTS:
        raise RuleError(f"times: {times!r} is no number from 1 to {_MOST_EVENTS}", where=where, hint="write times: 8")
    for number in range(times):
        yield START + offset + number * every, number, rest


def _span(text: Any, where: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,9})(ms|s|m|h|d)", str(text))
    if found is None:
        raise RuleError(f"{text!r} is no span of time", where=where, hint="write a number and ms, s, m, h or d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _numbered(value: Any, number: int) -> Any:
    return value.replace("{n}", str(number)) if isinstance(value, str) else value
