"""Silences: what people decided not to hear of for a while is kept and counted, and what they may not hide is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from credwatch.app.build import build_knowledge
from credwatch.app.keys import store_place
from credwatch.app.settings import Settings, load_settings
from credwatch.cli.main import app
from credwatch.kernel.clock import system_clock
from credwatch.kernel.command import Command
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.service.chores import Chores
from credwatch.store import outbox
from credwatch.store.cases import legal_clocks
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.telemetry.metrics import Metrics
from scenarios.daemon import Site
from scenarios.lines import BEGIN as WRITTEN
from scenarios.lines import app_guessing
from scenarios.pipeline import a_chunk, take

USER, ADDRESS, OTHER = "ke.toan@haiau.example", "203.0.113.7", "198.51.100.9"


class Watched:
    """A pipeline over the store that the commands of a site use, by the machine's clock."""

    def __init__(self, site: Site) -> None:
        self.config = str(site.config)
        settings = load_settings(site.config)
        self.knowledge: Knowledge = build_knowledge(settings, notice_key=Secret("notice key"))
        self.database = Database(store_place(settings))
        self.database.migrate()
        self.pipeline = Pipeline(self.knowledge, self.database, system_clock)
        self.position = 0

    def read(self, *lines: str) -> None:
        """Read lines as if they were written just now."""
        now = system_clock()
        data = "".join(f"{line}\n" for line in lines).encode()
        chunk = a_chunk(data, source="application", position=self.position)
        take(self.pipeline, replace(chunk, received_at=now, reference=now))
        self.position += len(data)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run `credwatch silence` and return exit code, stdout and stderr."""
        result = CliRunner().invoke(app, ["silence", *arguments, "--config", self.config])
        return result.exit_code, result.stdout, result.stderr

    def silence(self, *arguments: str) -> str:
        """Begin a silence without being asked, and return its name."""
        code, shown, talk = self.run("add", *arguments, "--why", "a test", "--for", "1d", "--yes", "--json")
        assert 0 == code, talk
        name: str = json.loads(shown)["id"]
        return name

    def hidden(self, silence: str) -> int:
        """Tell how many detections a silence has hidden."""
        rows = map(json.loads, self.run("list", "--all", "--json")[1].splitlines())
        return next(int(row["hidden"]) for row in rows if row["id"] == silence)

    def kinds(self) -> list[str]:
        """Return the kinds of the incidents, sorted."""
        with self.database.reading() as connection:
            return sorted(incident.kind for incident in list_incidents(connection))

    def letters(self, now: datetime) -> list[Command]:
        """Do what the timetable does, and return the operators' letters about silences."""
        facts = self.knowledge.facts
        Chores(self.database, Metrics(), lambda: None, lambda: now, lambda: facts, Settings()).tick()
        stored = outbox.OutboxStore(self.database).listed(EVERY)
        return [each.command for each in stored if each.command.payload.context.get("reason") == "silence_over"]


def guesses(address: str, *, succeeds: bool, seconds_ago: int = 60, user: str = USER) -> list[str]:
    """Write guesses at an account that happened just now."""
    begin = (system_clock() - timedelta(seconds=seconds_ago) - WRITTEN).total_seconds()
    return app_guessing(begin, user, "hai-au", address, succeeds=succeeds)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Make a pipeline with the shipped rules."""
    site = Site(tmp_path, port=25).furnish()
    site.rules.unlink()
    watched = Watched(site)
    yield watched
    watched.database.close()


def test_a_silence_hides_and_counts(watched: Watched) -> None:
    """What it means opens no incident, is counted beside it, and stays in the store; another address is told."""
    silence = watched.silence("--address", ADDRESS)
    watched.read(*guesses(ADDRESS, succeeds=False))
    assert [] == watched.kinds()
    assert watched.hidden(silence) >= 1
    watched.read(*guesses(OTHER, succeeds=False, seconds_ago=30, user="thu@haiau.example"))
    assert "brute_force" in watched.kinds()


def test_one_person_never_hides_a_takeover(watched: Watched) -> None:
    """A takeover is told all the same, with its notices and its clock."""
    watched.silence("--account", USER)
    watched.read(*guesses(ADDRESS, succeeds=True))
    assert "account_takeover" in watched.kinds()
    with watched.database.reading() as connection:
        assert {"customer_notice"} <= {clock.workflow for clock in legal_clocks.running_clocks(connection)}


def test_two_people_hide_a_takeover(watched: Watched) -> None:
    """With a second person it is hidden, and counted."""
    silence = watched.silence("--account", USER, "--by", "lan", "--second", "mai")
    watched.read(*guesses(ADDRESS, succeeds=True))
    assert "account_takeover" not in watched.kinds()
    assert watched.hidden(silence) >= 1


def test_no_silence_stops_a_clock(watched: Watched) -> None:
    """A duty that runs goes on running and is told when its time is over, whatever two people silence afterwards."""
    watched.read(*guesses(ADDRESS, succeeds=True))
    with watched.database.reading() as connection:
        before = legal_clocks.running_clocks(connection)
    watched.silence("--account", USER, "--by", "lan", "--second", "mai")
    watched.read(*guesses(OTHER, succeeds=True, seconds_ago=20))
    watched.letters(system_clock() + timedelta(hours=1))
    with watched.database.reading() as connection:
        after = {clock.id: clock for clock in legal_clocks.running_clocks(connection)}
    duties = [clock for clock in before if clock.workflow == "customer_notice"]
    assert duties
    for clock in duties:
        assert (clock.due_at, True) == (after[clock.id].due_at, after[clock.id].escalated_at is not None)


def test_evidence_of_a_case_that_others_hear_of_is_not_hidden(watched: Watched) -> None:
    """A second takeover of an account whose case is open joins the case."""
    watched.read(*guesses(ADDRESS, succeeds=True))
    watched.silence("--address", OTHER, "--by", "lan", "--second", "mai")
    watched.read(*guesses(OTHER, succeeds=True, seconds_ago=20))
    with watched.database.reading() as connection:
        (case,) = [one for one in list_incidents(connection) if one.kind == "account_takeover"]
    assert OTHER in case.addresses


def test_what_it_would_have_hidden_is_shown_first(watched: Watched) -> None:
    """Before it begins the last thirty days are held against it; a no leaves everything as it was."""
    watched.read(*guesses(ADDRESS, succeeds=True))
    arguments = ("--address", ADDRESS, "--why", "a test", "--for", "7d")
    code, _, talk = watched.run("add", *arguments)
    assert (1, True) == (code, "it would have hidden" in talk)
    assert "need a second person" in talk
    assert (0, "", "no silence holds now\n") == watched.run("list")
    assert "need a second person" not in watched.run("add", *arguments, "--by", "lan", "--second", "mai", "--yes")[2]


def test_the_end_is_told_once_with_its_count(watched: Watched) -> None:
    """Ended by a person or by time, the operators hear once what it hid; what follows is told again."""
    silence = watched.silence("--address", ADDRESS)
    watched.read(*guesses(ADDRESS, succeeds=False))
    count = watched.hidden(silence)
    now = system_clock()
    assert [] == watched.letters(now)
    assert (0, f"{silence} is over; it hid {count}\n", "") == watched.run("end", silence, "--by", "lan")
    (letter,) = watched.letters(system_clock())
    assert (silence, str(count)) == (letter.payload.context["silence"], letter.payload.context["hidden"])
    assert 2 == watched.run("end", silence)[0]
    lapsed = watched.silence("--account", USER)
    later = [each.payload.context["silence"] for each in watched.letters(system_clock() + timedelta(days=2))]
    assert sorted([silence, lapsed]) == sorted(map(str, later))
    watched.read(*guesses(ADDRESS, succeeds=False, seconds_ago=20, user="thu@haiau.example"))
    assert "brute_force" in watched.kinds()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "would hide everything"),
        (("--account", "x", "--for", "91d"), "within 90 days"),
        (("--account", "x", "--by", "lan", "--second", "LAN"), "somebody else"),
        (("--account", "x", "--why", " "), "reason is missing"),
        (("--rule", "no-rule"), "no rule has the id no-rule"),
        (("--customer", "nobody"), "no customer has the id nobody"),
        (("--address", "300.1.1.1"), "expected an address or a network"),
        (("--account", "x", "--for", "soon"), "such as 7d"),
    ],
)
def test_what_is_refused(watched: Watched, arguments: tuple[str, ...], says: str) -> None:
    """A silence names something, ends, has a reason and two different people; what exists nowhere is a mistake."""
    given = (*arguments, *(() if "--why" in arguments else ("--why", "a test")))
    code, _, talk = watched.run("add", *given, *(() if "--for" in arguments else ("--for", "1d")), "--yes")
    assert (2, True) == (code, says in " ".join(talk.split())), talk
    assert (0, "", "no silences\n") == watched.run("list", "--all")


def test_an_unknown_silence(watched: Watched) -> None:
    """A name that is nobody's is answered with exit code 1 and where the names are."""
    code, _, talk = watched.run("end", "silence-0")
    assert (1, True) == (code, "credwatch silence list --all" in talk)
