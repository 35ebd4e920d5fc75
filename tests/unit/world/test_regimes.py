"""Regimes are data: what a file may say, and what is refused with a reason."""

from __future__ import annotations

import pytest

from credwatch.app.regimes import shipped_regimes
from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.resources import shipped
from credwatch.world.regimes import read_regime

LAW = """
id = "law"
name = "A law"
texts = ["Art. 1"]
in_force = true
source = "here"
checked_on = 2026-11-27
certainty = "primary"
zone = "Asia/Ho_Chi_Minh"
country = "VN"
"""
PHASE = """
[[phase]]
id = "report"
step = "initial"
addressee = "The authority"
toward = "authority"
starts = "detected"
wording = "at once"
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAW + PHASE, "give within where a number is named"),
        (LAW + PHASE + "within = { hours = 1 }\nmeasure = { hours = 1 }", "the time stands twice"),
        (LAW + PHASE + "within = { hours = 1, months = 1 }", "name one unit"),
        (LAW + PHASE + "within = { weeks = 1 }", "unknown key 'weeks'"),
        (LAW + PHASE + 'within = { hours = 1 }\nafter = "other"', "has no moment of that name"),
        (LAW + PHASE + 'within = { hours = 1 }\nsupersedes = "other"', "names 'other'"),
        (LAW + PHASE + "within = { hours = 1 }" + PHASE + "within = { hours = 2 }", "two phases are called 'report'"),
        (LAW.replace("Ho_Chi_Minh", "Saigon_City") + PHASE + "within = { hours = 1 }", "unknown time zone"),
        (LAW, "phase"),
    ],
)
def test_what_cannot_be_counted_is_refused(text: str, words: str) -> None:
    """The file is named, and what is wrong with it."""
    with pytest.raises(ProblemsFound, match=r"law\.toml") as error:
        read_regime(text, "law.toml")
    assert words in str(error.value)


def test_the_version_follows_from_all_that_is_said() -> None:
    """The same text has the same version, and another time another."""
    one, two = (read_regime(LAW + PHASE + f"within = {{ hours = {hours} }}", "law.toml") for hours in (24, 25))
    again = read_regime(LAW + PHASE + "within = { hours = 24 }", "elsewhere.toml")
    assert one.version == again.version != two.version


@pytest.mark.parametrize("regime", shipped_regimes().values(), ids=lambda regime: regime.id)
def test_a_shipped_regime_says_where_it_is_from(regime) -> None:
    """Its source, the day of its check, the words of each time, and what a report must hold."""
    assert (shipped("config") / "regimes" / f"{regime.id}.toml").is_file()
    assert regime.source
    assert all(phase.wording for phase in regime.phase)
    first = [phase for phase in regime.phase if phase.step == "initial"]
    assert all(phase.contents for phase in first)
