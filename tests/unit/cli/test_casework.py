"""`credwatch incidents` assign, note, acknowledge, reopen and answer: what people do about a case is kept."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import NOON, an_incident, some_facts
from credwatch.cli.main import app
from credwatch.incidents.lifecycle import moved
from credwatch.kernel.incident import Status
from credwatch.store.cases.incidents import save_incidents
from credwatch.store.database import Database
from credwatch.workflows.update import customer_update

OPEN, CLOSED = "CW-2026-7KQ2M4", "CW-2026-OLDOLD"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with settings and a store that has one open incident and one closed one."""
    database = Database(tmp_path / "credwatch.sqlite")
    database.migrate()
    with database.writing() as connection:
        save_incidents(connection, [an_incident(), an_incident(number=CLOSED, status=Status.CLOSED, subject="mai")])
    database.close()
    settings = f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n'
    (tmp_path / "credwatch.toml").write_text(settings + '[operators]\naddresses = ["ops@acme.example"]\n')
    return tmp_path


def run(site: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `credwatch incidents` and return exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["incidents", *arguments, "--config", str(site / "credwatch.toml")])
    return result.exit_code, result.stdout, result.stderr


def the_case(site: Path, number: str = OPEN) -> dict[str, object]:
    """Return what `show --json` tells of a case."""
    told: dict[str, object] = json.loads(run(site, "show", number, "--json")[1])
    return told


def test_a_case_has_an_owner(site: Path) -> None:
    """The owner is the latest one assigned; who assigned, and that work began, stand in the case."""
    assert (0, f"{OPEN}: assigned to mai\n", "") == run(site, "assign", OPEN, "mai", "--by", "lan")
    assert 0 == run(site, "assign", OPEN, "ba", "--by", "mai", "--text", "my shift ends")[0]
    assert ("ba", "in_progress") == (the_case(site)["owner"], the_case(site)["status"])
    shown = run(site, "show", OPEN)[1]
    assert "owner          ba" in shown
    assert "assigned to mai by lan" in shown
    assert "assigned to ba by mai: my shift ends" in shown


def test_the_login_name_is_the_actor(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --by an entry has the name of whoever called sudo, else of whoever is logged in."""
    monkeypatch.setenv("LOGNAME", "credwatch")
    run(site, "note", OPEN, "one")
    monkeypatch.setenv("SUDO_USER", "lan")
    run(site, "note", OPEN, "two")
    entries = the_case(site)["entries"]
    assert isinstance(entries, list)
    assert [("credwatch", "one"), ("lan", "two")] == [(entry["by"], entry["text"]) for entry in entries]


def test_entries_never_change(site: Path) -> None:
    """The database itself refuses to change what was written, whoever asks."""
    assert 0 == run(site, "note", CLOSED, "a late remark")[0]
    with closing(sqlite3.connect(site / "credwatch.sqlite")) as store, pytest.raises(sqlite3.IntegrityError):
        store.execute("UPDATE case_entries SET document = '{}'")


def test_acknowledged_is_in_progress(site: Path) -> None:
    """Whoever acknowledges a new incident has begun with it; a closed one is not acknowledged."""
    assert 0 == run(site, "acknowledge", OPEN, "--by", "lan")[0]
    assert "in_progress" == the_case(site)["status"]
    code, _, talk = run(site, "acknowledge", CLOSED)
    assert (2, True) == (code, f"credwatch incidents reopen {CLOSED}" in talk)


def test_a_closed_incident_is_reopened(site: Path) -> None:
    """It is in progress again, with who and why; what is open is not reopened."""
    assert 0 == run(site, "reopen", CLOSED, "--why", "it came back", "--by", "lan")[0]
    assert "in_progress by lan: it came back" in run(site, "show", CLOSED)[1]
    assert 2 == run(site, "reopen", OPEN, "--why", "x")[0]


def test_two_incidents_about_one_matter_are_never_open(site: Path) -> None:
    """Where newer evidence has opened another incident, the closed one stays closed and the other is named."""
    with Database(site / "credwatch.sqlite").writing() as connection:
        save_incidents(connection, [an_incident(number=CLOSED, status=Status.CLOSED)])
    code, _, talk = run(site, "reopen", CLOSED, "--why", "it came back")
    assert (2, True) == (code, f"work on {OPEN}" in talk)
    assert "closed" == the_case(site, CLOSED)["status"]


def test_that_was_us(site: Path) -> None:
    """The answer is kept with who, how and when; closing as authorised is offered and not done."""
    call = ("--said", "that-was-us", "--from", "Ms Lan", "--way", "phone", "--at", "2026-03-02T20:30+07:00")
    code, _, talk = run(site, "answer", OPEN, *call, "--by", "ba")
    assert (0, True) == (code, f"close {OPEN} --outcome authorised" in talk)
    said = "answered by ba: that-was-us, from Ms Lan, by phone, on 2026-03-02 20:30:00 +07:00 (13:30:00 UTC)"
    assert said in run(site, "show", OPEN)[1]
    assert "new" == the_case(site)["status"]


def test_not_us(site: Path) -> None:
    """The incident is critical from then on, and the operators are written to."""
    assert 0 == run(site, "answer", OPEN, "--said", "not-us", "--from", "Ms Lan")[0]
    case = the_case(site)
    messages = case["messages"]
    assert isinstance(messages, list)
    letters = [(message["workflow"], message["recipient"], message["state"]) for message in messages]
    assert ("critical", [("escalation", "ops@acme.example", "queued")]) == (case["level"], letters)


def test_a_reference(site: Path) -> None:
    """The vendor's number stands in the case; an answer without any content is refused."""
    assert 0 == run(site, "answer", OPEN, "--reference", "VN-2026-114", "--way", "mail")[0]
    assert "by mail, reference VN-2026-114" in run(site, "show", OPEN)[1]
    assert 2 == run(site, "answer", OPEN, "--from", "somebody")[0]


def test_which_of_several_answers(site: Path) -> None:
    """Where a case concerns two customers one must be named, and it must be one of them; the case says which it was."""
    with Database(site / "credwatch.sqlite").writing() as connection:
        save_incidents(connection, [an_incident(organizations=("tanphat", "acme"))])
    said = ("answer", OPEN, "--said", "unclear")
    code, _, talk = run(site, *said)
    assert (2, True) == (code, "--customer: tanphat, acme" in talk)
    assert 2 == run(site, *said, "--customer", "nobody")[0]
    assert 0 == run(site, *said, "--customer", "acme", "--by", "lan")[0]
    assert "answered by lan: unclear, for acme" in run(site, "show", OPEN)[1]
    assert 2 == run(site, "answer", CLOSED, "--said", "unclear", "--customer", "acme")[0]


@pytest.mark.parametrize(
    "command", [["assign", OPEN, " "], ["note", OPEN, " "], ["reopen", CLOSED, "--why", ""], ["answer", OPEN]]
)
def test_empty_words_are_refused(site: Path, command: list[str]) -> None:
    """Who is in charge, what was noted, why, and what was said are never empty; nothing is stored then."""
    number = command[1]
    assert 2 == run(site, *command)[0]
    assert [] == the_case(site, number)["entries"]


@pytest.mark.parametrize(
    "command",
    [["assign", "CW-0", "lan"], ["note", "CW-0", "x"], ["acknowledge", "CW-0"], ["reopen", "CW-0", "--why", "x"]],
)
def test_an_unknown_number(site: Path, command: list[str]) -> None:
    """A number that is nobody's is answered with exit code 1 and where the numbers are."""
    code, _, talk = run(site, *command)
    assert (1, True) == (code, "credwatch incidents list --all" in talk)


def test_a_second_closing_is_told_too() -> None:
    """The update about a case that was closed, reopened and closed again is another message than the first."""
    facts = some_facts()
    incident, ids = an_incident(), []
    for _ in range(2):
        incident = moved(incident, Status.CLOSED, at=NOON, by="lan", why="done")
        ids.append({command.id for command in customer_update(incident, facts, NOON).commands})
        incident = moved(incident, Status.IN_PROGRESS, at=NOON, by="lan", why="again")
    assert ids[0]
    assert not ids[0] & ids[1]
