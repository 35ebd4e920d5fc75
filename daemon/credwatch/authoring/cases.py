"""Cases of rules: examples beside each rule of what must make it fire and what must leave it quiet, run for real."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from msgspec import Struct
from pydantic import Field

from credwatch.authoring.case_events import given_events, read_events, written_lines
from credwatch.authoring.trial import audible, needed_for, trial_engine
from credwatch.kernel.detection import Detection
from credwatch.kernel.errors import Problem, ProblemsFound, RuleError, nearest
from credwatch.kernel.options import Options, validated
from credwatch.pipeline.pipeline import Knowledge
from credwatch.rules.documents import CASES, read_documents
from credwatch.rules.model import Rule, RuleSet


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


class CaseOutcome(Struct, frozen=True):
    """What came of one case."""

    rule: str
    """The rule's name."""
    case: str
    """The case's name."""
    where: str
    """The file."""
    problem: str = ""
    """What was not as expected, or why it could not be run; empty where the case passed."""
    has_run: bool = True
    """False where the case could not be run."""
    hint: str = ""
    """What to do about a case that could not be run."""


def find_cases(paths: Iterable[Path]) -> list[Path]:
    """Find the case files below folders and beside files of rules, in order, each once."""
    files = (file for path in paths for file in _case_files(path))
    return list(dict.fromkeys(files))


def read_cases(path: Path) -> list[CaseFile]:
    """Read a case file: a YAML document for each rule; raises RuleError, or ProblemsFound with every wrong key."""
    return [_case_file(document, str(path)) for document in read_documents(path)]


def all_cases(paths: Iterable[Path]) -> tuple[list[CaseFile], list[Problem]]:
    """Read every case file below folders and beside files of rules, and tell what is wrong with the others."""
    files: list[CaseFile] = []
    problems: list[Problem] = []
    for path in find_cases(paths):
        try:
            files += read_cases(path)
        except ProblemsFound as error:
            problems += error.problems
        except RuleError as error:
            problems.append(Problem.of(error))
    return files, problems


def run_cases(file: CaseFile, knowledge: Knowledge) -> list[CaseOutcome]:
    """Run a rule's cases, each from empty windows, with the rules that it refers to; raises RuleError for no such rule.

    A rule that only serves others is made to speak here, so that it has cases too. Lines are read by the packs and
    enriched by the registers of `knowledge`. A case that cannot be run is an outcome, with the reason.
    """
    rule = _find(knowledge.rules, file)
    rules = audible(needed_for(knowledge.rules, [rule.id]))
    outcomes = []
    for case, events in zip(file.cases, _events(file, knowledge), strict=True):
        if isinstance(events, RuleError):
            outcomes.append(
                CaseOutcome(rule.name, case.name, file.where, events.message, has_run=False, hint=events.hint)
            )
            continue
        detections = trial_engine(rules, knowledge.lateness_us).process(events).detections
        mine = [detection for detection in detections if detection.rule_id == rule.id]
        outcomes.append(CaseOutcome(rule.name, case.name, file.where, _problem(case, mine)))
    return outcomes


def without_cases(rules: Iterable[Rule], files: Sequence[CaseFile]) -> list[Problem]:
    """Name the rules that lack a case that fires or one that stays quiet."""
    problems = []
    for rule in rules:
        kinds = {case.expect for file in files if file.rule in (rule.name, rule.id) for case in file.cases}
        problems += [
            Problem(rule.where, f"rule {rule.name!r} has no case that {what}", f"add one to its {CASES} file")
            for kind, what in (("fires", "fires"), ("quiet", "stays quiet"))
            if kind not in kinds
        ]
    return problems


def _case_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob(f"*{CASES}"))
    own = path if path.name.endswith(CASES) else path.with_name(path.name.removesuffix(".yml") + CASES)
    return [own] if own.exists() else []


def _case_file(document: Any, where: str) -> CaseFile:
    if not isinstance(document, dict):
        raise RuleError("a case file is a mapping", where=where, hint="begin with rule: and cases:")
    return validated({**document, "where": where}, CaseFile, where=where)


def _find(rules: RuleSet, file: CaseFile) -> Rule:
    by_name = {name: rule for rule in rules.by_id().values() for name in (rule.name, rule.id)}
    if file.rule not in by_name:
        hint = nearest(file.rule, by_name) or "rule: is the rule's name or id"
        raise RuleError(f"no rule is called {file.rule!r}", where=file.where, hint=hint)
    return by_name[file.rule]


def _events(file: CaseFile, knowledge: Knowledge) -> list[pl.DataFrame | RuleError]:
    """Give the events of each case, or why there are none."""
    frames: list[pl.DataFrame | RuleError] = []
    texts, places = [], []
    for number, case in enumerate(file.cases):
        where = f"{file.where}: {file.rule}: {case.name}"
        try:
            if bool(case.events) == bool(case.lines):
                raise RuleError("a case has either events or lines", where=where, hint="give events: or lines:")
            if case.lines:
                texts.append(written_lines(case.lines, where))
                places.append(number)
            frames.append(given_events(case.events, file.given, where) if case.events else pl.DataFrame())
        except RuleError as error:
            frames.append(error)
    for number, (events, problem) in zip(places, read_events(texts, file.kind, knowledge), strict=True):
        frames[number] = RuleError(problem, where=file.where, hint="see docs/packs.md") if problem else events
    return frames


def _problem(case: Case, detections: Sequence[Detection]) -> str:
    """Say how what was found differs from what the case expects."""
    groups = [dict(detection.group) for detection in detections]
    if case.expect == "quiet":
        return f"it fired for {groups[0]}" if groups else ""
    if not groups:
        return "it stayed quiet"
    for demand in case.groups:
        if not any(demand.items() <= group.items() for group in groups):
            return f"it fired for {groups}, not for {demand}"
    unasked = [group for group in groups if not any(demand.items() <= group.items() for demand in case.groups)]
    return f"it fired for {unasked[0]} too" if case.groups and unasked else ""
