"""Rehearsals come by the timetable, one at a time, within their time, and tell what came of them once."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import NOON, some_facts
from credwatch.app.settings import RehearsalOptions
from credwatch.checks.rehearsing import rehearsal_problems
from credwatch.cli.main import app
from credwatch.ledger.entry import ActKind
from credwatch.service.rehearsals import Rehearsals
from credwatch.store import audit
from credwatch.store.audit import Chosen
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.store.rehearsals import RehearsalRun, latest_run
from credwatch.telemetry.metrics import Metrics

PASSED = json.dumps({"passed": True, "troubles": []})
FAILED = json.dumps({"passed": False, "troubles": ["vn-form-08 lacks tax_code"]})


class Stage:
    """Rehearsals over a store, with a clock that a test moves and a program that plays."""

    def __init__(self, folder: Path, script: str, **options: object) -> None:
        self.now, self.folder = NOON, folder
        self.database = Database(folder / "credwatch.sqlite")
        self.database.migrate()
        self.metrics = Metrics()
        self.begin_again(script, **options)

    def begin_again(self, script: str, **options: object) -> None:
        """Start a daemon's rehearsals anew, played by a shell that does this; by the program itself without one."""
        played_by = {"command": ("/bin/sh", "-c", script, "rehearse")} if script else {}
        self.rehearsals = Rehearsals(
            self.folder / "credwatch.toml",
            RehearsalOptions(**{"scenario": "account-takeover", **options}),
            "Asia/Ho_Chi_Minh",
            self.database,
            self.metrics.rehearsals,
            lambda: self.now,
            some_facts,
            lambda: None,
            **played_by,
        )

    def until(self, state: Callable[[], bool]) -> None:
        """Take turns until something is so."""
        end = time.monotonic() + 120
        while not state():
            assert time.monotonic() < end, "it did not come about"
            self.rehearsals.turn()
            time.sleep(0.02)

    def run(self) -> RehearsalRun:
        """Return the latest one."""
        with self.database.reading() as connection:
            run = latest_run(connection)
        assert run is not None
        return run

    def troubles(self) -> tuple[str, ...]:
        """Tell what was wrong with the one that is due, once it has ended."""
        self.rehearsals.turn()
        self.until(lambda: self.run().ended_at is not None)
        return self.run().troubles

    def acts(self) -> list[dict]:
        """Return what the audit trail has of rehearsals."""
        with self.database.reading() as connection:
            entries = [json.loads(row.entry) for row in audit.listed(connection, Chosen(), 100)]
        return [entry["details"] for entry in entries if entry["kind"] == ActKind.REHEARSAL_PLAYED]

    def letters(self) -> list[str]:
        """Return what the operators are told."""
        return [str(it.command.payload.context["rehearsal"]) for it in OutboxStore(self.database).listed(EVERY)]

    def gauge(self, name: str) -> float:
        """Return a metric."""
        value = self.metrics.registry.get_sample_value(f"credwatch_rehearsal_{name}")
        assert value is not None
        return value

    def process(self):
        """Return the process under way."""
        child = self.rehearsals._child
        assert child is not None
        return child.process


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Make a stage; what runs on it is ended afterwards."""
    stages: list[Stage] = []

    def make(script: str, **options: object) -> Stage:
        stages.append(Stage(tmp_path, script, **options))
        return stages[-1]

    yield make
    for one in stages:
        one.rehearsals.stop()
        one.database.close()


def test_one_that_passes_is_noted_and_tells_nobody(stage: Callable[..., Stage], tmp_path: Path) -> None:
    """Its words are those of the command line, its priority the lowest; audit trail and metrics know of it."""
    lowered = f"while [ $(nice) -lt 19 ]; do sleep 0.05; done; nice >{tmp_path}/nice"
    site = stage(f'echo "$@" >{tmp_path}/words; {lowered}; echo {shlex.quote(PASSED)}')
    assert () == site.troubles()
    assert f"account-takeover --json --config {tmp_path}/credwatch.toml\n" == (tmp_path / "words").read_text()
    assert "19\n" == (tmp_path / "nice").read_text()
    begun_at = "2026-11-20T05:00:00.000Z"
    expected = {"scenario": "account-takeover", "begun_at": begun_at, "passed": True, "troubles": []}
    assert [expected] == site.acts()
    assert (NOON.timestamp(), 0.0) == (site.gauge("ended_timestamp_seconds"), site.gauge("failed"))
    assert [] == site.letters()


def test_one_that_fails_tells_the_operators_once(stage: Callable[..., Stage]) -> None:
    """They read what was wrong; the next that passes ends the alert."""
    site = stage(f"echo {shlex.quote(FAILED)}; exit 1")
    assert ("vn-form-08 lacks tax_code",) == site.troubles()
    (letter,) = site.letters()
    assert "vn-form-08 lacks tax" in letter
    assert 1.0 == site.gauge("failed")
    site.begin_again(f"echo {shlex.quote(PASSED)}")
    site.now += timedelta(days=30)
    assert () == site.troubles()
    assert (1, 2, 0.0) == (len(site.letters()), len(site.acts()), site.gauge("failed"))


def test_one_that_cannot_be_played_says_why(stage: Callable[..., Stage]) -> None:
    """The error of the program is what the operators read."""
    site = stage("echo 'error: SCENARIO: no scenario is known' >&2; exit 2")
    assert ("it could not be played: error: SCENARIO: no scenario is known",) == site.troubles()


def test_one_that_does_not_end_is_stopped(stage: Callable[..., Stage]) -> None:
    """After its time the process is gone, and that is what was wrong."""
    site = stage("exec sleep 600")
    site.rehearsals.turn()
    process = site.process()
    site.rehearsals.turn()
    assert process.poll() is None
    site.now += timedelta(minutes=10)
    assert ("it had not ended after 0:10:00",) == site.troubles()
    assert process.poll() is not None


def test_the_next_comes_a_period_later_at_its_hour(stage: Callable[..., Stage]) -> None:
    """Not before the hour of its day in the daemon's zone."""
    site = stage(f"echo {shlex.quote(PASSED)}", every="7d", at="05:30")
    site.troubles()
    due = datetime(2026, 11, 26, 22, 30, tzinfo=UTC)  # 05:30 in Vietnam on the 27th
    assert due.timestamp() == site.gauge("due_timestamp_seconds")
    site.now = due - timedelta(seconds=1)
    site.rehearsals.turn()
    assert NOON == site.run().begun_at
    site.now = due
    site.rehearsals.turn()
    assert due == site.run().begun_at


def test_one_that_a_stop_ended_begins_anew(stage: Callable[..., Stage]) -> None:
    """It has neither passed nor failed, and nobody is told of it."""
    site = stage("exec sleep 600")
    site.rehearsals.turn()
    process = site.process()
    site.rehearsals.stop()
    assert process.poll() is not None
    assert site.run().ended_at is None
    site.begin_again(f"echo {shlex.quote(PASSED)}")
    assert () == site.troubles()
    assert 1 == len(site.acts())


def test_status_has_a_line_for_it(stage: Callable[..., Stage]) -> None:
    """What was played, when, and what was wrong; none where the timetable has none."""
    site = stage(f"echo {shlex.quote(FAILED)}; exit 1")
    site.troubles()
    settings = f'[daemon]\nstate_directory = "{site.folder}"\nregisters_directory = "{site.folder}"\n'
    config = site.folder / "credwatch.toml"
    config.write_text(settings)
    assert "rehearsal" not in CliRunner().invoke(app, ["status", "--config", str(config)]).output
    config.write_text(settings + '[rehearsal]\nscenario = "account-takeover"\n')
    words = CliRunner().invoke(app, ["status", "--config", str(config)]).output
    assert "rehearsal account-takeover: played" in words
    assert "FAILED: vn-form-08 lacks tax_code" in words


def test_without_a_scenario_there_is_no_job(stage: Callable[..., Stage]) -> None:
    """The timetable has a rehearsal only where the settings name one."""
    assert [] == stage("exit 0", scenario="").rehearsals.jobs()


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({}, []),
        ({"scenario": "account-takeover", "address": "a@b.example"}, []),
        ({"scenario": "account-takeove", "address": "a@b.example"}, ["rehearsal.scenario"]),
        ({"scenario": "/nowhere/own.toml", "address": "a@b.example"}, ["rehearsal.scenario"]),
        ({"scenario": "account-takeover"}, ["rehearsal.address"]),
    ],
)
def test_a_check_finds_what_would_fail_each_time(options: dict, problems: list[str]) -> None:
    """A scenario that is not there, and letters that go nowhere."""
    assert problems == [problem.where for problem in rehearsal_problems(RehearsalOptions(**options))]


def test_the_program_itself_is_played_as_it_is(stage: Callable[..., Stage], tmp_path: Path) -> None:
    """Without an address its letters go nowhere, which its own outcome says: that is read, and not the exit code."""
    settings = f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n'
    contact = '[contact]\nname = "MODORO"\nmailbox = "info@modoro.example"\n'
    (tmp_path / "credwatch.toml").write_text(settings + contact)
    site = stage("")
    assert sys.executable == site.rehearsals._words[0]
    troubles = site.troubles()
    assert troubles
    assert not any("could not be played" in trouble for trouble in troubles), troubles
