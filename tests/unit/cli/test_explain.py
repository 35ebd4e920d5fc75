"""`credwatch explain`: how a line is read, and why rules match it or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from credwatch.cli.main import app
from unit.authoring.rule_files import a_count, a_rule, write

STAMP = "2026-03-02T10:00:0{}+00:00 web1 sshd[11]:"
PRIORITY = "syslog with priority"
ACCEPTED = "Accepted password for {} from 203.0.113.9 port 40022 ssh2"


def line(second: int, user: str = "lan") -> str:
    """Write a login."""
    return f"{STAMP.format(second)} {ACCEPTED.format(user)}"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A rule over logins of lan, and three of them."""
    return write(tmp_path / "rules" / "a.yml", a_rule(), a_count()).parent


def call(*words: str | Path, given: str = "") -> Result:
    """Call `credwatch explain`."""
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["explain", *map(str, words)], input=given)


def told(*words: str | Path, given: str = "") -> Any:
    """Call it for JSON."""
    return json.loads(call(*words, "--json", given=given).stdout)


def test_how_a_line_is_read(rules: Path) -> None:
    """Envelope, pack, pattern, the event as the pack gives it, and what enrichment added."""
    answer = told(line(0), "--rules", rules)
    assert ("event", "syslog with an ISO 8601 stamp", "openssh") == tuple(
        answer[n] for n in ("status", "envelope", "pack")
    )
    assert answer["pattern"].startswith("accepted")
    assert ("lan", True) == (answer["event"]["user.name"], answer["enriched"]["credwatch.attempt"])


@pytest.mark.parametrize(
    ("text", "envelope"),
    [
        ("Mar  2 10:00:00 web1 sshd[11]: " + ACCEPTED.format("lan"), "syslog (RFC 3164)"),
        ("<38>Mar  2 10:00:00 web1 sshd[11]: " + ACCEPTED.format("lan"), f"{PRIORITY} (RFC 3164)"),
        ("<38>1 2026-03-02T10:00:00Z web1 sshd 11 - - " + ACCEPTED.format("lan"), f"{PRIORITY} and version (RFC 5424)"),
    ],
)  # fmt: skip
def test_envelopes(text: str, envelope: str, rules: Path) -> None:
    """Each way to wrap the same message is named, and leads to the same pack."""
    answer = told(text, "--rules", rules)
    assert (envelope, "openssh") == (answer["envelope"], answer["pack"])


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [("nonsense", "unparsed", "no_envelope"), (f"{STAMP.format(0)} nonsense", "unparsed", "unknown_message")],
)
def test_a_line_that_is_no_event(text: str, status: str, reason: str, rules: Path) -> None:
    """It says why, no rule is asked, and the exit code is 1."""
    result = call(text, "--rules", rules, "--json")
    answer = json.loads(result.stdout)
    assert (1, status, reason, False) == (result.exit_code, answer["status"], answer["reason"], "rules" in answer)


def test_a_rule_that_matches_and_one_that_does_not(rules: Path) -> None:
    """Each node of the condition is true or false with the value found, and the reason stands apart."""
    (rule,) = told(line(0), "--rules", rules, "--rule", "night")["rules"]
    assert (True, []) == (rule["matches"], rule["reasons"])
    (rule,) = told(line(0, "minh"), "--rules", rules, "--rule", "night")["rules"]
    assert (False, ['user.name is "lan" – found "minh"']) == (rule["matches"], rule["reasons"])
    assert [True, False] == [child["holds"] for child in rule["condition"]["children"]]


def test_what_is_missing(rules: Path, tmp_path: Path) -> None:
    """A correlation says what its window holds for the event's group, and how much is missing."""
    (first,) = told(line(0), "--rules", rules, "--no-shipped")["correlations"]
    assert ("waiting", 1, 3, 2) == tuple(first[name] for name in ("state", "in_window", "needed", "missing"))
    before = tmp_path / "before.log"
    before.write_text("\n".join(line(second) for second in (0, 1)))
    (third,) = told(line(2), "--after", before, "--rules", rules, "--no-shipped")["correlations"]
    assert ("opens", 3, 0) == tuple(third[name] for name in ("state", "in_window", "missing"))


def test_of_several_lines_the_last_is_explained(rules: Path) -> None:
    """Those before it fill the windows."""
    given = "\n".join(line(second) for second in (0, 1))
    (count,) = told("--rules", rules, "--no-shipped", given=given)["correlations"]
    assert (2, 1) == (count["in_window"], count["missing"])


def test_an_event(rules: Path) -> None:
    """Given as rules see it, on the command line or on stdin; an unknown field is named on stderr."""
    event = json.dumps({"event.action": "login", "user.name": "lan", "source.ip": "203.0.113.9"})
    for words, given in ((["--event", event], ""), (["--event", "-"], event)):
        answer = told(*words, "--rules", rules, "--no-shipped", given=given)
        assert [("night", True)] == [(rule["name"], rule["matches"]) for rule in answer["rules"]]
    misspelt = call("--event", '{"user.nam": "lan"}', "--rules", rules, "--no-shipped", "--all")
    assert "unknown field user.nam: did you mean 'user.name'?" in misspelt.stderr


def test_a_person_reads_trees(rules: Path) -> None:
    """A mark before each node, the reason first, and no line is cut where nobody watches."""
    long = "x" * 300
    shown = call(line(0, long), "--rules", rules, "--no-shipped").stdout
    assert "The line is an event" in shown
    assert "✗ night: does not match" in shown
    assert f'because: user.name is "lan" – found "{long}"' in shown
    assert "openssh, pattern: accepted" in shown
    complete = call(line(0), "--rules", rules, "--no-shipped").stdout
    assert "✓ night: matches" in complete
    assert "✗ often: 2 missing" in complete
    assert "group: source.ip = 203.0.113.9; the last 1m" in complete
    assert "needed: matches >= 3; in the window: 1; missing: 2" in complete


def test_a_rule_in_shadow_says_so(tmp_path: Path) -> None:
    """In both forms."""
    shadow = write(tmp_path / "a.yml", a_rule(credwatch={"incident": "x", "shadow": True}))
    words = (line(0), "--rules", shadow, "--no-shipped")
    assert [True] == [rule["shadow"] for rule in told(*words)["rules"]]
    assert "✓ night (in shadow): matches" in call(*words).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rule", "nigth"), "no rule is called 'nigth'"),
        (("--after", "/nowhere/a.log"), "--after /nowhere/a.log: No such file"),
        (("--event", "{"), "event 1: not JSON"),
        (("--event", '{"source.port": "x"}'), "source.port is of type integer"),
    ],
)
def test_what_cannot_be_explained(words: tuple[str, ...], message: str, rules: Path) -> None:
    """It names option or event, and the exit code is 2."""
    result = call(line(0), *words, "--rules", rules)
    assert (2, "", True) == (result.exit_code, result.stdout, message in result.stderr)


def test_nothing_to_explain() -> None:
    """An empty input is told, not explained."""
    result = call(given="\n\n")
    assert (2, True) == (result.exit_code, "there is nothing to explain" in result.stderr)


def test_an_event_that_no_rule_asks_about(rules: Path) -> None:
    """It says so, and how to see all."""
    result = call("--event", '{"event.action": "logout"}', "--rules", rules, "--no-shipped")
    assert (0, True) == (result.exit_code, "No rule asks about the action 'logout'" in result.stdout)
