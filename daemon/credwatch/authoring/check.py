"""Everything that is wrong, or odd, about the chosen rules: what keeps them from loading, firing, or being trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from credwatch.authoring.cases import all_cases, without_cases
from credwatch.authoring.choice import RuleChoice
from credwatch.authoring.reachable import Unreachable, why_unreachable
from credwatch.authoring.trial import needed_for
from credwatch.detect.plan import plan_for
from credwatch.kernel.errors import Problem, RuleError, nearest
from credwatch.rules.model import Correlation, Rule, RuleSet
from credwatch.rules.reach import out_of_reach


class FindingSeverity(StrEnum):
    """How grave a finding is."""

    ERROR = "error"
    """The rule does not load, cannot fire, or is not tested."""
    NOTE = "note"
    """Worth a look; nothing is wrong by itself."""


class Finding(Struct, frozen=True):
    """One thing about a rule."""

    severity: FindingSeverity
    """How grave it is."""
    check: str
    """Which check found it: load, plan, unreachable, reach, title, cases or unused."""
    where: str
    """The file, with the key where one is known."""
    message: str
    """What is wrong."""
    hint: str = ""
    """What to do about it."""


def check_rules(choice: RuleChoice, *, with_cases: bool = True) -> list[Finding]:
    """Check the chosen rules, and say everything at once, in the order of the checks."""
    rules, chosen_rules = choice.rules, choice.asked()
    findings = [_error("load", problem) for problem in choice.problems]
    findings += _unplanned(rules, chosen_rules)
    findings += _unreachable(rules, chosen_rules)
    findings += _out_of_reach(choice)
    findings += _same_titles(rules, chosen_rules)
    findings += _unused(rules, chosen_rules)
    if with_cases:
        findings += [_error("cases", problem) for problem in _cases(choice, chosen_rules)]
    return findings


def _error(check: str, problem: Problem) -> Finding:
    return Finding(FindingSeverity.ERROR, check, problem.where, problem.message, problem.hint)


def _unplanned(rules: RuleSet, chosen_rules: Sequence[Rule]) -> Iterator[Finding]:
    """Try to plan each correlation with all that it refers to; one mistake leaves the others."""
    for rule in chosen_rules:
        if isinstance(rule, Correlation):
            try:
                plan_for(needed_for(rules, [rule.id]))
            except RuleError as error:
                yield _error("plan", Problem.of(error))


def _unreachable(rules: RuleSet, chosen_rules: Sequence[Rule]) -> Iterator[Finding]:
    for rule in chosen_rules:
        reason: Unreachable | None = why_unreachable(rule, rules)
        if reason is not None:
            message = f"rule {rule.name!r} can never match: {reason.message}"
            yield Finding(FindingSeverity.ERROR, "unreachable", rule.where, message, reason.hint)


def _out_of_reach(choice: RuleChoice) -> Iterator[Finding]:
    """Name the rules that could match, had a log pack events for them."""
    events = tuple(rule for rule in choice.rules.events if why_unreachable(rule, choice.rules) is None)
    for problem in out_of_reach(replace(choice.rules, events=events), choice.packs):
        if choice.concerns(problem.where):
            yield Finding(FindingSeverity.NOTE, "reach", problem.where, problem.message, problem.hint)


def _same_titles(rules: RuleSet, chosen_rules: Sequence[Rule]) -> Iterator[Finding]:
    """Name the rules that are called as one before them is: people and metrics tell rules apart by their titles."""
    first: dict[str, Rule] = {}
    ids = {rule.id for rule in chosen_rules}
    for rule in rules.by_id().values():
        other = first.setdefault(rule.title.casefold(), rule)
        if other is not rule and (rule.id in ids or other.id in ids):
            message = f"rule {rule.name!r} has the title of {other.name!r} in {other.where}: {rule.title!r}"
            yield Finding(FindingSeverity.ERROR, "title", rule.where, message, "give it a title of its own")


def _unused(rules: RuleSet, chosen_rules: Sequence[Rule]) -> Iterator[Finding]:
    referred = {part.rule for rule in rules.correlations for part in rule.parts}
    for rule in chosen_rules:
        if not rule.consequence.incident and rule.id not in referred and not rule.shadow:
            message = f"rule {rule.name!r} opens no incident, and no correlation refers to it"
            hint = "its detections are stored and counted only; credwatch: incident: opens incidents"
            yield Finding(FindingSeverity.NOTE, "unused", rule.where, message, hint)


def _cases(choice: RuleChoice, chosen_rules: Sequence[Rule]) -> list[Problem]:
    """Read the case files beside the rules, and name the rules without cases of both kinds."""
    files, problems = all_cases(choice.paths)
    names = {name for rule in choice.rules.by_id().values() for name in (rule.name, rule.id)}
    for file in files:
        if file.rule not in names:
            hint = nearest(file.rule, names) or "rule: is the rule's name or id"
            problems.append(Problem(file.where, f"no rule is called {file.rule!r}", hint))
    return problems + without_cases(chosen_rules, files)
