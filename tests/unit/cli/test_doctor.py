"""`credwatch doctor`: each finding with a remedy, and a bundle without people or secrets."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from builders_outbox import a_command, an_incident, local_day
from credwatch.app.settings import load_settings
from credwatch.casework.complaints import ComplaintBook
from credwatch.checks.bundle import bundle_of, write_bundle
from credwatch.cli.main import app
from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError, Problem
from credwatch.store import outbox
from credwatch.store.cases.incidents import save_incidents
from credwatch.store.database import Database
from credwatch.store.state import progress, seeing

PEOPLE = {
    "operator": "ngoc.operator@vendor.example",
    "notices": "giamdoc@tanphat.example",
    "customer": "Công ty Tấn Phát",
    "phone": "+84 258 5550 0199",
    "user": "quocbao",
    "relay": "relay.vendor.example",
    "login": "mailer-account",
    "secret": "correct horse battery",
    "source": "vpn-of-tan-phat",
}
SETTINGS = """
[daemon]
state_directory = "{folder}/state"
registers_directory = "{folder}/registers"
[[source]]
id = "vpn-of-tan-phat"
paths = ["{folder}/vpn.log"]
[contact]
phone = "+84 258 5550 0199"
[operators]
addresses = ["ngoc.operator@vendor.example"]
[outbox.email]
host = "relay.vendor.example"
username = "mailer-account"
password_file = "{folder}/password"
[gate]
enabled = false
[metrics]
enabled = false
"""
CUSTOMERS = """
[[customer]]
id = "tanphat"
name = "Công ty Tấn Phát"
notice_addresses = ["giamdoc@tanphat.example", "giamdoc@tanphat.example"]
phone = "+84 258 5550 0199"
recognise = { users = ["quocbao"] }
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose source is silent, whose message was refused, and of which nobody made a backup."""
    tmp_path = tmp_path_factory.mktemp("site")
    now, source = system_clock(), PEOPLE["source"]
    for name in ("state", "registers"):
        (tmp_path / name).mkdir()
    (tmp_path / "password").write_text(PEOPLE["secret"])
    (tmp_path / "vpn.log").write_text(f"Mar  2 03:00:00 srv1 vpn[1]: {PEOPLE['user']}\n")
    (tmp_path / "registers" / "customers.toml").write_text(CUSTOMERS)
    (tmp_path / "credwatch.toml").write_text(SETTINGS.format(folder=tmp_path))
    database = Database(tmp_path / "state" / "credwatch.sqlite")
    database.migrate()
    with database.writing() as connection:
        save_incidents(connection, [an_incident(subject=PEOPLE["user"])])
        outbox.queue(connection, [a_command(1, recipient=PEOPLE["notices"])])
        connection.exec_driver_sql("UPDATE commands SET state = 'refused'")
        seeing.note_times(connection, [(source, now - timedelta(hours=9), None)])
        progress.save_value(connection, seeing.ALIVE, now.isoformat().encode())
        progress.add_tallies(connection, local_day(now), {f"lines of {source}": 10, f"unparsed of {source}": 5})
        seeing.save_intervals(connection, [BlindInterval(source, Blindness.SILENT, now - timedelta(hours=9))])
    database.close()
    return tmp_path


def examined(site: Path, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    """Return the exit code of `doctor --offline --json`, and what it finds."""
    command = ["doctor", "--offline", "--json", *arguments, "--config", str(site / "credwatch.toml")]
    result = CliRunner().invoke(app, command)
    return result.exit_code, json.loads(result.stdout)["problems"]


@pytest.fixture(scope="module")
def examination(site: Path) -> tuple[int, list[dict[str, str]]]:
    """Examine the installation once, with a bundle."""
    return examined(site, "--bundle", str(site / "bundle.json"))


@pytest.fixture(scope="module")
def bundle(site: Path, examination: object) -> Any:
    """Read the bundle of that examination."""
    return json.loads((site / "bundle.json").read_text())


def test_each_finding_has_a_remedy(examination: tuple[int, list[dict[str, str]]]) -> None:
    """What is wrong in the store and around it is told, each with what to do, and the exit code says so."""
    exit_code, problems = examination
    told = [problem["message"] for problem in problems]
    for words in (
        "no daemon runs",
        "silent since",
        "messages were refused",
        "are in no pack",
        "no backup has been made",
    ):
        assert [words] == [words for message in told if words in message]
    assert [] == [problem for problem in problems if not problem["hint"]]
    assert 1 == exit_code


def test_a_store_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    """An installation on which no daemon ever ran is told so, and nothing raises."""
    (tmp_path / "credwatch.toml").write_text(f'[daemon]\nstate_directory = "{tmp_path}"\n')
    assert "there is no store" in [problem["message"] for problem in examined(tmp_path)[1]]


def test_the_bundle_has_nothing_of_people_and_no_secret(site: Path, bundle: Any) -> None:
    """No name, address, number, host, account or secret of settings, registers and store stands in it."""
    notes = json.dumps(bundle, ensure_ascii=False)
    assert [] == [word for word in (*PEOPLE.values(), str(site), "tanphat", an_incident().number) if word in notes]
    assert 0o600 == stat.S_IMODE((site / "bundle.json").stat().st_mode)


def test_the_bundle_says_what_is_wrong(bundle: Any) -> None:
    """Whoever helps sees versions, findings, switches, and how each source stands, by number."""
    assert {"credwatch", "polars", "python"} <= bundle["versions"].keys()
    assert any("silent since" in finding["message"] for finding in bundle["findings"])
    assert ("source 1", 10) == tuple(bundle["standing"]["sources"][0][name] for name in ("id", "lines_today"))
    assert "(set)" == bundle["settings"]["outbox"]["email"]["host"]
    assert bundle["settings"]["gate"]["enabled"] is False


def test_people_in_a_finding_are_left_out(site: Path) -> None:
    """A finding that quotes a register, an address, a telephone number or a path keeps its words alone."""
    settings = load_settings(site / "credwatch.toml")
    message = f"quocbao of {PEOPLE['customer']} at 203.0.113.9 has no 'name', only {PEOPLE['phone']} and /home/lan/x"
    (finding,) = bundle_of(settings, [Problem("registers/customers.toml: tanphat", message)], None)["findings"]
    assert "… of … at <address> has no '…', only … and <path>" == finding["message"]
    assert "tanphat" not in finding["where"]


def test_a_bundle_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ConfigurationError):
        write_bundle({}, tmp_path / "mine")
    assert "mine" == (tmp_path / "mine").read_text()


def test_a_backup_ends_that_finding(site: Path) -> None:
    """The store knows when it was backed up last; a week later that is told again."""
    made = CliRunner().invoke(app, ["backup", str(site / "b.sqlite"), "--config", str(site / "credwatch.toml")])
    assert 0 == made.exit_code, made.output
    with ComplaintBook.at(site / "credwatch.toml") as book:
        now, later = (book.complaints(system_clock() + span) for span in (timedelta(), timedelta(days=8)))
    assert [] == [problem.message for problem in now if "backup" in problem.message]
    assert 1 == len([problem.message for problem in later if "the last backup is of" in problem.message])
