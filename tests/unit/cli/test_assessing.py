"""`credwatch incidents assess`: a report is owed because one person says so, and is not because two do."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import NOON
from credwatch.cli.main import app
from unit.cli.breach_site import NUMBER, a_breach_site

LAWS = ("vn-personal-data", "sg-pdpa")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with settings under two laws, and a store with one breach whose clock runs."""
    return a_breach_site(tmp_path, LAWS)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be the next day."""
    monkeypatch.setattr("credwatch.cli.recording.system_clock", lambda: NOON + timedelta(days=1))


def assess(site: Path, who: str, verdict: str, about: str = "vn-personal-data", why: str = "so") -> tuple[int, str]:
    """Decide as somebody; return exit code and what was said."""
    words = ["incidents", "assess", NUMBER, about, verdict, "--why", why, "--by", who]
    result = CliRunner().invoke(app, [*words, "--config", str(site / "credwatch.toml")])
    return result.exit_code, result.output


def the_case(site: Path) -> dict:
    """Return the case as JSON values."""
    words = ["incidents", "show", NUMBER, "--json", "--config", str(site / "credwatch.toml")]
    return json.loads(CliRunner().invoke(app, words).stdout)


def waived(site: Path) -> set[str]:
    """Name the regimes one of whose clocks was ended by a decision."""
    return {clock["regime"] for clock in the_case(site)["clocks"] if clock["waived_at"]}


def test_a_refusal_to_notify_takes_two(site: Path) -> None:
    """The first proposes, says it again in vain, and the second ends the clocks; both stand in the case."""
    code, words = assess(site, "lan", "not-notifiable", why="no harm: a drill")
    assert (0, True) == (code, "not-notifiable, proposed" in words)
    assert "proposed" in assess(site, "LAN", "not-notifiable")[1]
    assert set() == waived(site)
    assert (0, f"{NUMBER}: vn-personal-data not-notifiable\n") == assess(site, "ba", "not-notifiable")
    assert {"vn-personal-data"} == waived(site)
    shown = CliRunner().invoke(app, ["incidents", "show", NUMBER, "--config", str(site / "credwatch.toml")]).stdout
    assert "assessed by lan: vn-personal-data, not notifiable, proposed, no harm: a drill" in shown
    assert "assessed by ba: vn-personal-data, not notifiable, as LAN proposed, so" in shown


def test_that_it_is_owed_one_says(site: Path) -> None:
    """It takes a proposal back, and lets an ended clock run on from its old start."""
    assess(site, "lan", "not-notifiable")
    assess(site, "mai", "notifiable")
    assert "proposed" in assess(site, "ba", "not-notifiable")[1]
    assess(site, "lan", "not-notifiable")
    assert {"vn-personal-data"} == waived(site)
    assess(site, "mai", "notifiable")
    assert set() == waived(site)
    assert {"2026-11-20T05:00:00Z"} == {clock["started_at"] for clock in the_case(site)["clocks"]}


def test_the_assessment_starts_what_waits_for_it(site: Path) -> None:
    """Singapore counts from the assessment as notifiable, by that law and by no other."""
    assess(site, "lan", "notifiable")
    assert "sg-pdpa" not in {clock["regime"] for clock in the_case(site)["clocks"]}
    assess(site, "lan", "notifiable", "sg-pdpa")
    phases = {clock["phase"] for clock in the_case(site)["clocks"] if clock["regime"] == "sg-pdpa"}
    assert {"notification", "persons"} == phases


@pytest.mark.parametrize(
    ("about", "why", "words"),
    [
        ("eu-gdpr", "so", "eu-gdpr does not apply"),
        ("vn-personal-data/other", "so", "vn-personal-data/other does not apply"),
        ("vn-personal-data", " ", "a reason is missing"),
    ],
)
def test_a_decision_without_ground_is_refused(site: Path, about: str, why: str, words: str) -> None:
    """It names what applies, and nothing is recorded."""
    code, told = assess(site, "lan", "not-notifiable", about, why)
    assert (2, True) == (code, words in told)
    assert [] == the_case(site)["entries"]
