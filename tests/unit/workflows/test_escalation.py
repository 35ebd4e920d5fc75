"""What operators are called for names the way to whoever must be told."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, TEMPLATES, some_facts
from credwatch.kernel.command import Command
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts, Role

NUMBER = "+84 28 5550 0100"


def _facts(phone: str) -> Facts:
    facts = some_facts()
    reader = replace(facts.recipients["tanphat"], phone=phone)
    assert facts.vendor is not None
    return replace(facts, recipients={"tanphat": reader}, vendor=replace(facts.vendor, phone=phone))


def _late(duty: str, facts: Facts) -> Command:
    values = {"organization": "tanphat", "started_at": "", "due_at": ""}
    return escalate(facts, NOON, EscalationReason.CLOCK_RAN_OUT, duty=duty, incident="CW-2026-7KQ2M4", **values)[0]


@pytest.mark.parametrize(("role", "duty"), [(Role.PROVIDER, "customer_notice"), (Role.CUSTOMER, "breach_report")])
def test_whoever_must_be_told_can_be_called(role: Role, duty: str) -> None:
    """A duty that ran out names the reader's telephone number as the register has it, in both languages."""
    text = TEMPLATES.render(_late(duty, replace(_facts(NUMBER), role=role))).text
    assert f"* Telephone of the reader: {NUMBER}" in text
    assert f"* Điện thoại bên nhận: {NUMBER}" in text


@pytest.mark.parametrize(("role", "duty"), [(Role.PROVIDER, "customer_notice"), (Role.CUSTOMER, "breach_report")])
def test_no_number_is_named_that_nobody_has(role: Role, duty: str) -> None:
    """Without one in the register the row is not there."""
    text = TEMPLATES.render(_late(duty, replace(_facts(""), role=role))).text
    assert "Telephone of the reader" not in text
    assert "Điện thoại bên nhận" not in text
