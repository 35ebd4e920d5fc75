"""Detections become incidents: one for each kind, customer and subject while it is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders_outbox import a_detection
from credwatch.incidents.grouping import Ending, Grouping, ended, grouped, key_of
from credwatch.kernel.detection import Consequence, Detection, Level
from credwatch.kernel.incident import ChangeKind, Incident, Status
from credwatch.kernel.moment import Discovery

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


LATER = NOON + timedelta(hours=1)
DISCOVERY = Discovery(LATER, LATER + timedelta(seconds=1), timedelta(hours=6))


def at_minute(number: int = 1, **changes: Any) -> Detection:
    """Build a detection of a takeover of lan's account at acme, `number` minutes after noon."""
    at = NOON + timedelta(minutes=number)
    return a_detection(
        **{
            "id": f"detection-{number}",
            "rule_id": "rule-1",
            "organization": "acme",
            "organizations": ("acme",),
            "subject": "lan",
            "accounts": ("lan",),
            "occurred_first": at - timedelta(minutes=5),
            "opened_at": at,
            "lines": (f"line {number}",),
            **changes,
        }
    )


def the_incident(*detections: Detection) -> Incident:
    """Return the one incident that these detections lead to."""
    return grouped(detections, {}, DISCOVERY).changes[-1].incident


def test_the_first_detection_opens_an_incident() -> None:
    """It begins with the first event, is dated by when it was read and found, and starts the rule's workflows."""
    (change,) = grouped([at_minute()], {}, DISCOVERY).changes
    incident = change.incident
    assert (ChangeKind.OPENED, ("customer_notice",)) == (change.kind, change.started)
    assert ("account_takeover", "acme", "lan", Status.NEW) == (
        incident.kind,
        incident.organization,
        incident.subject,
        incident.status,
    )
    assert (NOON - timedelta(minutes=4), NOON + timedelta(minutes=1)) == (
        incident.occurred_first,
        incident.occurred_last,
    )
    assert (LATER, LATER + timedelta(seconds=1)) == (incident.recorded_at, incident.detected_at)
    assert ["rule-1"] == [transition.by for transition in incident.transitions]


def test_the_number_follows_from_the_cause() -> None:
    """The same detection gives the same number on every run; another subject or moment gives another."""
    numbers = [
        the_incident(each).number
        for each in (
            at_minute(),
            at_minute(),
            at_minute(2),
            at_minute(subject="mai"),
            at_minute(organization=""),
        )
    ]
    assert numbers[0] == numbers[1]
    assert 4 == len(set(numbers))
    assert numbers[0].startswith("CW-2026-")


def test_more_evidence_updates_the_open_incident() -> None:
    """A second detection widens accounts, addresses, time and level, and starts only what had not begun."""
    more = at_minute(
        2,
        level=Level.CRITICAL,
        title="Worse",
        rule_id="rule-2",
        accounts=("mai",),
        addresses=("192.0.2.1",),
        consequence=Consequence("account_takeover", workflows=("customer_notice", "breach_report")),
    )
    first, second = grouped([at_minute(), more], {}, DISCOVERY).changes
    assert (ChangeKind.UPDATED, ("breach_report",)) == (second.kind, second.started)
    incident = second.incident
    assert first.incident.number == incident.number
    assert (Level.CRITICAL, "Worse") == (incident.level, incident.title)
    assert (("lan", "mai"), ("192.0.2.1", "203.0.113.7")) == (incident.accounts, incident.addresses)
    assert (NOON - timedelta(minutes=4), NOON + timedelta(minutes=2)) == (
        incident.occurred_first,
        incident.occurred_last,
    )
    assert (("detection-1", "detection-2"), ("rule-1", "rule-2")) == (incident.detections, incident.rules)
    assert first.incident.detected_at == incident.detected_at


def test_an_open_incident_of_the_store_is_joined() -> None:
    """What was opened in an earlier batch goes on."""
    known = the_incident(at_minute())
    (change,) = grouped([at_minute(2)], {key_of(at_minute()): known}, DISCOVERY).changes
    assert known.number == change.incident.number


def test_evidence_without_a_workflow_is_told_once() -> None:
    """The incident is told of when it opens and as it is at the end, and every detection belongs to it."""
    attack = Consequence("brute_force")
    grouping = grouped([at_minute(number, consequence=attack) for number in range(3)], {}, DISCOVERY)
    opened, updated = grouping.changes
    assert (ChangeKind.OPENED, ChangeKind.UPDATED) == (opened.kind, updated.kind)
    assert ("detection-0", "detection-1", "detection-2") == updated.incident.detections
    assert (updated.incident.number,) * 3 == grouping.numbers


def test_what_joins_in_one_batch_is_what_joins_in_several() -> None:
    """However detections fall into batches, the incident comes to the same."""
    attack = Consequence("brute_force")
    found = [at_minute(number, accounts=(f"user{number}",), consequence=attack) for number in range(4)]
    incident = the_incident(*found[:2])
    (change,) = grouped(found[2:], {key_of(found[0]): incident}, DISCOVERY).changes
    assert the_incident(*found) == change.incident


def test_a_rule_without_consequence_opens_nothing() -> None:
    """A detection whose rule names no kind of incident changes none."""
    assert Grouping((), ("",), ((),)) == grouped([at_minute(consequence=Consequence(""))], {}, DISCOVERY)


def test_without_a_subject_the_group_tells_incidents_apart() -> None:
    """Two groups without subject are two incidents, named by their group."""
    found = [at_minute(subject=""), at_minute(subject="", group=(("source.ip", "192.0.2.1"),))]
    changes = grouped(found, {}, DISCOVERY).changes
    assert ["203.0.113.7", "192.0.2.1"] == [change.incident.subject for change in changes]


def test_without_subject_and_group_the_accounts_tell_incidents_apart() -> None:
    """A line of syslog that names no host makes no incident about nothing."""
    nowhere = {"subject": "", "group": (("host.name", ""),)}
    found = [
        at_minute(**nowhere, accounts=("root",)),
        at_minute(**nowhere, accounts=(), addresses=("192.0.2.5",)),
    ]
    assert ["root", "192.0.2.5"] == [change.incident.subject for change in grouped(found, {}, DISCOVERY).changes]


@pytest.mark.parametrize(("field", "limit"), [("accounts", 500), ("detections", 500), ("lines", 10)])
def test_lists_are_bounded(field: str, limit: int) -> None:
    """A storm of detections cannot make an incident grow without end."""
    storm = [at_minute(number, accounts=(f"user{number:04}",)) for number in range(600)]
    assert limit == len(getattr(the_incident(*storm), field))


def test_an_act_that_is_over_closes_its_incident() -> None:
    """A disclosure is closed with its detection, by the rule, when that is found; a problem stays open."""
    disclosure, end = Consequence("authorised_disclosure"), DISCOVERY.detected_at
    for consequence, closes in ((disclosure, True), (Consequence("account_takeover"), False)):
        incident = the_incident(at_minute(consequence=consequence))
        changes = ended([Ending("detection-1", "rule-1", incident)], DISCOVERY)
        expected = [(ChangeKind.CLOSED, Status.CLOSED, end)] if closes else []
        assert expected == [(c.kind, c.incident.status, c.incident.transitions[-1].at) for c in changes]


def test_an_incident_that_is_closed_stays_as_it_is() -> None:
    """An operator who was faster is not overruled."""
    incident = the_incident(at_minute(consequence=Consequence("authorised_disclosure")))
    assert () == ended([Ending("detection-1", "rule-1", replace(incident, status=Status.CLOSED))], DISCOVERY)


def test_an_earlier_detection_does_not_close_the_incident() -> None:
    """Only the end of the latest detection is the end of the act."""
    consequence = Consequence("authorised_disclosure")
    incident = the_incident(at_minute(consequence=consequence), at_minute(2, consequence=consequence))
    assert () == ended([Ending("detection-1", "rule-1", incident)], DISCOVERY)
