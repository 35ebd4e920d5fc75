"""`credwatch status`, and what a case says could not be seen."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import a_command, an_incident, local_day
from credwatch.cli.main import app
from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.kernel.clock import system_clock
from credwatch.store import outbox
from credwatch.store.cases.incidents import save_incidents
from credwatch.store.database import Database
from credwatch.store.state import progress, seeing

MINUTE = timedelta(minutes=1)
SETTINGS = """
[daemon]
state_directory = "{folder}"
registers_directory = "{folder}"
[[source]]
id = "vpn"
paths = ["{folder}/vpn.log"]
[operators]
addresses = ["ops@acme.example"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A store in which a source has spoken, a daemon was away, a message waits and a case is open."""
    now, case = system_clock(), an_incident()
    database = Database(tmp_path / "credwatch.sqlite")
    database.migrate()
    with database.writing() as connection:
        save_incidents(connection, [case])
        outbox.queue(connection, [a_command(1)])
        seeing.note_times(connection, [("vpn", now - 5 * MINUTE, now - 6 * MINUTE)])
        progress.save_value(connection, seeing.ALIVE, now.isoformat().encode())
        progress.add_tallies(connection, local_day(now), {"lines of vpn": 200, "unparsed of vpn": 5})
        seeing.save_intervals(
            connection,
            [
                BlindInterval("", Blindness.DOWN, now - 60 * MINUTE, now - 50 * MINUTE),
                BlindInterval("vpn", Blindness.SILENT, now - 30 * MINUTE),
                BlindInterval("vpn", Blindness.LAGGING, case.occurred_first - MINUTE, case.occurred_first + MINUTE),
                BlindInterval("vpn", Blindness.CAPPED, case.occurred_first - 9 * MINUTE, case.occurred_first - MINUTE),
            ],
        )
    database.close()
    (tmp_path / "credwatch.toml").write_text(SETTINGS.format(folder=tmp_path))
    return tmp_path


def said(site: Path, *arguments: str) -> str:
    """Return what a command says on stdout."""
    result = CliRunner().invoke(app, [*arguments, "--config", str(site / "credwatch.toml")])
    assert 0 == result.exit_code, result.output
    return result.stdout


def test_what_is_not_seen_stands_first(site: Path) -> None:
    """What lasts comes before what is over, and both before sources, clocks, messages and cases."""
    lines = said(site, "status").splitlines()
    assert lines[0].startswith("not seen  source vpn silent since")
    assert lines[0].endswith("and it lasts")
    assert lines[1].startswith("not seen  all sources down since")
    assert ["daemon", "source", "clocks", "messages", "open"] == [line.split()[0] for line in lines[2:]]
    (source,) = (line for line in lines if line.startswith("source"))
    assert "spoke 5m ago, its latest event was 60 s on the way, 200 lines today, 2.5% of them unparsed" in source
    assert "messages  1 waiting, 0 refused, 0 held" in lines


def test_status_in_json(site: Path) -> None:
    """A program reads the same."""
    standing = json.loads(said(site, "status", "--json"))
    assert {"silent", "down"} == {interval["reason"] for interval in standing["blind"]}
    (source,) = standing["sources"]
    assert ("vpn", 60.0, 0.0, 200, 5) == tuple(
        source[name] for name in ("id", "lag_seconds", "skew_seconds", "lines_today", "unparsed_today")
    )


def test_a_case_states_what_could_not_be_seen_while_it_happened(site: Path) -> None:
    """An interval that overlaps the case stands in it; one that ended before does not."""
    number = an_incident().number
    case = json.loads(said(site, "incidents", "show", number, "--json"))
    assert ["lagging"] == [interval["reason"] for interval in case["unseen"]]
    shown = said(site, "incidents", "show", number)
    assert "not seen       source vpn lagging since" in shown
