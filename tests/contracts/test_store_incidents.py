"""Detections and incidents come back from the store as they went in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from msgspec.structs import replace

from builders_outbox import NOON, a_detection, an_incident
from credwatch.detect.episodes.conclusions import Episodic
from credwatch.detect.episodes.episodes import EPISODE
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import Status, Transition
from credwatch.store.cases import incidents
from credwatch.store.cases.case_list import list_incidents, open_by_kind
from credwatch.store.database import Database
from credwatch.store.moments import to_micros
from unit.detect.watched import a_rule

NONE = np.empty(0, EPISODE)


def an_episode(serial: int = 1, **columns: int) -> np.ndarray[Any, Any]:
    """Build an episode that opened at noon and has the largest hash there is."""
    table = np.zeros(1, EPISODE)
    given = {"key": 2**64 - 1, "group": 7, "opened": to_micros(NOON), "last": to_micros(NOON), "count": 8}
    for name, value in {"serial": serial, **given, **columns}.items():
        table[name] = value
    return table


def opened(*episodes: np.ndarray[Any, Any], rule: str = "rule-1") -> Episodic:
    """Say that episodes of a rule have opened."""
    return Episodic(a_rule(rule), np.concatenate(episodes), NONE, NONE)


def test_a_detection_comes_back_whole(database: Database) -> None:
    """Every field survives, with its present count and latest event beside it."""
    later = NOON + timedelta(seconds=1.5)
    with database.writing() as connection:
        incidents.save_episodes(connection, [opened(an_episode())])
        incidents.add_detections(connection, [(a_detection(), "CW-1")], NOON, NOON)
        now = an_episode(last=to_micros(later), count=12)
        incidents.save_episodes(connection, [Episodic(a_rule("rule-1"), NONE, now, NONE)])
        stored = a_detection(recorded_at=NOON, detected_at=NOON)
        assert [(stored, 12, later)] == incidents.detections_of(connection, "CW-1")
        assert [] == incidents.detections_of(connection, "CW-2")


def test_a_known_detection_is_left_alone(database: Database) -> None:
    """What is stored again under the same id changes nothing."""
    with database.writing() as connection:
        incidents.save_episodes(connection, [opened(an_episode(1), an_episode(2))])
        incidents.add_detections(connection, [(a_detection(), "CW-1")], NOON, NOON)
        incidents.add_detections(connection, [(a_detection(serial=2, count=99), "CW-2")], NOON, NOON)
        assert [8] == [each.count for each, _, _ in incidents.detections_of(connection, "CW-1")]
        assert [] == incidents.detections_of(connection, "CW-2")


def test_episodes_that_may_go_on_are_kept(database: Database) -> None:
    """Open ones, and closed ones that ended after the moment, come back for the engine; withdrawn ones do not."""
    at = to_micros(NOON)
    ended, old = an_episode(2, closed=1), an_episode(3, closed=1, last=at - 3_600_000_000)
    with database.writing() as connection:
        assert 1 == incidents.next_serial(connection)
        incidents.save_episodes(connection, [opened(an_episode(1), ended, old, an_episode(4))])
        incidents.save_episodes(connection, [Episodic(a_rule("rule-1"), NONE, NONE, an_episode(4))])
        kept = incidents.episodes_kept(connection, since_us=at - 1)
        assert 5 == incidents.next_serial(connection)
    assert sorted(kept) == [
        ("rule-1", (1, -1, 7, at, at, 8, 0, 0, 0, False)),
        ("rule-1", (2, -1, 7, at, at, 8, 0, 0, 0, True)),
    ]


def test_the_incidents_of_episodes(database: Database) -> None:
    """The number of an episode leads to its detection's id and incident; one without an incident to nothing."""
    incident = an_incident()
    with database.writing() as connection:
        incidents.save_incidents(connection, [incident])
        incidents.add_detections(
            connection, [(a_detection(), incident.number), (a_detection(id="d-2", serial=2), "")], NOON, NOON
        )
        assert {1: ("d-1", incident)} == incidents.incidents_of(connection, [1, 2, 3])


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
        assert {"account_takeover": 2, "brute_force": 1} == open_by_kind(connection)
        assert ["CW-3", "CW-2026-7KQ2M4", "CW-2"] == [
            each.number for each in list_incidents(connection, only_open=True)
        ]


def test_more_keys_than_one_question_takes(database: Database) -> None:
    """Any number of keys is asked for at once."""
    many = [an_incident(number=f"CW-{n}", subject=f"user{n}") for n in range(1201)]
    with database.writing() as connection:
        incidents.save_incidents(connection, many)
        keys = [(each.kind, each.organization, each.subject) for each in many]
        assert len(many) == len(incidents.open_incidents(connection, keys))
