"""The closing update says what came of the incident, in both languages."""

from __future__ import annotations

import tomllib

import pytest

from builders_outbox import NOON, TEMPLATES, a_change, an_incident, some_facts
from credwatch.kernel.incident import ChangeKind, Resolution
from credwatch.kernel.resources import shipped
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Role

WORDS = tomllib.loads((shipped("config") / "templates" / "words.toml").read_text(encoding="utf-8"))
STEPS = ("Việc Quý Khách hàng cần hoàn tất".upper(), "WHAT REMAINS TO BE DONE")


def _update(role: Role, workflow: str, outcome: Resolution | None) -> str:
    incident = an_incident(workflows=(workflow,), outcome=outcome)
    command = react(a_change(kind=ChangeKind.CLOSED, incident=incident), some_facts(role=role), NOON).commands[0]
    return " ".join(TEMPLATES.render(command).text.split())


@pytest.mark.parametrize("outcome", Resolution)
@pytest.mark.parametrize(("role", "workflow"), [(Role.PROVIDER, "customer_notice"), (Role.CUSTOMER, "breach_report")])
def test_each_outcome_has_its_sentence(role: Role, workflow: str, outcome: Resolution) -> None:
    """The sentence of the outcome stands in each half, and no other's."""
    text = _update(role, workflow, outcome)
    for language in ("vi", "en"):
        told = [name for name, words in WORDS[language]["outcome"].items() if words in text]
        assert [outcome.value] == told


@pytest.mark.parametrize("outcome", [None, *Resolution])
def test_nothing_is_asked_of_a_reader_without_need(outcome: Resolution | None) -> None:
    """After a false alarm or an authorised act the update has no list of what to do."""
    text = _update(Role.PROVIDER, "customer_notice", outcome)
    asks = outcome not in (Resolution.FALSE_ALARM, Resolution.AUTHORISED)
    assert [asks, asks] == [words in text for words in STEPS]
