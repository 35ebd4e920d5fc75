"""Case files say what is wrong with them, and outcomes say how they differ from what was expected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credwatch.app.build import build_knowledge
from credwatch.app.settings import DaemonOptions, Settings
from credwatch.authoring.cases import find_cases, read_cases, run_cases, without_cases
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Knowledge

FAILED = "event.category: authentication, event.action: login, event.outcome: failure, credwatch.attempt: true"


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Build what a daemon without registers knows."""
    empty = tmp_path_factory.mktemp("registers")
    return build_knowledge(Settings(daemon=DaemonOptions(registers_directory=empty)), notice_key=Secret("cases"))


def outcome_of(case: str, knowledge: Knowledge, folder: Path, rule: str = "login_attempt_failed") -> str:
    """Run one case of a rule and give its problem."""
    path = folder / "one.cases.yml"
    path.write_text(f"rule: {rule}\ncases:\n  - {{name: one, {case}}}\n", encoding="utf-8")
    assert [path] == find_cases([folder])
    (file,) = read_cases(path)
    (outcome,) = run_cases(file, knowledge)
    return outcome.problem


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (f"expect: fires, events: [{{{FAILED}, user.name: lan}}]", ""),
        (f"expect: quiet, events: [{{{FAILED}, user.name: lan}}]", "it fired for"),
        ("expect: fires, events: [{event.action: logout}]", "it stayed quiet"),
        (f"expect: fires, groups: [{{user.name: minh}}], events: [{{{FAILED}, user.name: lan}}]", "not for"),
        (
            f"expect: fires, groups: [{{user.name: 'u1'}}], events: [{{{FAILED}, times: 2, user.name: 'u{{n}}'}}]",
            "it fired for {'organization.id': '', 'user.name': 'u0'} too",
        ),
    ],
)
def test_an_outcome_says_what_differs(case: str, problem: str, knowledge: Knowledge, tmp_path: Path) -> None:
    """Nothing where all is as expected; else what fired, or that nothing did."""
    found = outcome_of(case, knowledge, tmp_path)
    assert (bool(problem), True) == (bool(found), problem in found)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("expect: fires", "either events or lines"),
        ("expect: fires, events: [{user.nam: lan}]", "cannot have 'user.nam'.*did you mean 'user.name'"),
        ("expect: fires, events: [{'@timestamp': lan}]", "cannot have '@timestamp'"),
        ("expect: fires, events: [{source.port: '22'}]", "'source.port' is of type integer"),
        ("expect: fires, events: [{credwatch.attempt: 1}]", "'credwatch.attempt' is of type boolean"),
        ("expect: fires, events: [{offset: soon}]", "'soon' is no span of time"),
        ("expect: fires, events: [{source.port: 9223372036854775808}]", "more than 64 bits"),
        ("expect: fires, events: [{offset: 999999999d}]", "beyond ten years"),
        ("expect: fires, events: [{times: 0}]", "times: 0 is no number"),
        ("expect: fires, lines: [{line: 'sshd[1]: nonsense'}]", "no pack reads"),
        ("expect: fires, lines: [{line: 'x', user.name: lan}]", "found the keys .'line', 'user.name'."),
    ],
)
def test_a_case_that_cannot_be_run(case: str, message: str, knowledge: Knowledge, tmp_path: Path) -> None:
    """It is an outcome that says what is wrong, and the other cases of its file run."""
    path = tmp_path / "one.cases.yml"
    other = f"{{name: other, expect: fires, events: [{{{FAILED}, user.name: lan}}]}}"
    path.write_text(f"rule: login_attempt_failed\ncases:\n  - {{name: one, {case}}}\n  - {other}\n", encoding="utf-8")
    broken, sound = run_cases(*read_cases(path), knowledge)
    assert (False, True, str(path)) == (
        broken.has_run,
        re.search(message, f"{broken.problem} {broken.hint}") is not None,
        broken.where,
    )
    assert (True, "") == (sound.has_run, sound.problem)


@pytest.mark.parametrize(
    ("case", "message"), [("expect: maybe", "expect"), ("expect: fires, evnts: []", "unknown key 'evnts'")]
)
def test_a_case_that_cannot_be_read(case: str, message: str, knowledge: Knowledge, tmp_path: Path) -> None:
    """It is refused with its file and what is wrong."""
    with pytest.raises(CredwatchError, match=message) as caught:
        outcome_of(case, knowledge, tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_an_unknown_rule(knowledge: Knowledge, tmp_path: Path) -> None:
    """The nearest name is offered."""
    with pytest.raises(CredwatchError, match="did you mean 'password_spray'"):
        outcome_of("expect: quiet, events: [{user.name: lan}]", knowledge, tmp_path, rule="pasword_spray")


@pytest.mark.parametrize("text", ["a: [", "- a", "rule: x\nrules: y"])
def test_a_file_that_is_none(text: str, tmp_path: Path) -> None:
    """Neither broken YAML nor a list nor an unknown key passes."""
    (tmp_path / "x.cases.yml").write_text(text, encoding="utf-8")
    with pytest.raises(CredwatchError, match=r"x\.cases\.yml"):
        read_cases(tmp_path / "x.cases.yml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file is an error of its own."""
    with pytest.raises(CredwatchError, match="cannot be read"):
        read_cases(tmp_path / "none.cases.yml")


def test_rules_without_cases_are_named(knowledge: Knowledge) -> None:
    """Each lacks both kinds where there is no case at all."""
    assert 2 * len(knowledge.rules.by_id()) == len(without_cases(knowledge.rules.by_id().values(), []))
