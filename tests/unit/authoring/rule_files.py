"""Rule files with which tests feed the tools of rule authors."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml


def id_of(name: str) -> str:
    """Give the id of a rule of a name."""
    return str(uuid5(NAMESPACE_URL, name))


def a_rule(name: str = "night", **changes: Any) -> dict[str, Any]:
    """Build a rule over successful logins of lan."""
    rule = {
        "title": f"Rule {name}",
        "id": id_of(name),
        "name": name,
        "logsource": {"category": "authentication"},
        "detection": {"login": {"event.action": "login", "user.name": "lan"}, "condition": "login"},
        "level": "low",
        "credwatch": {"incident": "policy_violation"},
    }
    return {**rule, **changes}


def a_count(name: str = "often", of: str = "night", **changes: Any) -> dict[str, Any]:
    """Build a correlation: three matches from one address within a minute."""
    correlation = {
        "type": "event_count",
        "rules": [of],
        "group-by": ["source.ip"],
        "timespan": "1m",
        "condition": {"gte": 3},
    }
    rule = {"title": f"Rule {name}", "id": id_of(name), "name": name, "level": "low"}
    return {**rule, "correlation": {**correlation, **changes}, "credwatch": {"incident": "x", "subject": "source.ip"}}


def a_case_file(rule: str, *cases: dict[str, Any]) -> dict[str, Any]:
    """Build the cases of a rule: by default one that fires and one that stays quiet."""
    login = {"event.action": "login", "user.name": "lan"}
    default = (
        {"name": "lan", "expect": "fires", "events": [login]},
        {"name": "minh", "expect": "quiet", "events": [{**login, "user.name": "minh"}]},
    )
    return {"rule": rule, "cases": list(cases or default)}


def write(path: Path, *documents: dict[str, Any]) -> Path:
    """Write documents to a YAML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
    return path
