"""`credwatch incidents moment`: what a person records starts and stops the clocks of laws."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import an_incident
from credwatch.app.regimes import regimes_of
from credwatch.app.settings import load_settings
from credwatch.cli.main import app
from credwatch.store.cases.incidents import save_incidents
from credwatch.store.cases.legal_clocks import save_clocks
from credwatch.store.database import Database
from credwatch.workflows.clocks import start

HOUR = timedelta(hours=1)
NUMBER = "CW-2026-7KQ2M4"
NOTIFICATION = ("--of", "eu-gdpr/notification")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with settings under the GDPR, and a store with one breach of noon, 20 November 2026 (UTC+7)."""
    database = Database(tmp_path / "credwatch.sqlite")
    database.migrate()
    incident = an_incident(workflows=("customer_notice",))
    with database.writing() as connection:
        save_incidents(connection, [incident])
    database.close()
    settings = f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n'
    (tmp_path / "credwatch.toml").write_text(settings + '[regimes]\nown = ["eu-gdpr"]\n')
    return tmp_path


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be a month later."""
    monkeypatch.setattr("credwatch.cli.recording.system_clock", lambda: datetime(2026, 12, 20, tzinfo=UTC))


def moment(site: Path, *arguments: str) -> tuple[int, str]:
    """Record a moment; return exit code and what was said."""
    words = ["incidents", "moment", NUMBER, *arguments, "--by", "lan", "--config", str(site / "credwatch.toml")]
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


def the_case(site: Path) -> dict:
    """Return the case as JSON values."""
    words = ["incidents", "show", NUMBER, "--json", "--config", str(site / "credwatch.toml")]
    return json.loads(CliRunner().invoke(app, words).stdout)


def clock_of(site: Path, phase: str) -> dict:
    """Return the one clock of a phase."""
    (clock,) = [clock for clock in the_case(site)["clocks"] if clock["phase"] == phase]
    return clock


def shown(site: Path) -> str:
    """Return the case as it reads."""
    return CliRunner().invoke(app, ["incidents", "show", NUMBER, "--config", str(site / "credwatch.toml")]).stdout


def test_awareness_starts_a_clock_and_a_report_meets_it(site: Path) -> None:
    """Case and timeline tell who recorded what, when it was, under which number, and what is still to come."""
    assert "eu-gdpr/notification: waits for aware, then without undue delay" in shown(site)
    aware = ("aware", "--at", "2026-11-20T14:00+07:00", "--why", "the log shows another's session")
    assert (0, f"{NUMBER}: aware recorded\n") == moment(site, *aware)
    clock = clock_of(site, "notification")
    assert ("eu-gdpr", "2026-11-23T07:00:00Z") == (clock["regime"], clock["due_at"])
    assert 12 == len(clock["regime_version"])
    sent = ("submitted", *NOTIFICATION, "--at", "2026-11-22T10:00+07:00", "--reference", "DPA-17", "--why", "web form")
    assert 0 == moment(site, *sent)[0]
    told = shown(site)
    assert "eu-gdpr/notification to The competent supervisory authority (Art. 55)" in told
    assert "met 2026-11-22 10:00:00 +07:00 (03:00:00 UTC) under DPA-17" in told
    assert "moment by lan: aware 2026-11-20 14:00:00 +07:00 (07:00:00 UTC), the log shows another's session" in told
    assert "of eu-gdpr/notification, under DPA-17, web form" in told
    # The supplement's clock starts with the report before it.
    assert "2026-11-22T03:00:00Z" == clock_of(site, "supplement")["started_at"]


def test_a_late_report_says_why(site: Path) -> None:
    """Without the reason that the law asks for it is not taken; with it, the clock keeps it."""
    moment(site, "aware", "--at", "2026-11-20T14:00+07:00", "--why", "seen")
    sent = ("submitted", *NOTIFICATION, "--at", "2026-11-24T14:00+07:00", "--why", "web form")
    code, words = moment(site, *sent)
    assert 2 == code
    assert "the reasons for the delay (Art. 33(1))" in words
    assert 0 == moment(site, *sent, "--late-reason", "the portal was down")[0]
    clock = clock_of(site, "notification")
    assert ("2026-11-24T07:00:00Z", "the portal was down") == (clock["met_at"], clock["late_reason"])


def test_an_earlier_moment_moves_the_clock_back_and_a_later_one_does_not(site: Path) -> None:
    """What was known first counts."""
    for at in ("2026-11-20T14:00+07:00", "2026-11-20T13:00+07:00", "2026-11-20T16:00+07:00"):
        moment(site, "aware", "--at", at, "--why", "seen")
    clock = clock_of(site, "notification")
    assert ("2026-11-20T06:00:00Z", "2026-11-23T06:00:00Z") == (clock["started_at"], clock["due_at"])


def test_what_stops_a_clock_is_data(site: Path) -> None:
    """Where the contract asks for the reader's word, acceptance is not enough and an acknowledgement is."""
    text = Path("config/regimes/contract-modoro-s8.toml").read_text("utf-8")
    (site / "own").mkdir()
    (site / "own" / "contract-modoro-s8.toml").write_text(text.replace('stops = "accepted"', 'stops = "acknowledged"'))
    with (site / "credwatch.toml").open("a") as file:
        file.write(f'directories = ["{site}/own"]\n')

    contract = regimes_of(load_settings(site / "credwatch.toml"))["contract-modoro-s8"]
    database = Database(site / "credwatch.sqlite")
    incident = an_incident()
    with database.writing() as connection:
        clock = start("customer_notice", NUMBER, "tanphat", incident.detected_at, HOUR, contract=contract)
        save_clocks(connection, [clock])
    database.close()
    of = ("--of", "contract-modoro-s8/customer_notice", "--at", "2026-11-20T12:30+07:00", "--why", "she called")
    moment(site, "accepted", *of)
    (clock,) = the_case(site)["clocks"]
    assert clock["met_at"] is None
    assert 0 == moment(site, "acknowledged", *of)[0]
    (clock,) = the_case(site)["clocks"]
    assert "2026-11-20T05:30:00Z" == clock["met_at"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("aware", "--at", "2027-01-01T00:00+07:00"), "is yet to come"),
        (("aware", "--at", "2026-11-19T00:00+07:00"), "it began only at 2026-11-20T04:55:00.000Z"),
        (("detected", "--at", "2026-11-20T13:00+07:00"), "nobody records when it was detected"),
        (("submitted",), "submitted is a moment of one report"),
        (("submitted", "--of", "eu-gdpr/other"), "eu-gdpr/other is not owed"),
        (("submitted", "--of", "eu-gdpr"), "expected a regime and its phase"),
        (("noticed",), "noticed"),
        (("aware", "--at", "2026-11-20T13:00"), "does not match the format"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(site: Path, arguments: tuple[str, ...], words: str) -> None:
    """It is said why, and nothing is recorded."""
    code, told = moment(site, *arguments, "--why", "so")
    assert 2 == code
    assert words in " ".join(told.replace("│", " ").split())
    assert [] == the_case(site)["entries"]


def test_an_unknown_number_is_told(site: Path) -> None:
    """As everywhere."""
    words = ["incidents", "moment", "CW-2026-NOBODY", "aware", "--why", "x", "--config", str(site / "credwatch.toml")]
    assert 1 == CliRunner().invoke(app, words).exit_code
