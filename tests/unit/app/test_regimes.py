"""Which laws apply: names in settings and registers, folders of one's own, and contradictions that are said."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from credwatch.app.build import sound_facts
from credwatch.app.regimes import regime_doubts, regimes_of
from credwatch.app.settings import Settings
from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.options import read_toml
from credwatch.kernel.resources import shipped

TODAY = date(2026, 11, 27)


def settings(text: str, folder: Path) -> Settings:
    """Read settings whose registers lie in a folder."""
    return read_toml(text + f'\n[daemon]\nregisters_directory = "{folder}"\n', Settings, where="credwatch.toml")


def facts_of(chosen: Settings):
    """Build the facts."""
    return sound_facts(chosen)


def doubts(chosen: Settings, today: date = TODAY) -> str:
    """Return what check says of the regimes."""
    return "\n".join(str(problem) for problem in regime_doubts(chosen, facts_of(chosen), today))


def test_without_a_word_only_the_contract_applies(tmp_path: Path) -> None:
    """Laws are the operator's choice."""
    facts = facts_of(settings("", tmp_path))
    assert ("contract-modoro-s8", {}) == (facts.contract.id, facts.regimes)


def test_laws_of_the_operator_and_of_a_customer(tmp_path: Path) -> None:
    """The one are named in the settings, the others in the register."""
    (tmp_path / "customers.toml").write_text(
        '[[customer]]\nid = "acme"\nname = "Acme"\nnotice_addresses = ["a@acme.example", "b@acme.example"]\n'
        'regimes = ["eu-gdpr"]\n'
    )
    facts = facts_of(settings('[regimes]\nown = ["vn-personal-data", "vn-cyber"]', tmp_path))
    names = {who: [regime.id for regime in regimes] for who, regimes in facts.regimes.items()}
    assert {"": ["vn-personal-data", "vn-cyber"], "acme": ["eu-gdpr"]} == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[regimes]\nown = ["vn-personal"]', "regimes.own: no regime 'vn-personal' is known"),
        ('[regimes]\nown = ["vn-personal"]', "did you mean 'vn-personal-data'"),
        ('[regimes]\ncontract = "our-contract"', "regimes.contract: no regime 'our-contract' is known"),
    ],
)
def test_an_unknown_name_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """With its place, and the nearest name."""
    with pytest.raises(ProblemsFound) as error:
        facts_of(settings(text, tmp_path))
    assert words in str(error.value)


def test_a_file_of_ones_own_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    """The operator's lawyer may know better."""
    text = (shipped("config") / "regimes" / "vn-cyber.toml").read_text("utf-8")
    (tmp_path / "vn-cyber.toml").write_text(text.replace("within = { hours = 24 }", "within = { hours = 12 }"))
    regimes = regimes_of(settings(f'[regimes]\ndirectories = ["{tmp_path}"]', tmp_path))
    assert [12] == [phase.limit.hours for phase in regimes["vn-cyber"].phase if phase.id == "initial"]


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    """Nothing begins with a law that cannot be counted."""
    (tmp_path / "mine.toml").write_text('id = "mine"')
    with pytest.raises(ProblemsFound, match=r"mine\.toml"):
        facts_of(settings(f'[regimes]\ndirectories = ["{tmp_path}"]', tmp_path))


def test_a_country_without_a_calendar_counts_no_working_days(tmp_path: Path) -> None:
    """It is said when the file is read, and not when the clock should start."""
    text = (shipped("config") / "regimes" / "vn-cyber.toml").read_text("utf-8")
    text = text.replace('country = "VN"', 'country = "XX"').replace("{ hours = 24 }", "{ working_days = 1 }")
    (tmp_path / "vn-cyber.toml").write_text(text)
    with pytest.raises(ProblemsFound, match="no calendar of 'XX'"):
        facts_of(settings(f'[regimes]\ndirectories = ["{tmp_path}"]', tmp_path))


def test_a_contradiction_is_said(tmp_path: Path) -> None:
    """Two laws with two addressees, and a policy that knows neither of them nor a file that outlives the service."""
    told = doubts(settings('[regimes]\nown = ["vn-personal-data", "vn-cyber"]', tmp_path))
    assert "vn-personal-data and vn-cyber do not agree: both count 72 hours" in told
    assert "contract-modoro-s8 and vn-personal-data, vn-cyber do not agree: Sections 1 and 9" in told
    assert "Section 4 of the policy keeps personal data only while the service is used" in told
    assert "" == doubts(settings("", tmp_path))


def test_what_is_not_in_force_or_old_is_doubted(tmp_path: Path) -> None:
    """A proposal, a law that begins later, a check of long ago, a file that is deleted too early."""
    assert "eu-omnibus is not in force" in doubts(settings('[regimes]\nown = ["eu-omnibus"]', tmp_path))
    chosen = settings('[regimes]\nown = ["vn-cyber"]', tmp_path)
    assert "not in force" not in doubts(chosen)
    assert "vn-cyber is not in force" in doubts(chosen, date(2026, 8, 1))
    assert "vn-cyber was last checked on 2026-09-28" in doubts(chosen, TODAY + timedelta(days=366))
    assert "read in texts about the law" in doubts(chosen)
    short = settings('[regimes]\nown = ["vn-personal-data"]\n[retention]\nnotified_incidents = "1827d"', tmp_path)
    assert "asks to keep" not in doubts(short)


def test_holidays_of_ones_own_are_read(tmp_path: Path) -> None:
    """holidays.toml is a register like the others, with its mistakes named."""
    (tmp_path / "holidays.toml").write_text('[[day]]\ndate = 2026-11-30\nworks = false\nwhy = "Decision 1/2026"\n')
    assert not facts_of(settings("", tmp_path)).calendar.works(date(2026, 11, 30), "VN")
    (tmp_path / "holidays.toml").write_text('[[day]]\ndate = "soon"\nworks = false\nwhy = "x"\n')
    with pytest.raises(ProblemsFound, match=r"holidays\.toml"):
        facts_of(settings("", tmp_path))
