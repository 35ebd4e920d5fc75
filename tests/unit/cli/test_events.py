"""`credwatch events`, `incidents radius`, `archive erase`, `rules diff --archive`, asked of a store with an archive."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from credwatch.cli.main import app
from credwatch.store import audit
from credwatch.store.audit import Chosen
from credwatch.store.cases.case_list import list_incidents
from scenarios.archived import Archived
from scenarios.lines import guessing, ssh
from scenarios.pipeline import a_store

LINES = [
    *guessing(0, "quocbao", "203.0.113.7"),
    *guessing(3600, "=cmd", "203.0.113.8"),
    ssh(7200, "Accepted", "quocbao", "203.0.113.7"),
]


@contextmanager
def an_archive(site: Path, *, seal: bool) -> Iterator[Archived]:
    """Make an archive of some events, half of which have come to their days."""
    (site / "state").mkdir(parents=True)
    with a_store(site / "state" / "credwatch.sqlite") as database:
        archived = Archived(site, database, seal=seal)
        archived.take(LINES[:10])
        archived.now = datetime.now(UTC) + timedelta(days=2)
        archived.archiving.work()
        archived.take(LINES)
        yield archived


@pytest.fixture(params=[False, True], ids=["clear", "sealed"], scope="module")
def archived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archived]:
    """Give an archive to those that only ask."""
    with an_archive(tmp_path_factory.mktemp("archived") / "site", seal=request.param) as archived:
        yield archived


@pytest.fixture(params=[False, True], ids=["clear", "sealed"])
def erasable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archived]:
    """Give an archive to one that changes it."""
    with an_archive(tmp_path / "site", seal=request.param) as archived:
        yield archived


def ask(archived: Archived, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(archived.site.config)])


def events(archived: Archived, *arguments: str) -> list[dict[str, Any]]:
    answer = ask(archived, "events", "--json", *arguments)
    assert 0 == answer.exit_code, answer.output
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_events_are_found_by_what_is_asked(archived: Archived) -> None:
    """Account, address, network, customer, time and any field choose events, alone and together, sealed or not."""
    every = events(archived)
    moments = [event["@timestamp"] for event in every]
    assert len(archived.found()) == len(every) > 20
    assert sorted(moments) == moments

    def holds(name: str, value: object) -> list[dict[str, Any]]:
        return [event for event in every if event.get(name) == value]

    assert holds("user.name", "quocbao") == events(archived, "--account", "quocbao") != []
    assert holds("source.ip", "203.0.113.8") == events(archived, "--address", "203.0.113.8") != []
    assert every == events(archived, "--address", "203.0.113.0/24")
    assert [] == events(archived, "--address", "198.51.100.0/24")
    assert holds("organization.id", "hai-au") == events(archived, "--customer", "hai-au") != []
    assert holds("event.outcome", "success") == events(archived, "--field", "event.outcome=success") != []
    port = every[0]["source.port"]
    assert holds("source.port", port) == events(archived, "--field", f"source.port={port}") != []
    assert every[-3:] == events(archived, "--limit", "3")
    assert every == events(archived, "--limit", "0")
    assert [] == events(archived, "--until", "2001-01-01")


def test_a_table_and_csv_say_the_same(archived: Archived) -> None:
    """A table has a row for each event; CSV the columns asked for, and no text that a sheet takes for a formula."""
    count = len(events(archived))
    assert count == len(ask(archived, "events").stdout.splitlines())
    answer = ask(archived, "events", "--csv", "--show", "@timestamp,user.name,source.port", "--limit", "0")
    head, *rows = csv.reader(io.StringIO(answer.stdout))
    assert ["@timestamp", "user.name", "source.port"] == head
    assert count == len(rows)
    assert {"quocbao", "'=cmd"} == {name for _, name, _ in rows if name}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--field", "user.nmae=x"], "did you mean 'user.name'"),
        (["--field", "user.name"], "expected FIELD=VALUE"),
        (["--field", "source.port=many"], "expected a whole number"),
        (["--field", "credwatch.masked=perhaps"], "expected true or false"),
        (["--field", "@timestamp=soon"], "expected a moment"),
        (["--csv", "--show", "user.nmae"], "did you mean 'user.name'"),
        (["--address", "300.1.1.1"], "expected an address or a network"),
    ],
)
@pytest.mark.parametrize("archived", [False], indirect=True)
def test_what_cannot_be_asked_is_said(archived: Archived, arguments: list[str], words: str) -> None:
    """A field that is not there or cannot have such a value is a mistake of usage, with the nearest name."""
    answer = ask(archived, "events", *arguments)
    assert 2 == answer.exit_code
    assert words in answer.output


def test_nothing_is_found(archived: Archived) -> None:
    """Where there is no such event, that is said, and it is no error."""
    answer = ask(archived, "events", "--account", "nobody")
    assert (0, "", "no such event") == (answer.exit_code, answer.stdout, answer.stderr.strip())


def test_a_key_is_erased_once(erasable: Archived) -> None:
    """After the erasure nobody reads the customer's accounts and addresses; it is told, and in the audit trail."""
    before = events(erasable, "--customer", "hai-au")
    answer = ask(erasable, "archive", "erase", "hai-au", "--why", "contract 4711 ended", "--by", "lan")
    if not erasable.settings.archive.seal:
        assert 1 == answer.exit_code
        assert "nothing of it is sealed" in answer.stderr
        return
    assert 0 == answer.exit_code, answer.output
    after = events(erasable, "--customer", "hai-au")
    assert len(before) == len(after)
    assert {"(erased)"} == {event["user.name"] for event in after}
    assert {"(erased)"} == {event["source.ip"] for event in after}
    assert [event["event.action"] for event in before] == [event["event.action"] for event in after]
    others = [event for event in events(erasable) if event.get("organization.id") != "hai-au"]
    assert "(erased)" not in {event.get("user.name") for event in others}
    assert 1 == ask(erasable, "archive", "erase", "hai-au", "--why", "again").exit_code
    with erasable.database.reading() as connection:
        entries = [json.loads(row.entry) for row in audit.listed(connection, Chosen(customer="hai-au"), 10)]
    assert "archive_key_erased" in {entry["kind"] for entry in entries}


def test_radius_says_how_far_a_case_reaches(archived: Archived) -> None:
    """A case has the accounts, addresses and acts that the archive has of it, and says what it could not see."""
    with archived.database.reading() as connection:
        incident = next(it for it in list_incidents(connection, only_open=True) if "quocbao" in it.accounts)
    answer = ask(archived, "incidents", "radius", incident.number, "--json")
    assert 0 == answer.exit_code, answer.output
    reach = json.loads(answer.stdout)
    within = [it for it in events(archived) if reach["since"] <= it["@timestamp"] <= reach["until"]]
    whose = [it for it in within if it.get("source.ip") == "203.0.113.7" or it.get("user.name") == "quocbao"]
    assert len(whose) == reach["events"] > 10
    assert {"count": 1, "named": ["203.0.113.7"]} == reach["addresses"]
    assert ["quocbao"] == reach["accounts"]["named"]
    assert "hai-au" in reach["customers"]["named"]
    assert sum(reach["acts"].values()) == reach["events"]
    table = ask(archived, "incidents", "radius", incident.number)
    assert "accounts" in table.stdout
    assert 1 == ask(archived, "incidents", "radius", "CW-2026-AAAAAA").exit_code


def test_rules_are_compared_over_the_archive(archived: Archived, tmp_path: Path) -> None:
    """Rules that find other things in archived events differ; the same rules do not."""
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    rule = """
title: A login over SSH
id: 0c8e3b52-5d25-4f9d-9d7c-1d1b7a1f9e01
status: stable
logsource: {category: authentication}
detection:
  selection: {event.action: login, event.outcome: %s}
  condition: selection
level: low
"""
    old.write_text(rule % "unknown")
    new.write_text(rule % "failure")
    same = ask(archived, "rules", "diff", str(old), str(old), "--archive", "--no-shipped", "--json")
    assert 0 == same.exit_code, same.output
    other = ask(archived, "rules", "diff", str(old), str(new), "--archive", "--no-shipped", "--json")
    assert 1 == other.exit_code, other.output
    difference = json.loads(other.stdout)
    assert difference["gained"] != []
    assert 1 == len({row["rule"] for row in difference["gained"]})
    before = ask(archived, "rules", "diff", str(old), str(new), "--archive", "--no-shipped", "--until", "2001-01-01")
    assert 0 == before.exit_code, before.output


@pytest.mark.parametrize("arguments", [[], ["x.log", "--archive"], ["x.log", "--since", "2026-01-01"]])
@pytest.mark.parametrize("archived", [False], indirect=True)
def test_one_history_is_compared(archived: Archived, tmp_path: Path, arguments: list[str]) -> None:
    """Log files or the archive, one of them: anything else is a mistake of usage."""
    answer = ask(archived, "rules", "diff", str(tmp_path), str(tmp_path), *arguments)
    assert 2 == answer.exit_code
    assert "hint" in answer.stderr
