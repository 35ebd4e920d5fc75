"""Sigma rule files read into a RuleSet: detections, correlations and filters. Only this floor knows pySigma."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from credwatch.kernel.errors import Problem, ProblemsFound, RuleError, nearest
from credwatch.rules.conditions import REGEX_HINT
from credwatch.rules.correlating import key_of
from credwatch.rules.documents import read_documents
from credwatch.rules.model import Correlation, EventRule, Rule, RuleSet
from credwatch.rules.reading import read_rule

_Parsed = tuple[str, Any]
"""A file and a rule, correlation or filter in it, as pySigma reads it."""


def load_rules(folders: Sequence[Path]) -> RuleSet:
    """Read every `*.yml` below the folders, cases files (`*.cases.yml`) left out.

    Raises ProblemsFound with every problem of every file.
    """
    rules, problems = read_rules(folders)
    if problems:
        raise ProblemsFound(problems)
    return rules


def read_rules(folders: Sequence[Path]) -> tuple[RuleSet, list[Problem]]:
    """Read what can be read; a rule that cannot be compiled is named in the problems and left out."""
    problems: list[Problem] = []
    parsed = [found for path in _files(folders) for found in _parse_file(path, problems)]
    parsed = _without_dangling(_without_duplicates(parsed, problems), problems)
    return _compiled(parsed, problems), problems


def _files(folders: Sequence[Path]) -> list[Path]:
    found = (path for folder in folders for path in sorted(folder.rglob("*.yml")))
    return [path for path in found if not path.name.endswith(".cases.yml")]


def _parse_file(path: Path, problems: list[Problem]) -> list[_Parsed]:
    """Read the documents of a file; what is wrong with one leaves the others."""
    parsed = []
    try:
        for document in read_documents(path):
            try:
                parsed.append((str(path), _parse_document(document, path)))
            except RuleError as error:
                problems.append(Problem.of(error))
    except RuleError as error:
        problems.append(Problem.of(error))
    return parsed


def _parse_document(document: Any, path: Path) -> Any:
    if not isinstance(document, dict):
        raise RuleError("a rule is a mapping", where=str(path), hint="begin with title:, logsource: and detection:")
    try:
        if "correlation" in document:
            return SigmaCorrelationRule.from_dict(document)
        if "filter" in document:
            return SigmaFilter.from_dict(document)
        return SigmaRule.from_dict(document)
    except SigmaError as error:
        title = document.get("title", "untitled")
        hint = REGEX_HINT if isinstance(error, SigmaRegularExpressionError) else "see docs/rules.md"
        raise RuleError(f"rule {title!r}: {error}", where=str(path), hint=hint) from error


def _without_duplicates(parsed: list[_Parsed], problems: list[Problem]) -> list[_Parsed]:
    seen: dict[str, str] = {}
    kept = []
    for where, item in parsed:
        key = key_of(item)
        if key in seen:
            problems.append(
                Problem(
                    where=where,
                    message=f"rule id {key} is already used by {seen[key]}",
                    hint="give it an id of its own",
                )
            )
            continue
        seen[key] = where
        kept.append((where, item))
    return kept


def _without_dangling(parsed: list[_Parsed], problems: list[Problem]) -> list[_Parsed]:
    """Leave out what refers to a rule that is missing, and then what refers to that."""
    known = {
        str(name) for _, item in parsed for name in (item.id, item.name) if name and not isinstance(item, SigmaFilter)
    }
    kept = []
    for where, item in parsed:
        missing = [name for name in _references(item) if name not in known]
        if missing:
            hint = nearest(missing[0], known) or "check the name, and that its file is loaded"
            message = f"rule {item.title!r} refers to {missing[0]!r}, which is missing"
            problems.append(Problem(where=where, message=message, hint=hint))
        else:
            kept.append((where, item))
    return kept if len(kept) == len(parsed) else _without_dangling(kept, problems)


def _references(item: Any) -> list[str]:
    rules = item.filter.rules if isinstance(item, SigmaFilter) else getattr(item, "rules", None)
    return [reference.reference for reference in rules] if isinstance(rules, list) else []


def _compiled(parsed: list[_Parsed], problems: list[Problem]) -> RuleSet:
    """Apply filters, resolve references and compile; whatever fails becomes a problem."""
    origin = {key_of(item): where for where, item in parsed}
    collection = SigmaCollection([item for _, item in parsed])
    compiled: list[Rule] = []
    for rule in collection.rules:
        where = origin[key_of(rule)]
        try:
            compiled.append(read_rule(rule, where))
        except ProblemsFound as error:
            problems.extend(error.problems)
        except RuleError as error:
            problems.append(Problem.of(error))
        except SigmaError as error:
            problems.append(Problem(where=where, message=f"rule {rule.title!r}: {error}", hint="see docs/rules.md"))
    return _referring(compiled, collection)


def _referring(rules: Iterable[Rule], collection: SigmaCollection) -> RuleSet:
    """Mark the rules that only serve correlations (no `generate`), and order them."""
    compiled = {rule.id: rule for rule in rules}
    generated = {
        key_of(r)
        for rule in collection.rules
        if isinstance(rule, SigmaCorrelationRule) and rule.generate
        for r in [ref.rule for ref in rule.rules or ()]
    }
    correlations = _usable([rule for rule in compiled.values() if isinstance(rule, Correlation)], compiled)
    serving = {part.rule for rule in correlations for part in rule.parts} - generated
    events = [rule for rule in compiled.values() if isinstance(rule, EventRule)]
    return RuleSet(
        tuple(replace(rule, alone=_alone(rule, serving)) for rule in events),
        tuple(replace(rule, alone=_alone(rule, serving)) for rule in correlations),
    )


def _usable(correlations: list[Correlation], compiled: dict[str, Rule]) -> list[Correlation]:
    """Leave out correlations over rules that could not be compiled, and then those over them."""
    broken = [rule for rule in correlations if not all(part.rule in compiled for part in rule.parts)]
    if not broken:
        return correlations
    for rule in broken:
        del compiled[rule.id]
    return _usable([rule for rule in correlations if rule not in broken], compiled)


def _alone(rule: Rule, serving: set[str]) -> bool:
    return bool(rule.consequence.incident) or rule.id not in serving
