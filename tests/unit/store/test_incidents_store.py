"""Detections and incidents come back from the store as they went in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from builders_outbox import NOON, an_incident
from credwatch.detect.found import Serving
from credwatch.kernel.detection import Consequence, Detection, DetectionUpdate, Level
from credwatch.kernel.incident import Status, Transition
from credwatch.store import incidents
from credwatch.store.database import Database
from credwatch.store.moments import to_micros


def a_detection(id_: str = "d-1", **changes: Any) -> Detection:
    """Build a detection that opened at noon."""
    detection = Detection(
        id=id_,
        rule_id="rule-1",
        title="Dò mật khẩu",
        level=Level.HIGH,
        consequence=Consequence("account_takeover", workflows=("customer_notice",)),
        group=(("source.ip", "203.0.113.7"),),
        organization="tanphat",
        subject="lan",
        occurred_first=NOON,
        opened_at=NOON,
        count=8,
        accounts=("lan",),
        details=(("event.action", "login"),),
        group_key=-(2**63),
        sequence=41,
    )
    return replace(detection, **changes)


def test_a_detection_comes_back_whole(database: Database) -> None:
    """Every field survives, with its present count and latest event beside it."""
    later = NOON + timedelta(seconds=1.5)
    with database.writing() as connection:
        incidents.add_detections(connection, [(a_detection(), "CW-1")])
        incidents.update_detections(connection, [DetectionUpdate("d-1", "rule-1", later, 12)])
        assert [(a_detection(), 12, later)] == incidents.detections_of(connection, "CW-1")
        assert [] == incidents.detections_of(connection, "CW-2")


def test_a_known_detection_is_left_alone(database: Database) -> None:
    """What is stored again under the same id changes nothing."""
    with database.writing() as connection:
        incidents.add_detections(connection, [(a_detection(), "CW-1")])
        incidents.add_detections(connection, [(a_detection(count=99), "CW-2")])
        assert [8] == [count for _, count, _ in incidents.detections_of(connection, "CW-1")]


def test_episodes_that_may_go_on_are_kept(database: Database) -> None:
    """Open ones, and closed ones that ended after the moment, come back for the engine; detections or not."""
    at = to_micros(NOON)
    with database.writing() as connection:
        incidents.add_detections(connection, [(a_detection(id_), "") for id_ in ("open", "ended", "old")])
        ends = {"ended": NOON, "old": NOON - timedelta(hours=1)}
        incidents.update_detections(
            connection, [DetectionUpdate(id_, "rule-1", end, 8, closed=True) for id_, end in ends.items()]
        )
        incidents.add_serving(connection, [Serving("rule-2", "serving", 7, at, 42, at, 3)])
        kept = incidents.episodes_kept(connection, since_us=at - 1)
    assert sorted(kept) == [
        ("rule-1", "ended", -(2**63), at, 41, at, 8, True),
        ("rule-1", "open", -(2**63), at, 41, at, 8, False),
        ("rule-2", "serving", 7, at, 42, at, 3, False),
    ]


def test_an_incident_comes_back_whole_and_as_it_is_now(database: Database) -> None:
    """Saving it again replaces it; of several states in one batch the last counts."""
    first = an_incident(transitions=(Transition(NOON, Status.NEW, "rule-1", "opened"),))
    second, third = replace(first, accounts=("a",)), replace(first, status=Status.CLOSED, level=Level.CRITICAL)
    with database.writing() as connection:
        incidents.save_incidents(connection, [first])
        assert first == incidents.incident(connection, first.number)
        incidents.save_incidents(connection, [second, third])
        assert third == incidents.incident(connection, first.number)
        assert None is incidents.incident(connection, "CW-0")


def test_open_incidents_are_found_by_their_key(database: Database) -> None:
    """Kind, customer and subject must all be equal, and closed incidents are not open."""
    here = an_incident()
    others = [
        an_incident(number="CW-2", kind="brute_force"),
        an_incident(number="CW-3", organization="acme"),
        an_incident(number="CW-4", subject="mai", status=Status.CLOSED),
    ]
    keys = [(here.kind, here.organization, here.subject), (here.kind, here.organization, "mai")]
    with database.writing() as connection:
        incidents.save_incidents(connection, [here, *others])
        assert {keys[0]: here} == incidents.open_incidents(connection, keys)
        assert {"account_takeover": 2, "brute_force": 1} == incidents.open_by_kind(connection)
        assert ["CW-2", "CW-2026-7KQ2M4", "CW-3"] == [
            each.number for each in incidents.list_incidents(connection, only_open=True)
        ]


def test_more_keys_than_one_question_takes(database: Database) -> None:
    """Any number of keys is asked for at once."""
    many = [an_incident(number=f"CW-{n}", subject=f"user{n}") for n in range(1201)]
    with database.writing() as connection:
        incidents.save_incidents(connection, many)
        keys = [(each.kind, each.organization, each.subject) for each in many]
        assert len(many) == len(incidents.open_incidents(connection, keys))


def test_incidents_of_detections_are_found_by_kind(database: Database) -> None:
    """Of the detections asked for, those count whose incident is of the kinds."""
    act, problem = an_incident(number="CW-1", kind="authorised_disclosure"), an_incident(number="CW-2")
    with database.writing() as connection:
        incidents.save_incidents(connection, [act, problem])
        incidents.add_detections(connection, [(a_detection("a"), "CW-1"), (a_detection("b"), "CW-2")])
        assert {"a": act} == incidents.incidents_of(connection, ["a", "b", "c"], ["authorised_disclosure"])
