"""`credwatch replay`: what an operator reads first."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.cli.replay import _span

GUESSER, TYPIST = "203.0.113.7", "198.51.100.20"
CUSTOMERS = """
[[customer]]
id = "acme"
name = "Acme"
language = "en"
notice_addresses = ["a@acme.example", "b@acme.example"]
recognise = { hosts = ["*"] }
"""


def ssh(second: int, words: str, address: str) -> str:
    """Write one line of sshd, `second` seconds after noon."""
    stamp = f"2026-03-02T12:{second // 60:02}:{second % 60:02}+00:00"
    return f"{stamp} web1 sshd[{500 + second}]: {words} from {address} port 40022 ssh2"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Twelve guesses and a success from one address, one slip from another, and a line that nothing reads."""
    lines = [ssh(second, "Failed password for root", GUESSER) for second in range(12)]
    lines += [ssh(20, "Accepted password for root", GUESSER), ssh(90, "Failed password for lan", TYPIST), "nonsense"]
    path = tmp_path / "auth.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_person_reads_the_addresses_first(log: Path) -> None:
    """Counts, then the addresses by failed attempts with what they led to, then detections and incidents."""
    result = CliRunner().invoke(app, ["replay", str(log)])
    assert 0 == result.exit_code
    first, second, _, title, heading, *rows = result.stdout.splitlines()
    assert "15 lines: 14 events, 0 known as no event, 1 unknown (6.67 %)" == first
    assert "unknown: 1 no_envelope; `credwatch parse FILE` shows which" == second
    assert ("Addresses by failed attempts", True) == (title, heading.split()[0] == "failed")
    assert ["12", "1", "2026-03-02", "12:00", "0m20s", GUESSER] == rows[0].split()[:6]
    assert "account_takeover" in rows[0]
    assert ["1", "0", "2026-03-02", "12:01", "0m00s", TYPIST] == rows[1].split()
    assert "name a settings file with --config" in result.stderr


def test_json_has_all_of_it(log: Path) -> None:
    """One object with the same facts, every address and every incident."""
    told = json.loads(CliRunner().invoke(app, ["replay", "--json", str(log)]).stdout)
    assert (15, 14, 0, 1, {"no_envelope": 1}) == tuple(
        told[name] for name in ("lines", "events", "skipped", "unparsed", "unparsed_reasons")
    )
    assert [(GUESSER, 12, 1), (TYPIST, 1, 0)] == [
        (each["address"], each["failed"], each["succeeded"]) for each in told["addresses"]
    ]
    takeover = next(each for each in told["incidents"] if each["kind"] == "account_takeover")
    assert ("root", [GUESSER]) == (takeover["subject"], takeover["addresses"])
    assert {} == told["messages"]


def test_with_settings_it_says_who_would_be_told(tmp_path: Path, log: Path) -> None:
    """The customers of a settings file get their notices on paper only."""
    settings = tmp_path / "credwatch.toml"
    settings.write_text(f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n')
    (tmp_path / "customers.toml").write_text(CUSTOMERS)
    result = CliRunner().invoke(app, ["replay", str(log), "--config", str(settings)])
    assert "1  customer_notice to a@acme.example" in result.stdout
    assert "" == result.stderr
    assert {"credwatch.toml", "customers.toml", "auth.log"} == {path.name for path in tmp_path.iterdir()}


def test_an_empty_log(tmp_path: Path) -> None:
    """Nothing in, nothing found."""
    (tmp_path / "empty.log").touch()
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "empty.log")])
    expected = "0 lines: 0 events, 0 known as no event, 0 unknown (0.00 %)\n"
    assert (0, expected, "") == (result.exit_code, result.stdout, result.stderr)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A wrong name is told with its place, and the exit code is 2."""
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "none.log")])
    assert (2, "", True) == (result.exit_code, result.stdout, "none.log" in result.stderr)


@pytest.mark.parametrize(
    ("lasting", "shown"),
    [
        (timedelta(), "0m00s"),
        (timedelta(seconds=59), "0m59s"),
        (timedelta(minutes=61), "1h01m"),
        (timedelta(hours=23, minutes=59, seconds=59), "23h59m"),
        (timedelta(days=3, hours=4), "3d04h"),
    ],
)
def test_how_long_something_lasted(lasting: timedelta, shown: str) -> None:
    """The two largest units are shown."""
    noon = datetime(2026, 3, 2, 12)
    assert shown == _span(noon, noon + lasting)
