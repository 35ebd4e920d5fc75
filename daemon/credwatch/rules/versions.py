"""Versions of rules: a hash of everything that decides what a rule finds, and the documents that it is made from.

A detection names the version that found it. Whoever asks later, when the rule has long been changed, is shown what it
was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from credwatch.rules.model import Correlation, EventRule, Rule, RuleDocument, RuleSet


class RuleSource(Struct, frozen=True):
    """What a rule is written in."""

    document: Any
    """Its document, as plain values."""
    filters: tuple[Any, ...] = ()
    """The documents of the filters that narrow it, in their order."""
    placeholders: Mapping[str, Any] = {}
    """What stands for the placeholders that its document may name."""


def versioned(rules: RuleSet, sources: Mapping[str, RuleSource]) -> RuleSet:
    """Give each rule its version; `sources` are by the id of the rule. Rules that others refer to come before them."""
    documents: dict[str, RuleDocument] = {}
    every: tuple[Rule, ...] = (*rules.events, *rules.correlations)
    for rule in every:
        parts = [part.rule for part in rule.parts] if isinstance(rule, Correlation) else []
        follows = tuple(dict.fromkeys(documents[part].version for part in parts))
        documents[rule.id] = _document(rule, sources[rule.id], follows)
    return RuleSet(
        tuple(_with(rule, documents) for rule in rules.events),
        tuple(replace(rule, version=documents[rule.id].version) for rule in rules.correlations),
        documents,
    )


def behind(rules: RuleSet, id_: str) -> Iterator[RuleDocument]:
    """Give the document of a rule and those of the rules that it refers to, each once."""
    waiting, seen = [id_], set[str]()
    by_id = rules.by_id()
    while waiting:
        if (name := waiting.pop()) in seen or name not in rules.documents:
            continue
        seen.add(name)
        yield rules.documents[name]
        rule = by_id[name]
        waiting += [part.rule for part in rule.parts] if isinstance(rule, Correlation) else []


def _with(rule: EventRule, documents: Mapping[str, RuleDocument]) -> EventRule:
    return replace(rule, version=documents[rule.id].version)


def _document(rule: Rule, source: RuleSource, follows: tuple[str, ...]) -> RuleDocument:
    whole: dict[str, Any] = {"rule": source.document}
    if source.filters:
        whole["filters"] = source.filters
    if "expand" in _canonical(source.document) and source.placeholders:
        whole["placeholders"] = {name: source.placeholders[name] for name in sorted(source.placeholders)}
    if isinstance(rule, Correlation) and rule.is_adjusted:
        whole["thresholds"] = _thresholds(rule)
    if follows:
        whole["refers_to"] = follows
    text = _canonical(whole)
    return RuleDocument(rule.id, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), text)


def _thresholds(rule: Correlation) -> dict[str, Any]:
    """Tell the numbers that settings have put in the place of the rule's own."""
    numbers = {"at_least": [bound.number for bound in rule.bounds], "within_us": rule.timespan_us}
    return {**numbers, "others": [[limit.customer, limit.source, limit.number] for limit in rule.limits]}


def _canonical(content: Any) -> str:
    """Write values as JSON in one way, whatever the layout and the comments of their file."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
