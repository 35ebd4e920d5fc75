"""Sigma rule files read into a RuleSet: detections, correlations and filters. Only this floor knows pySigma."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from credwatch.kernel.detection import Consequence, Level
from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound, RuleError
from credwatch.kernel.options import Options, validated
from credwatch.rules.conditions import read_condition, require_field
from credwatch.rules.model import AnyOf, Correlation, CorrelationType, EventRule, Part, Rule, RuleSet

_SECOND = 1_000_000
_UNITS = {"s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86400 * _SECOND}
_LONGEST = 90 * 86400 * _SECOND
_HOUR = 3600 * _SECOND
_MOST_COUNTED = 1_000_000


class _CredwatchKey(Options):
    """The `credwatch:` key of a rule file: what Sigma has no word for."""

    incident: str = ""
    subject: str = "user.name"
    workflows: tuple[str, ...] = ()
    clause: str = ""
    group_by: tuple[str, ...] = ()
    quiet: str = "1h"
    shadow: bool = False


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
    parsed: list[tuple[str, Any]] = []
    for path in _files(folders):
        try:
            parsed += [(str(path), item) for item in _parse_file(path)]
        except CredwatchError as error:
            problems.append(Problem.of(error))
    return _resolved(parsed, problems), problems


def _files(folders: Sequence[Path]) -> list[Path]:
    found = (path for folder in folders for path in sorted(folder.rglob("*.yml")))
    return [path for path in found if not path.name.endswith(".cases.yml")]


def _parse_file(path: Path) -> list[Any]:
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except OSError as error:
        raise RuleError(f"cannot be read: {error.strerror}", where=str(path), hint="check its permissions") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleError(f"not valid YAML: {error}", where=str(path), hint="mend the line it names") from error
    return [_parse_document(document, path) for document in documents if document is not None]


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
        raise RuleError(f"rule {title!r}: {error}", where=str(path), hint="see docs/rules.md") from error


def _resolved(parsed: list[tuple[str, Any]], problems: list[Problem]) -> RuleSet:
    """Apply filters, resolve references and compile; whatever fails becomes a problem."""
    parsed = _without_duplicates(parsed, problems)
    origin = {_key(item): where for where, item in parsed}
    try:
        collection = SigmaCollection([item for _, item in parsed])
    except SigmaError as error:
        problems.append(
            Problem(where="rules", message=str(error), hint="a correlation refers to a rule that is missing")
        )
        return RuleSet((), ())
    compiled: list[Rule] = []
    for rule in collection.rules:
        where = origin.get(_key(rule), "rules")
        try:
            compiled.append(_compiled(rule, where))
        except ProblemsFound as error:
            problems.extend(error.problems)
        except CredwatchError as error:
            problems.append(Problem.of(error))
        except SigmaError as error:
            problems.append(Problem(where=where, message=f"rule {rule.title!r}: {error}", hint="see docs/rules.md"))
    return _referring(compiled, collection)


def _without_duplicates(parsed: list[tuple[str, Any]], problems: list[Problem]) -> list[tuple[str, Any]]:
    seen: dict[str, str] = {}
    kept = []
    for where, item in parsed:
        key = _key(item)
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


def _key(rule: Any) -> str:
    return str(rule.id or rule.name or rule.title)


def _compiled(rule: Any, where: str) -> Rule:
    return _correlation(rule, where) if isinstance(rule, SigmaCorrelationRule) else _event_rule(rule, where)


def _event_rule(rule: SigmaRule, where: str) -> EventRule:
    ours = _own_key(rule, where)
    conditions = [read_condition(item.parsed, where) for item in rule.detection.parsed_condition]
    group_by = ours.group_by or ("organization.id", ours.subject)
    return EventRule(
        id=_key(rule),
        name=rule.name or _key(rule),
        title=rule.title,
        level=_level(rule),
        tags=_tags(rule),
        where=where,
        condition=conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions)),
        consequence=_consequence(ours, where),
        group_by=tuple(require_field(name, where) for name in group_by),
        quiet_us=_span(ours.quiet, where),
        shadow=ours.shadow,
    )


def _correlation(rule: SigmaCorrelationRule, where: str) -> Correlation:
    ours = _own_key(rule, where)
    kind = _type(rule, where)
    threshold, field = _threshold(rule, kind, where)
    parts = tuple(_part(rule, reference, where) for reference in rule.rules or ())
    return Correlation(
        id=_key(rule),
        name=rule.name or _key(rule),
        title=rule.title,
        level=_level(rule),
        tags=_tags(rule),
        where=where,
        type=kind,
        parts=parts,
        group_by=tuple(rule.group_by or ()),
        timespan_us=_span(rule.timespan.spec, where),
        threshold=threshold,
        field=field,
        consequence=_consequence(ours, where),
        shadow=ours.shadow,
    )


def _type(rule: SigmaCorrelationRule, where: str) -> CorrelationType:
    try:
        return CorrelationType(rule.type.name.lower())
    except ValueError as error:
        known = ", ".join(CorrelationType)
        raise RuleError(
            f"correlation type {rule.type.name.lower()!r} is not supported",
            where=where,
            hint=f"known types: {known}",
        ) from error


def _threshold(rule: SigmaCorrelationRule, kind: CorrelationType, where: str) -> tuple[int, str]:
    if kind in (CorrelationType.TEMPORAL, CorrelationType.TEMPORAL_ORDERED):
        return 1, ""
    if not isinstance(rule.condition, SigmaCorrelationCondition):
        raise RuleError("an extended condition does not fit this type", where=where, hint="write gte with a number")
    operator, count = rule.condition.op.name, rule.condition.count
    if operator not in ("GTE", "GT") or not isinstance(count, int):
        raise RuleError(
            f"condition {operator.lower()}: {count} is not supported",
            where=where,
            hint="write gte or gt with a whole number",
        )
    threshold = count + 1 if operator == "GT" else count
    if not 1 <= threshold <= _MOST_COUNTED:
        raise RuleError(
            f"a count of {threshold} cannot be reached or watched",
            where=where,
            hint=f"write 1 to {_MOST_COUNTED}",
        )
    field = rule.condition.fieldref
    if kind is CorrelationType.VALUE_COUNT:
        return threshold, require_field(str(field), where)
    return threshold, ""


def _part(rule: SigmaCorrelationRule, reference: Any, where: str) -> Part:
    aliases = {alias.alias: alias.mapping for alias in rule.aliases}
    fields = []
    for name in rule.group_by or ():
        mapping = aliases.get(name)
        native = (
            next((field for ref, field in mapping.items() if ref.reference == reference.reference), None)
            if mapping
            else name
        )
        if native is None:
            raise RuleError(
                f"alias {name!r} does not say what {reference.reference!r} calls it",
                where=where,
                hint="add it under aliases",
            )
        fields.append(require_field(native, where))
    return Part(rule=_key(reference.rule), group_by=tuple(fields))


def _referring(rules: Iterable[Rule], collection: SigmaCollection) -> RuleSet:
    """Mark the rules that only serve correlations (no `generate`), and order them."""
    compiled = {rule.id: rule for rule in rules}
    generated = {
        _key(r)
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
    return [rule for rule in correlations if all(part.rule in compiled for part in rule.parts)]


def _alone(rule: Rule, serving: set[str]) -> bool:
    return bool(rule.consequence.incident) or rule.id not in serving


def _own_key(rule: Any, where: str) -> _CredwatchKey:
    raw = rule.custom_attributes.get("credwatch", {})
    if not isinstance(raw, dict):
        raise RuleError("credwatch: must be a mapping", where=where, hint="see docs/rules.md")
    cleaned = {key.replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return validated(cleaned, _CredwatchKey, where=f"{where}: credwatch")


def _consequence(ours: _CredwatchKey, where: str) -> Consequence:
    subject = require_field(ours.subject, where)
    return Consequence(incident=ours.incident, subject=subject, workflows=ours.workflows, clause=ours.clause)


def _level(rule: Any) -> Level:
    return Level[rule.level.name] if rule.level else Level.MEDIUM


def _tags(rule: Any) -> tuple[str, ...]:
    return tuple(f"{tag.namespace}.{tag.name}" for tag in rule.tags)


def _span(text: str, where: str) -> int:
    """Read a timespan such as 10m into microseconds; between one second and 90 days."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text.strip())
    span = int(found[1]) * _UNITS[found[2]] if found else 0
    if not _SECOND <= span <= _LONGEST:
        raise RuleError(
            f"timespan {text!r} is not between 1s and 90d",
            where=where,
            hint="write a number and s, m, h or d",
        )
    return span
