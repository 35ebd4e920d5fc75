"""`credwatch incidents`: list, show, close."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import NOON, a_command, a_detection, an_incident
from credwatch.cli.main import app
from credwatch.kernel.incident import Status, Transition
from credwatch.kernel.receipt import Delivered
from credwatch.store import outbox, receipts
from credwatch.store.cases.incidents import add_detections, episodes, save_incidents
from credwatch.store.database import Database

NUMBER, OLD = "CW-2026-7KQ2M4", "CW-2026-OLDOLD"
OPENED = (Transition(NOON, Status.NEW, "r-1", "it fired"),)


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """Settings whose store has one open and one closed incident."""
    database = Database(tmp_path / "credwatch.sqlite")
    database.migrate()
    with database.writing() as connection:
        save_incidents(
            connection, [an_incident(rules=("r-1",), transitions=OPENED), an_incident(number=OLD, status=Status.CLOSED)]
        )
        connection.execute(
            episodes.insert(), {**dict.fromkeys(episodes.c.keys(), 0), "serial": 1, "count": 9, "rule_id": "r-1"}
        )
        add_detections(connection, [(a_detection(), NUMBER)], NOON, NOON)
    database.close()
    path = tmp_path / "credwatch.toml"
    path.write_text(f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n')
    return str(path)


def run(*arguments: str) -> tuple[int, str, str]:
    """Run `credwatch incidents` and return exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["incidents", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_open_incidents_are_listed(settings: str) -> None:
    """One line each: local time with UTC beside it, age, owner and the title of what fired; closed ones on request."""
    assert 0 == CliRunner().invoke(app, ["incidents", "assign", NUMBER, "mai", "--config", settings]).exit_code
    code, shown, head = run("list", "--config", settings)
    (row,) = shown.splitlines()
    found = f"{NUMBER}    2026-11-20 12:00 +07:00 (05:00 UTC)"
    assert (0, found, True) == (code, row[: len(found)], head.startswith("NUMBER"))
    assert re.search(r"2026-11-20 12:00  \d+[mhd]  +high +in_progress  mai +tanphat +Success after guessing: lan@", row)
    everything = run("list", "--all", "--config", settings)[1].splitlines()
    assert 2 == len(everything)
    assert any(re.search(r"-     high +closed       -  ", line) for line in everything)


def test_forgotten_ones_are_listed(settings: str, tmp_path: Path) -> None:
    """Open ones that no person has worked on for long, and not what was just noted, nor what is closed."""
    nobody = an_incident(number="CW-2026-NOBODY", subject="mai", detected_at=NOON - timedelta(days=900))
    database = Database(tmp_path / "credwatch.sqlite")
    with database.writing() as connection:
        save_incidents(connection, [nobody])
    database.close()
    assert 0 == run("note", NUMBER, "I look", "--config", settings)[0]
    forgotten = ("list", "--forgotten", "--config", settings)
    assert ["CW-2026-NOBODY"] == [line.split()[0] for line in run(*forgotten)[1].splitlines()]
    assert (0, "", "nothing is forgotten\n") == run(*forgotten, "--untouched", "9999d")
    assert 2 == run(*forgotten, "--untouched", "soon")[0]


def test_a_list_comes_in_pages(settings: str) -> None:
    """No more than the limit, with the place where the rest begins; a place that is none is told."""
    pages = [run("list", "--all", "--limit", "1", "--config", settings, *after) for after in ((), ("--after", OLD))]
    assert [OLD, NUMBER] == [shown.split()[0] for _, shown, _ in pages]
    assert [True, False] == [f"there are more: --after {OLD}" in talk for _, _, talk in pages]
    code, _, talk = run("list", "--after", "CW-NONE", "--config", settings)
    assert (2, True) == (code, "nothing here has this number" in talk)


def test_a_list_as_json(settings: str) -> None:
    """One object a line, with the level as a word."""
    (told,) = map(json.loads, run("list", "--json", "--config", settings)[1].splitlines())
    assert (NUMBER, "high", "new") == (told["number"], told["level"], told["status"])


def test_a_case_is_shown(settings: str) -> None:
    """Its facts, its detections with their counts, and what became of it."""
    code, shown, _ = run("show", NUMBER, "--config", settings)
    assert 0 == code
    assert "detection      2026-11-20 12:00:00 +07:00 (05:00:00 UTC)  Success after guessing, 9 counted" in shown
    assert "change         2026-11-20 12:00:00 +07:00 (05:00:00 UTC)  new by Success after guessing: it fired" in shown
    assert NUMBER == json.loads(run("show", NUMBER, "--json", "--config", settings)[1])["number"]


def test_a_case_says_when_its_messages_were_accepted(settings: str, tmp_path: Path) -> None:
    """A message that a mail server took has the moment and the answer; one that waits has none."""
    database = Database(tmp_path / "credwatch.sqlite")
    with database.writing() as connection:
        outbox.queue(connection, [a_command(1), a_command(2, recipient="kt@tanphat.example")])
        receipts.settle(connection, a_command(1).id, Delivered(NOON, "250 ok"), NOON + timedelta(minutes=1), None)
    database.close()
    shown = run("show", NUMBER, "--config", settings)[1]
    accepted = (
        "customer_notice to it@tanphat.example: delivered  accepted 2026-11-20 12:01:00 +07:00 (05:01:00 UTC)  250 ok"
    )
    assert accepted in shown
    assert "customer_notice to kt@tanphat.example: queued\n" in shown


def test_an_incident_is_closed_once(settings: str) -> None:
    """Closing needs a reason, is kept with who and why, and cannot be done twice."""
    assert (0, f"{NUMBER} is closed\n", "") == run(
        "close", NUMBER, "--why", "my own", "--by", "lan", "--config", settings
    )
    assert "closed by lan: my own" in run("show", NUMBER, "--config", settings)[1]
    assert (0, "", "no open incidents\n") == run("list", "--config", settings)
    assert 2 == run("close", NUMBER, "--why", "again", "--config", settings)[0]


def test_an_outcome_is_kept(settings: str) -> None:
    """What came of it stands in the case; a word that is none is a mistake of usage."""
    close = ("close", NUMBER, "--why", "my own", "--config", settings, "--outcome")
    assert 2 == run(*close, "fine")[0]
    assert 0 == run(*close, "false-alarm")[0]
    assert "outcome        false-alarm" in run("show", NUMBER, "--config", settings)[1]


def test_history_is_marked_and_let_go(settings: str, tmp_path: Path) -> None:
    """A held incident is listed as such, shown with its moments, released once, and refused a second time."""
    history = an_incident(number="CW-2026-HISTOR", history=True, workflows=("customer_notice",), subject="mai")
    database = Database(tmp_path / "credwatch.sqlite")
    with database.writing() as connection:
        save_incidents(connection, [history])
        command = a_command(1, incident=history.number, hold="history")
        outbox.queue(connection, [command])
    database.close()
    assert "(history, held)" in run("list", "--held", "--config", settings)[1]
    told = json.loads(run("list", "--held", "--json", "--config", settings)[1])
    assert (history.number, True, True) == (told["number"], told["history"], told["held"])
    shown = run("show", history.number, "--config", settings)[1]
    assert "history        read long after it happened; its messages wait: release or close it" in shown
    release = ("release", history.number, "--why", "looked at", "--by", "lan", "--config", settings)
    assert (0, f"{history.number}: 1 released\n", "") == run(*release)
    assert 2 == run(*release)[0]
    assert (0, "", "nothing is held\n") == run("list", "--held", "--config", settings)


@pytest.mark.parametrize(
    "command",
    [
        ["show", "CW-0"],
        ["close", "CW-0", "--why", "x"],
        ["release", "CW-0", "--why", "x"],
        ["drop", "CW-0", "--why", "x"],
    ],
)
def test_an_unknown_number(settings: str, command: list[str]) -> None:
    """A number that is nobody's is answered with exit code 1 and where the numbers are."""
    code, shown, talk = run(*command, "--config", settings)
    assert (1, "", True) == (code, shown, "credwatch incidents list --all" in talk)
