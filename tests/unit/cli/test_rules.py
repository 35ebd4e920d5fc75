"""`credwatch rules`: what an author of rules is told, by people's words, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from credwatch.cli.main import app
from unit.authoring.rule_files import a_case_file, a_count, a_rule, id_of, write

LAN = {"event.action": "login", "user.name": "lan", "source.ip": "203.0.113.9"}


def call(*words: str | Path, given: str | bytes = "") -> Result:
    """Call `credwatch rules`."""
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["rules", *map(str, words)], input=given)


def findings(path: Path, *more: str) -> list[tuple[str, str]]:
    """Check rules by themselves, and give each finding's check and message."""
    result = call("check", path, "--json", *more)
    told = json.loads(result.stdout)
    assert (1 if told["errors"] else 0) == result.exit_code
    return [(each["check"], each["message"]) for each in told["findings"]]


def test_check_finds_nothing(tmp_path: Path) -> None:
    """Rules with cases of both kinds are clean."""
    write(tmp_path / "a.yml", a_rule(), a_count())
    count = {"expect": "fires", "name": "three", "events": [{**LAN, "times": 3}]}
    write(
        tmp_path / "a.cases.yml",
        a_case_file("night"),
        a_case_file("often", count, {"name": "two", "expect": "quiet", "events": [{**LAN, "times": 2}]}),
    )
    result = call("check", tmp_path)
    assert (0, "", "2 rules, 0 errors, 0 notes\n") == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(
    ("documents", "check", "message"),
    [
        ([a_rule(detection={"a": {"user.nam": "x"}, "condition": "a"})], "load", "unknown field 'user.nam'"),
        ([a_rule(), a_rule(title="Other")], "load", "already used by"),
        ([a_rule(), a_rule("other", title="rule NIGHT")], "title", "has the title of 'night'"),
        ([a_count(of="nigth"), a_rule()], "load", "refers to 'nigth', which is missing"),
        ([a_rule(credwatch={})], "unused", "opens no incident, and no correlation refers to it"),
        ([a_rule(), a_count(type="temporal", **{"group-by": []})], "load", ""),
    ],
)
def test_check_names_what_is_wrong(documents: list[dict[str, Any]], check: str, message: str, tmp_path: Path) -> None:
    """Each finding says which check found it, where, and what would be right."""
    write(tmp_path / "a.yml", *documents)
    found = findings(tmp_path, "--no-shipped", "--no-cases")
    assert any(name == check and message in text for name, text in found), found


def test_check_names_rules_that_can_never_match(tmp_path: Path) -> None:
    """A contradiction, and the correlation that waits for it."""
    dead = {"a": {"event.action": "login"}, "b": {"event.action": "logout"}, "condition": "a and b"}
    write(tmp_path / "a.yml", a_rule(detection=dead), a_count())
    first, second = findings(tmp_path, "--no-cases")
    clash = "event.action equals 'login' and event.action equals 'logout'"
    assert ("unreachable", f"rule 'night' can never match: {clash}") == first
    assert ("unreachable", "rule 'often' can never match: it needs 'night', which can never match") == second


def test_check_asks_for_cases(tmp_path: Path) -> None:
    """A rule without a case of either kind is an error, and so is a case of no rule."""
    write(tmp_path / "a.yml", a_rule())
    write(tmp_path / "a.cases.yml", a_case_file("nigth"))
    wanted = [
        "no rule is called 'nigth'",
        "rule 'night' has no case that fires",
        "rule 'night' has no case that stays quiet",
    ]
    assert wanted == [message for _, message in findings(tmp_path)]
    told = call("check", tmp_path).stderr
    assert "hint: did you mean 'night'?" in told
    assert f"error: {tmp_path}/a.yml" in told


def test_a_file_stands_for_itself(tmp_path: Path) -> None:
    """Its neighbours are neither read nor told of."""
    write(tmp_path / "broken.yml", a_rule(detection={}))
    good = write(tmp_path / "good.yml", a_rule())
    assert [] == findings(good, "--no-cases")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    """Every command names it and ends with 2."""
    for command in ("check", "test", "match"):
        result = call(command, tmp_path / "none.yml")
        assert (2, True) == (result.exit_code, "there is no such file or folder" in result.stderr)


def test_the_cases_run(tmp_path: Path) -> None:
    """A folder, a file of rules and a file of cases lead to the same cases; the exit code tells."""
    rules = write(tmp_path / "a.yml", a_rule())
    cases = write(tmp_path / "a.cases.yml", a_case_file("night"))
    for path in (tmp_path, rules, cases):
        result = call("test", path)
        assert (0, "") == (result.exit_code, result.stdout)
        assert result.stderr.startswith("2 of 2 cases passed, 0 problems")


def test_a_case_that_comes_out_otherwise(tmp_path: Path) -> None:
    """It is named with what happened; one that cannot be run leaves the others; JUnit tells them apart."""
    write(tmp_path / "a.yml", a_rule())
    wrong = {"name": "wrong", "expect": "quiet", "events": [LAN]}
    broken = {"name": "br\u0001oken", "expect": "fires", "events": [{"user.nam": "lan"}]}
    right = {"name": "right", "expect": "fires", "events": [LAN]}
    write(tmp_path / "a.cases.yml", a_case_file("night", wrong, broken, right))
    result = call("test", tmp_path, "--junit", tmp_path / "out.xml")
    assert 1 == result.exit_code
    assert f"error: {tmp_path}/a.cases.yml: night: wrong: it fired for" in result.stderr
    assert "an event cannot have 'user.nam'\n    hint: did you mean 'user.name'?" in result.stderr
    top = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert ("3", "1", "1") == (top.get("tests"), top.get("failures"), top.get("errors"))
    assert ["wrong", "br\\x01oken", "right"] == [case.get("name") for case in top.iter("testcase")]
    assert [["failure"], ["error"], []] == [[child.tag for child in case] for case in top.iter("testcase")]


def test_both_kinds_of_cases_are_asked_for(tmp_path: Path) -> None:
    """A rule that has only cases that fire is a problem, also in JUnit."""
    write(tmp_path / "a.yml", a_rule())
    write(tmp_path / "a.cases.yml", a_case_file("night", {"name": "it", "expect": "fires", "events": [LAN]}))
    result = call("test", tmp_path, "--json", "--junit", tmp_path / "out.xml")
    told = json.loads(result.stdout)
    assert (1, 1, 0) == (result.exit_code, told["passed"], told["failed"])
    assert ["rule 'night' has no case that stays quiet"] == [each["message"] for each in told["problems"]]
    assert "1" == ElementTree.parse(tmp_path / "out.xml").getroot().get("errors")


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """It names the option and the file."""
    write(tmp_path / "a.yml", a_rule())
    result = call("test", tmp_path, "--junit", tmp_path)
    assert (2, True) == (result.exit_code, f"--junit {tmp_path}" in result.stderr)


def test_match_answers_each_line(tmp_path: Path) -> None:
    """One answer for each line, in order; a line that is no event gives an error, and nothing stops."""
    rules = write(
        tmp_path / "a.yml", a_rule(), a_rule("other", detection={"a": {"user.name": "minh"}, "condition": "a"})
    )
    lines = [json.dumps(LAN), "nonsense", "", '{"source.port": "x"}', '{"user": {"name": "minh"}}', "{}"]
    result = call("match", rules, given="\n".join(lines))
    first, *bad, other, none = map(json.loads, result.stdout.splitlines())
    assert ({"line": 1, "matches": [id_of("night")]}, {"line": 5, "matches": [id_of("other")]}) == (first, other)
    assert [(2, "not JSON"), (3, "not JSON"), (4, "source.p")] == [(each["line"], each["error"][:8]) for each in bad]
    assert (0, {"line": 6, "matches": []}) == (result.exit_code, none)


def test_match_over_bytes_that_are_no_text(tmp_path: Path) -> None:
    """They are a line like any other."""
    result = call("match", write(tmp_path / "a.yml", a_rule()), given=b"\xff\xfe\n{}\n")
    assert ["error", "matches"] == [
        sorted(json.loads(line))[0 if "error" in line else 1] for line in result.stdout.splitlines()
    ]


def test_match_correlates(tmp_path: Path) -> None:
    """A detection is told after the event that completes it, once; one of a rule in shadow says so."""
    count = a_count() | {"credwatch": {"incident": "x", "subject": "source.ip", "shadow": True}}
    rules = write(tmp_path / "a.yml", a_rule(credwatch={}), count)
    events = [{**LAN, "@timestamp": f"2026-03-02T10:00:0{second}Z"} for second in range(4)]
    result = call("match", rules, "--correlate", given="\n".join(map(json.dumps, events)))
    opened = [json.loads(line)["detections"] for line in result.stdout.splitlines()]
    assert [0, 0, 1, 0] == list(map(len, opened))
    (detection,) = opened[2]
    assert (id_of("often"), {"source.ip": "203.0.113.9"}, 3, True) == tuple(
        detection[name] for name in ("rule", "group", "count", "shadow")
    )


def test_match_refuses_rules_that_do_not_load(tmp_path: Path) -> None:
    """Answers of half the rules would mislead."""
    result = call("match", write(tmp_path / "a.yml", a_rule(detection={})), given="{}")
    assert (2, "") == (result.exit_code, result.stdout)


LINE = "2026-03-02T10:00:0{}+00:00 web1 sshd[1{}]: Accepted password for {} from 203.0.113.9 port 4001{} ssh2\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two logins of lan and one of minh."""
    path = tmp_path / "auth.log"
    path.write_text(
        "".join(LINE.format(number, number, user, number) for number, user in enumerate(("lan", "lan", "minh")))
    )
    return path


def test_equal_rules_differ_in_nothing(tmp_path: Path, log: Path) -> None:
    """The exit code is 0 and nothing is on stdout."""
    old = write(tmp_path / "old" / "a.yml", a_rule()).parent
    result = call("diff", old, old, log)
    assert (0, "", "both find and send the same\n") == (result.exit_code, result.stdout, result.stderr)


def test_a_change_of_rules_is_told_by_group_and_message(tmp_path: Path, log: Path) -> None:
    """What is gained and lost, and who would hear of it; the exit code is 1."""
    notice = {"incident": "policy_violation", "workflows": ["customer_notice"]}
    old = write(tmp_path / "old" / "a.yml", a_rule(credwatch=notice)).parent
    minh = {"login": {"event.action": "login", "user.name": "minh"}, "condition": "login"}
    new = write(tmp_path / "new" / "a.yml", a_rule(detection=minh)).parent
    settings = tmp_path / "credwatch.toml"
    settings.write_text(f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n')
    (tmp_path / "customers.toml").write_text(
        '[[customer]]\nid = "acme"\nname = "Acme"\nlanguage = "en"\n'
        'notice_addresses = ["a@acme.example", "b@acme.example"]\nrecognise = { hosts = ["*"] }\n'
    )
    words = ("diff", old, new, log, "--config", settings, "--no-shipped")
    result = call(*words)
    assert 1 == result.exit_code
    assert [
        "+     1  Rule night: organization.id = acme, user.name = minh",
        "-     1  Rule night: organization.id = acme, user.name = lan",
        "-     1  message: customer_notice to a@acme.example",
        "-     1  message: customer_notice to b@acme.example",
    ] == result.stdout.splitlines()
    told = json.loads(call(*words, "--json").stdout)
    assert [{"organization.id": "acme", "user.name": "minh"}] == [each["group"] for each in told["gained"]]
    assert ["a@acme.example", "b@acme.example"] == [each["recipient"] for each in told["messages_lost"]]


def test_standard_input_cannot_be_read_twice(tmp_path: Path) -> None:
    """A comparison with an empty second reading would mislead."""
    result = call("diff", tmp_path, tmp_path, "-")
    assert (2, True) == (result.exit_code, "cannot be read twice" in result.stderr)


def test_replay_with_other_rules(tmp_path: Path, log: Path) -> None:
    """They take the place of the settings' own; one in shadow is shown apart, and opens nothing."""
    rules = write(tmp_path / "new" / "a.yml", a_rule(credwatch={"incident": "x", "shadow": True})).parent
    words = ["replay", str(log), "--rules", str(rules), "--no-shipped"]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert ({}, {"Rule night": 1}, []) == (told["detections"], told["shadow_detections"], told["incidents"])
    assert "Detections of rules in shadow" in CliRunner().invoke(app, words).stdout
