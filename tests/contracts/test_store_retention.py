"""The store forgets what is over, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from pydantic import ValidationError
from sqlalchemy import Connection

from builders_outbox import NOON, a_command, an_incident
from credwatch.kernel.command import CommandKind, LegalClock
from credwatch.kernel.incident import Status, Transition
from credwatch.kernel.receipt import Delivered
from credwatch.kernel.silence import Silence
from credwatch.store import outbox, receipts, retention
from credwatch.store.cases import incidents, legal_clocks, silences
from credwatch.store.commands import WAITING, commands
from credwatch.store.database import Database
from credwatch.store.gate import past_passwords
from credwatch.store.moments import to_micros
from credwatch.store.options import RetentionOptions
from credwatch.store.state import progress
from credwatch.telemetry.label_values import RETENTION_KINDS

DELIVERED = Delivered(at=NOON, reply="250 ok")
LATER = NOON + timedelta(days=1)
NUMBER = an_incident().number
EVERY = tuple(RetentionOptions.model_fields)
CLOSED = an_incident(status=Status.CLOSED, transitions=(Transition(NOON, Status.CLOSED, "lan", "done"),))

CLOSED_LATE = replace(CLOSED, transitions=(replace(CLOSED.transitions[0], at=LATER + timedelta(hours=1)),))


def sweep(database: Database, kinds: tuple[str, ...] = EVERY) -> int:
    """Delete all that was over by the day after noon."""
    return sum(retention.delete_batch(database, kind, LATER) for kind in kinds for _ in range(3))


def count(database: Database, table: str) -> int:
    """Count the rows of a table."""
    with database.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def a_notified_incident(connection: Connection) -> None:
    """Store a closed incident whose notice was delivered."""
    incidents.save_incidents(connection, [CLOSED])
    clock = LegalClock("clock-1", "customer_notice", NUMBER, "tanphat", NOON, NOON + timedelta(minutes=15))
    legal_clocks.save_clocks(connection, [clock])
    outbox.queue(connection, [a_command(1)])
    receipts.settle(connection, a_command(1).id, DELIVERED, NOON, None)
    an_episode(connection, 1, NUMBER)
    an_episode(connection, 9, "")


def an_episode(connection: Connection, serial: int, incident: str, *, closed: bool = True) -> None:
    """Store an episode that ended at noon, with its detection."""
    at = to_micros(NOON)
    numbers = dict.fromkeys(("group_key", "group", "count", "user", "address", "organization"), 1)
    episode = {"serial": serial, "rule_id": "rule-1", "opened": at, "last": at, "closed": closed, **numbers}
    connection.execute(incidents.episodes.insert().values(episode))
    detection = {"serial": serial, "id": f"d-{serial}", "rule_id": "rule-1", "incident": incident, "opened": at}
    connection.execute(incidents.detections.insert().values(detection | {"document": "{}"}))


def test_a_closed_incident_goes_with_all_that_belongs_to_it(database: Database) -> None:
    """Its messages, receipts, clocks, detections and episodes go too; the newest episode stays for its number."""
    with database.writing() as connection:
        a_notified_incident(connection)
        connection.execute(commands.update().values(state="queued"))
    store = outbox.OutboxStore(database)
    assert store.begin(a_command(1).id, NOON)
    store.settle(a_command(1).id, DELIVERED, NOON, None)
    assert sweep(database, ("incidents",)) == 0
    assert sweep(database, ("notified_incidents",)) == 6
    tables = ("incidents", "legal_clocks", "commands", "receipts")
    assert [count(database, table) for table in tables] == [0, 0, 0, 0]
    assert [count(database, table) for table in ("detections", "episodes")] == [1, 1]


STAYS: dict[str, Callable[[Connection], object]] = {
    "open": lambda connection: incidents.save_incidents(connection, [an_incident(status=Status.NEW)]),
    "held": lambda connection: connection.execute(incidents.incidents.update().values(held=True)),
    "clock runs": lambda connection: connection.execute(legal_clocks.legal_clocks.update().values(met_at=None)),
    "goes on": lambda connection: an_episode(connection, 2, NUMBER, closed=False),
    "closed late": lambda connection: incidents.save_incidents(connection, [CLOSED_LATE]),
    **{
        f"message {state}": lambda connection, state=state: connection.execute(commands.update().values(state=state))
        for state in WAITING
    },
}


@pytest.mark.parametrize("reason", STAYS)
def test_what_is_not_over_stays(database: Database, reason: str) -> None:
    """An old incident stays while anything of it is open, owed, held or going on."""
    with database.writing() as connection:
        a_notified_incident(connection)
        STAYS[reason](connection)
    assert sweep(database) == 0
    assert count(database, "commands") == 1


def test_an_incident_that_owed_no_notice_has_its_own_time(database: Database) -> None:
    """It goes with the other incidents, not with those that law keeps."""
    with database.writing() as connection:
        incidents.save_incidents(connection, [CLOSED])
    assert sweep(database, ("notified_incidents",)) == 0
    assert sweep(database, ("incidents",)) == 1


def test_what_belongs_to_no_incident_goes_by_its_age(database: Database) -> None:
    """Lone detections, old digests but the latest, unparsed lines, counts and hashes go; what is younger stays."""
    digests = [
        a_command(
            number, kind=CommandKind.DIGEST, workflow="digest", incident="", created_at=NOON + timedelta(hours=number)
        )
        for number in (1, 2)
    ]
    line = {"source": "auth", "file": "a", "position": 1, "reason": "unknown", "line": "x"}
    with database.writing() as connection:
        outbox.queue(connection, digests)
        for digest in digests:
            receipts.settle(connection, digest.id, DELIVERED, NOON, None)
        an_episode(connection, 1, "")
        an_episode(connection, 2, "", closed=False)
        an_episode(connection, 3, "")
        received = [to_micros(NOON), to_micros(LATER)]
        progress.add_unparsed(connection, [line | {"received": at} for at in received], most=10)
        progress.add_tallies(connection, "2026-11-20", {"lines": 1})
        progress.add_tallies(connection, "2026-11-21", {"lines": 1})
        a_hash = {"organization": "a", "user": "b", "hash": "c", "kept_at": received[0]}
        connection.execute(past_passwords.insert().values(a_hash))
    assert sweep(database) == 6
    left = {
        table: count(database, table) for table in ("commands", "episodes", "unparsed", "tallies", "past_passwords")
    }
    assert left == {"commands": 1, "episodes": 2, "unparsed": 1, "tallies": 1, "past_passwords": 0}


def a_silence(connection: Connection, id_: str, expires_at: datetime) -> None:
    """Store a silence of the day before its end, which has hidden a detection."""
    begun = expires_at - timedelta(days=1)
    silences.save_silence(
        connection, Silence(id=id_, by="lan", why="a test", starts_at=begun, expires_at=expires_at, rule="rule-1")
    )
    silences.add_silenced(connection, [(len(id_), id_)])


def test_silences_go_by_their_end(database: Database) -> None:
    """One that is over and told of goes with what it has hidden; one that runs, or is not told of yet, stays."""
    with database.writing() as connection:
        a_silence(connection, "over", NOON)
        a_silence(connection, "untold", NOON)
        a_silence(connection, "running", LATER + timedelta(hours=1))
        silences.note_told(connection, ["over"])
    assert 2 == sweep(database, ("silences",))
    with database.reading() as connection:
        assert {"untold": 1, "running": 1} == silences.hidden_by(connection)


def test_what_a_silence_has_hidden_goes_with_the_detection(database: Database) -> None:
    """No note is left of a detection that is not there any more."""
    with database.writing() as connection:
        an_episode(connection, 1, "")
        an_episode(connection, 2, "")
        silences.add_silenced(connection, [(1, "s"), (2, "s")])
    assert 3 == sweep(database, ("detections",))
    assert 1 == count(database, "silenced")


def test_each_kind_has_a_time_and_a_metric() -> None:
    """Settings, metrics and what is deleted name the same kinds."""
    assert set(RETENTION_KINDS) == set(EVERY) == set(retention.KINDS)


@pytest.mark.parametrize(("key", "value"), [("notified_incidents", "1826d"), ("detections", "29d"), ("unparsed", "0d")])
def test_too_short_a_time_is_refused(key: str, value: str) -> None:
    """What law or a duty asks to keep is kept, whatever the settings say."""
    with pytest.raises(ValidationError):
        RetentionOptions.model_validate({key: value})
