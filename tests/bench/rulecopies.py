"""Many rules for the bench: the shipped ones again under other ids and names, and grouped by other fields."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import combinations, islice
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import yaml

from credwatch.kernel.resources import shipped

_FIELDS = ("host.name", "process.name", "event.dataset", "event.category")
"""Fields that every line of the logs gives; each copy groups by some of them besides."""


_COUNTS = ("event_count", "value_count")
_OPERATORS = ("and", "or", "not")
_NAME = re.compile(r"\w+")


def write_copies(folder: Path, copies: int) -> None:
    """Write so many copies of every shipped rule into a folder, each with additional groups of its own; at most 15."""
    folder.mkdir()
    groups = [group for size in range(1, len(_FIELDS) + 1) for group in combinations(_FIELDS, size)]
    read = [document for path in _shipped() for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    documents = [document for document in read if document is not None]
    correlations = {document["name"] for document in documents if "correlation" in document}
    for number, group in enumerate(islice(groups, copies)):
        copied = [
            # What stays as it is goes on asking the shipped correlations, for those that it asks group as it does.
            _copy(document, number, (), keep=correlations)
            if _is_bound(document, correlations)
            else _copy(document, number, group)
            for document in documents
        ]
        (folder / f"copy{number}.yml").write_text(yaml.safe_dump_all(copied, sort_keys=False), encoding="utf-8")


def _is_bound(document: dict[str, Any], correlations: set[str]) -> bool:
    """Say whether a correlation can have no other groups: it waits for what must not happen, or counts correlations."""
    correlation = document.get("correlation", {})
    counts_correlations = correlation.get("type") in _COUNTS and not correlations.isdisjoint(correlation["rules"])
    return isinstance(correlation.get("condition"), str) or counts_correlations


def _shipped() -> list[Path]:
    rules = shipped("rules")
    found = [
        path for name in ("detections", "correlations", "filters") for path in sorted((rules / name).rglob("*.yml"))
    ]
    return [path for path in found if not path.name.endswith(".cases.yml")]


def _copy(document: dict[str, Any], number: int, group: tuple[str, ...], keep: Container[str] = ()) -> dict[str, Any]:
    copy = document | {"id": _renamed_id(document["id"], number)}
    if "name" in document:
        copy["name"] = _renamed(document["name"], number)
    if "correlation" in document:
        copy["correlation"] = _correlation(document["correlation"], number, group, keep)
    if "filter" in document:
        copy["filter"] = document["filter"] | _references(document["filter"], number)
    return copy


def _correlation(
    correlation: dict[str, Any], number: int, group: tuple[str, ...], keep: Container[str]
) -> dict[str, Any]:
    before = correlation.get("group-by", [])
    aliases = {
        alias: {_renamed(rule, number): field for rule, field in fields.items()}
        for alias, fields in correlation.get("aliases", {}).items()
    }
    grouped = {"group-by": [*before, *(field for field in group if field not in before)]}
    return correlation | grouped | _references(correlation, number, keep) | ({"aliases": aliases} if aliases else {})


def _references(part: dict[str, Any], number: int, keep: Container[str] = ()) -> dict[str, Any]:
    def other(name: str) -> str:
        return name if name in keep or name in _OPERATORS else _renamed(name, number)

    rules, condition = part.get("rules"), part.get("condition")
    renamed: dict[str, Any] = {}
    if isinstance(rules, list):
        renamed["rules"] = [other(rule) for rule in rules]
    if isinstance(condition, str) and "type" in part:
        renamed["condition"] = _NAME.sub(lambda match: other(match[0]), condition)
    return renamed


def _renamed(name: str, number: int) -> str:
    return f"{name}_copy{number}"


def _renamed_id(rule: str, number: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"{rule} {number}"))
