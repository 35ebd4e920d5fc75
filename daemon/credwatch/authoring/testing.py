"""Runs every case of the chosen rules, and says it as a report or as JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree

from msgspec import Struct

from credwatch.authoring.cases import CaseOutcome, all_cases, run_cases, without_cases
from credwatch.authoring.choice import RuleChoice
from credwatch.kernel.errors import Problem, RuleError
from credwatch.kernel.resources import shipped
from credwatch.pipeline.pipeline import Knowledge


class Tested(Struct, frozen=True):
    """What came of the cases of some rules."""

    outcomes: tuple[CaseOutcome, ...]
    """One for each case, in the order of the files."""
    problems: tuple[Problem, ...]
    """Rules and case files that cannot be read, and rules that lack a case of either kind."""
    seconds: float
    """How long it took."""

    @property
    def failed(self) -> list[CaseOutcome]:
        """The cases that did not come out as they say, or could not be run."""
        return [outcome for outcome in self.outcomes if outcome.problem]


def run_tests(choice: RuleChoice, own: Knowledge, example: Knowledge) -> Tested:
    """Run the cases beside the chosen rules; each rule must have one that fires and one that stays quiet.

    Both hold the rules of the choice. Lines of shipped cases are read by the packs and enriched by the registers of
    `example`, all others by those of `own`.
    """
    began = perf_counter()
    files, problems = all_cases(choice.paths)
    outcomes: list[CaseOutcome] = []
    for file in files:
        try:
            outcomes += run_cases(file, example if Path(file.where).is_relative_to(shipped("rules")) else own)
        except RuleError as error:
            problems.append(Problem.of(error))
    problems += without_cases(choice.asked(), files)
    return Tested(tuple(outcomes), (*choice.problems, *problems), perf_counter() - began)


def junit(tested: Tested) -> bytes:
    """Write the outcomes as JUnit XML, UTF-8: a suite for each rule, and one for the problems of rules and files."""
    top = ElementTree.Element("testsuites", name="credwatch rules", time=f"{tested.seconds:.3f}")
    for rule in dict.fromkeys(outcome.rule for outcome in tested.outcomes):
        _suite(top, rule, [outcome for outcome in tested.outcomes if outcome.rule == rule])
    if tested.problems:
        _suite(top, "rules", [_told(problem) for problem in tested.problems])
    for name in ("tests", "failures", "errors"):
        top.set(name, str(sum(int(suite.get(name, "0")) for suite in top)))
    ElementTree.indent(top)
    document: bytes = ElementTree.tostring(top, encoding="utf-8", xml_declaration=True)
    return document


def _told(problem: Problem) -> CaseOutcome:
    return CaseOutcome("rules", problem.message, problem.where, problem.message, has_run=False, hint=problem.hint)


def _suite(top: ElementTree.Element, name: str, outcomes: Sequence[CaseOutcome]) -> None:
    failures = sum(bool(outcome.problem) and outcome.has_run for outcome in outcomes)
    errors = sum(not outcome.has_run for outcome in outcomes)
    numbers = {"tests": len(outcomes), "failures": failures, "errors": errors}
    about = {"name": _plain(name), **{key: str(number) for key, number in numbers.items()}}
    suite = ElementTree.SubElement(top, "testsuite", about)
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_plain(name), name=_plain(outcome.case), file=outcome.where
        )
        if outcome.problem:
            kind = "failure" if outcome.has_run else "error"
            ElementTree.SubElement(case, kind, message=_plain(outcome.problem)).text = _plain(outcome.hint)


def _plain(text: str) -> str:
    """Write characters that XML 1.0 (section 2.2) does not allow as escapes."""
    return "".join(char if char in "\t\n" or char.isprintable() else repr(char)[1:-1] for char in text)
