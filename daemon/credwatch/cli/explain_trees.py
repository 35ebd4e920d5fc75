"""The trees that `credwatch explain` shows to a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_never

from credwatch.authoring.condition_tree import Node
from credwatch.authoring.explain import RuleExplained
from credwatch.authoring.explain_line import Reading
from credwatch.authoring.explain_window import State, Window
from credwatch.cli.screen import Branch
from credwatch.kernel.span import write_span
from credwatch.rules.model import Correlation, Rule


def reading_tree(reading: Reading) -> Branch:
    """Show how a line was read: envelope, pack, pattern, the event, and what enrichment added."""
    tree = Branch(f"The line is {_read_as(reading)}", "bold")
    tree.add(f"envelope: {reading.envelope or 'none'}")
    if reading.pack:
        tree.add(f"pack: {reading.pack}, pattern: {reading.pattern or 'unknown'}")
    for title, fields in (("event", reading.parsed), ("enrichment added", reading.added)):
        if fields:
            branch = tree.add(title)
            for name, value in fields.items():
                branch.add(f"{name} = {_shown(value)}")
    return tree


def rule_tree(explained: RuleExplained) -> Branch:
    """Show a rule's condition, each node with a sign and the value found; where it fails, first why."""
    rule, node = explained.rule, explained.tree
    tree = _title(rule, node.holds, "matches" if node.holds else "does not match")
    for reason in dict.fromkeys(node.reasons()):
        tree.add(f"because: {reason}")
    _grow(tree, node)
    return tree


def window_tree(window: Window) -> Branch:
    """Show what a correlation has in its window, and what is missing."""
    tree = _title(window.rule, window.state in (State.OPENS, State.GOES_ON), _state(window))
    if window.group:
        group = ", ".join(f"{name} = {value or 'absent'}" for name, value in window.group.items())
        tree.add(f"group: {group}; the last {_span(window.rule)}")
    if window.asked:
        tree.add(f"needed: {window.asked}; in the window: {window.have:g}; missing: {window.missing:g}")
    for part in window.parts:
        last = f", the last at {part.last:%Y-%m-%d %H:%M:%S} UTC" if part.last else ""
        tree.add(f"{part.rule}: {part.rows}{last}")
    return tree


def _read_as(reading: Reading) -> str:
    if reading.status == "event":
        return "an event"
    return "known, and no event" if reading.status == "skipped" else f"not read: {reading.reason}"


def _title(rule: Rule, holds: bool, outcome: str) -> Branch:
    shadow = " (in shadow)" if rule.shadow else ""
    return Branch(f"{'✓' if holds else '✗'} {rule.name}{shadow}: {outcome}", "bold")


def _grow(tree: Branch, node: Node) -> None:
    values = f" – found {node.values}" if not node.children else ""
    branch = tree.add(f"{'✓' if node.holds else '✗'} {node.text}{values}")
    for child in node.children:
        _grow(branch, child)


def _state(window: Window) -> str:
    match window.state:
        case State.UNTOUCHED:
            return "none of its rules matches the event"
        case State.NO_GROUP:
            return "the event is in no group, for it lacks a field of it"
        case State.LATE:
            return "the event came too late for its window"
        case State.WAITING:
            return f"{window.missing:g} missing" if window.missing else "not complete"
        case State.OPENS:
            return "the event completes it: a detection opens"
        case State.GOES_ON:
            return "its detection is open already and goes on"
        case _:
            assert_never(window.state)


def _span(rule: Correlation) -> str:
    return write_span(timedelta(microseconds=rule.timespan_us))


def _shown(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
