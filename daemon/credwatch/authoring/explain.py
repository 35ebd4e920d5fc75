"""Explains one line or event: how it is read, which rules it matches, and why the others fail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl
from msgspec import Struct

from credwatch.authoring.condition_tree import Node, condition_tree
from credwatch.authoring.explain_line import Reading
from credwatch.authoring.explain_window import Window, WindowHistory
from credwatch.authoring.trial import EventTrial, applicable
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.rules.model import Correlation, EventRule, Rule, RuleSet


class RuleExplained(Struct, frozen=True):
    """A rule over one event, held against the event."""

    rule: EventRule
    """The rule."""
    tree: Node
    """Its condition, node by node."""


class Explanation(Struct, frozen=True):
    """What the rules make of one event."""

    rules: tuple[RuleExplained, ...]
    """Rules over one event, those that match first."""
    windows: tuple[Window, ...]
    """Correlations."""


def explain(events: pl.DataFrame, rules: RuleSet, chosen_rules: Sequence[Rule], lateness_us: int) -> Explanation:
    """Hold the last event of a frame against the wanted rules; the events before it fill the windows."""
    last = events[-1:]
    single = [rule for rule in chosen_rules if isinstance(rule, EventRule)]
    explained = [RuleExplained(rule, condition_tree(rule.condition, last)) for rule in single]
    correlations = [rule for rule in chosen_rules if isinstance(rule, Correlation)]
    history = WindowHistory(events, rules, [rule.id for rule in correlations], lateness_us) if correlations else None
    windows = tuple(history.window(rule) for rule in correlations) if history else ()
    return Explanation(tuple(sorted(explained, key=lambda explanation: not explanation.tree.holds)), windows)


def wanted_rules(rules: RuleSet, events: pl.DataFrame, name: str, *, everything: bool) -> list[Rule]:
    """Choose the rules to explain: the one named with what it refers to, all, or those that could apply.

    A rule could apply where the engine would ask it about an event of this action and pack; a correlation where one
    of its rules matches the event. Raises ConfigurationError for an unknown name.
    """
    if everything and not name:
        return [*rules.events, *rules.correlations]
    if name:
        return _named(rules, name)
    single = applicable(rules.events, events[-1:])
    matched = set(EventTrial(single).rows(events[-1:]))
    correlations = []
    for rule in rules.correlations:
        if matched.intersection(part.rule for part in rule.parts):
            correlations.append(rule)
            matched.add(rule.id)
    return [*single, *correlations]


def _named(rules: RuleSet, name: str) -> list[Rule]:
    by_name: dict[str, Rule] = {key: rule for rule in rules.by_id().values() for key in (rule.name, rule.id)}
    if name not in by_name:
        hint = nearest(name, by_name) or "credwatch rules check names every rule that does not load"
        raise ConfigurationError(f"no rule is called {name!r}", where="--rule", hint=hint)
    rule, parts = by_name[name], []
    if isinstance(rule, Correlation):
        for part in rule.parts:
            parts += [inner for inner in _named(rules, part.rule) if inner not in parts]
    return [*parts, rule]


def described(reading: Reading | None, explanation: Explanation | None) -> dict[str, Any]:
    """Return it all as JSON values."""
    document: dict[str, Any] = {}
    if reading is not None:
        document |= {name: getattr(reading, name) for name in ("status", "envelope", "pack", "pattern", "reason")}
        document |= {"event": dict(reading.parsed), "enriched": dict(reading.added)}
    if explanation is not None:
        document["rules"] = [_rule(rule) for rule in explanation.rules]
        document["correlations"] = [_window(window) for window in explanation.windows]
    return document


def _about(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.id, "name": rule.name, "title": rule.title, "shadow": rule.shadow}


def _rule(rule: RuleExplained) -> dict[str, Any]:
    reasons = list(dict.fromkeys(rule.tree.reasons()))
    return _about(rule.rule) | {"matches": rule.tree.holds, "reasons": reasons, "condition": rule.tree.described()}


def _window(window: Window) -> dict[str, Any]:
    return _about(window.rule) | {
        "type": window.rule.type.value,
        "state": window.state.value,
        "timespan_seconds": window.rule.timespan_us / 1_000_000,
        "group": dict(window.group),
        "in_window": window.have,
        "needed": window.needed,
        "asked": window.asked,
        "missing": window.missing,
        "parts": [{"name": part.rule, "in_window": part.rows, "last": _moment(part.last)} for part in window.parts],
    }


def _moment(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
