"""Rules that can never match are named, and those that can are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.errors import Severity
from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.rules.logsource import LogSource, LogSources
from credwatch.rules.packs.packs import load_packs, read_pack
from credwatch.rules.reach import out_of_reach, unknown_packs
from unit.rules.rule_files import load_rules

PACK = read_pack(
    """
pack: openssh
title: A demonstration
envelope: syslog
programs: [sshd]
constants: {event.category: authentication}
patterns:
  - name: failed
    pattern: '^Failed (?P<user>\\S+)$'
    fields: {user: user.name}
    constants: {event.action: login, event.outcome: failure}
    samples: [{line: x}]
  - name: known
    pattern: '^Known (?P<ip>\\S+)$'
    fields: {ip: source.ip}
    constants: {event.action: logout}
    samples: [{line: x}]
  - {name: noise, pattern: '^Noise$', skip: true, samples: [{line: x}]}
""",
    where="openssh.yml",
)


def warnings(folder: Path, selection: str, logsource: str = "{category: authentication}", *, only: bool = False) -> str:
    """Tell what is said of one rule."""
    text = f"title: one\nlogsource: {logsource}\ndetection:\n  s: {selection}\n  condition: s"
    (folder / "one.yml").write_text(text, encoding="utf-8")
    found = out_of_reach(load_rules([folder]), PackSet((PACK,)), json_only=only)
    assert all(problem.severity is Severity.WARNING and problem.hint for problem in found)
    return "\n".join(str(problem) for problem in found)


@pytest.mark.parametrize(
    "selection",
    [
        "{event.action: login, user.name: lan}",
        "{event.action: [logn, login]}",
        "{event.action: LOGIN, event.outcome: failure}",
        "{event.action|startswith: log}",
        "{event.dataset: openssh}",
        "{group.name: null, user.name: lan}",
        "{user.target.name|exists: false}",
        "[{group.name: x}, {user.name: lan}]",
        "{host.name: web1, credwatch.attempt: true, organization.id: acme}",
        "['Failed']",
    ],
)
def test_rules_that_can_match(selection: str, tmp_path: Path) -> None:
    """Fields of a pattern, of the envelope and of enrichers can be there, and a null can be where a field is not."""
    assert "" == warnings(tmp_path, selection)


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ("{event.action: login, group.name: x}", "no pack fills group.name"),
        ("{event.action: logn}", "no pattern of a pack gives all that it asks for"),
        ("{event.action: logout, user.name: lan}", "no pattern of a pack gives all that it asks for"),
        ("{event.dataset: other}", "no pattern of a pack gives all that it asks for"),
        ("[{group.name: x}, {group.id: y}]", "no pack fills group.id, group.name"),
    ],
)
def test_rules_that_cannot(selection: str, told: str, tmp_path: Path) -> None:
    """A field that nothing fills, a value that nothing gives, and fields that never come together."""
    assert told in warnings(tmp_path, selection)


def test_a_log_source_that_nobody_provides(tmp_path: Path) -> None:
    """It is named, and so is a pack that is not there, or whose lines no source holds."""
    assert "no pack gives events of product solaris" in warnings(tmp_path, "{EventID: 1}", "{product: solaris}")
    assert "no source is read for okta" in warnings(tmp_path, "{eventType: x}", "{product: okta}")
    sshd = "{product: linux, service: sshd}"
    assert "" == warnings(tmp_path, "{user.name: lan}", sshd)
    assert "no source is read for dropbear, openssh, pam" in warnings(tmp_path, "{user.name: lan}", sshd, only=True)


def test_native_rules_may_name_any_path(tmp_path: Path) -> None:
    """No pack says which paths its objects have."""
    (tmp_path / "one.yml").write_text(
        "title: one\nlogsource: {product: okta}\ndetection:\n  s: {any.path: 1}\n  condition: s", encoding="utf-8"
    )
    assert [] == out_of_reach(load_rules([tmp_path]), load_packs(shipped("rules") / "packs"))


def test_shipped_rules_can_match() -> None:
    """Every shipped rule is within reach of the shipped packs."""
    folders = [shipped("rules") / name for name in ("detections", "correlations", "filters")]
    assert [] == out_of_reach(load_rules(folders), load_packs(shipped("rules") / "packs"))


def test_unknown_packs() -> None:
    """A pack that a log source names and that is not there is named with the nearest."""
    entry = LogSource({}, native=False, packs=frozenset({"opensh"}), fields={}, where="logsources.yml: entry 1")
    (problem,) = unknown_packs(LogSources((entry,)), PackSet((PACK,)))
    assert ("logsources.yml: entry 1", Severity.WARNING) == (problem.where, problem.severity)
    assert "openssh" in problem.hint
