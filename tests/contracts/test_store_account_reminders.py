"""Reminders in the store: each once, forgotten when mended, bounded by the day; on each database."""

from __future__ import annotations

from datetime import datetime, timedelta

from builders_outbox import NOON, some_facts
from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.pipeline.account_reminding import remind_of_accounts
from credwatch.store import finding_reminders, posture
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.workflows.account_reminder import Rung
from credwatch.world.people import Person

DAY = timedelta(days=1)
LADDER = {Rung.USER: DAY, Rung.CONTACT: 3 * DAY}
FACTS = some_facts(person_of=lambda account: Person(f"{account}@tanphat.example"))


def a_finding(user: str = "lan", since: datetime = NOON - 2 * DAY, **changes: object) -> AccountFinding:
    """Build a finding that was told."""
    key = FindingKey("idp", "tanphat", user, "no_second_factor")
    values: dict[str, object] = {"detail": "no second factor", "since": since, "is_told": True}
    return AccountFinding(key, **(values | changes))  # type: ignore[arg-type]


def keep(database: Database, *findings: AccountFinding) -> None:
    with database.writing() as connection:
        posture.save_findings(connection, "idp", findings)


def remind(database: Database, now: datetime = NOON, most: int = 9, rules: tuple[str, ...] = ()) -> int:
    """Have a turn of the timetable, as after any restart: nothing is remembered but what is stored."""
    with database.writing() as connection:
        return remind_of_accounts(connection, LADDER, rules, most, FACTS, now)


def readers(database: Database) -> list[str]:
    return [it.command.recipient for it in OutboxStore(database).listed(("queued",))]


def test_each_reader_is_reminded_once_and_the_ladder_ends(database: Database) -> None:
    """The user, two days later both contacts, then nobody, whatever turns there are."""
    keep(database, a_finding())
    assert [1, 0] == [remind(database) for _ in range(2)]
    assert [0, 2, 0] == [remind(database, NOON + span) for span in (DAY, 2 * DAY, 90 * DAY)]
    assert ["lan@tanphat.example", "it@tanphat.example", "kt@tanphat.example"] == readers(database)


def test_what_is_mended_is_reminded_of_no_more_and_what_breaks_again_from_the_start(database: Database) -> None:
    """A finding that is gone has no further reminder; one that comes back begins with its user."""
    keep(database, a_finding())
    remind(database)
    keep(database)
    assert 0 == remind(database, NOON + 9 * DAY)
    with database.reading() as connection:
        assert {} == finding_reminders.sent_reminders(connection)
    keep(database, a_finding(since=NOON + 9 * DAY))
    assert 1 == remind(database, NOON + 10 * DAY)
    assert ["lan@tanphat.example"] * 2 == readers(database)


def test_who_is_exempt_or_in_grace_is_not_reminded(database: Database) -> None:
    """Only what the rules were told of and nobody has exempted; and only the rules that are named."""
    keep(database, a_finding("exempt", exemption="an, until 2027-01-01"), a_finding("grace", is_told=False))
    assert 0 == remind(database)
    keep(database, a_finding())
    assert 0 == remind(database, rules=("weak_hash",))
    assert 1 == remind(database, rules=("no_second_factor",))


def test_a_day_has_its_bound_and_the_rest_comes_later(database: Database) -> None:
    """Five accounts and two letters a day: two, none more that day, two on the next; the longest broken first."""
    keep(database, *(a_finding(f"u{number}", NOON - (9 - number) * DAY) for number in range(5)))
    assert [2, 0] == [remind(database, most=2) for _ in range(2)]
    assert ["u0@tanphat.example", "u1@tanphat.example"] == sorted(readers(database))
    assert 2 == remind(database, NOON + DAY, most=2)


def test_what_was_sent_is_shown_with_the_state_of_its_letter(database: Database) -> None:
    """By finding: who, when, and whether the letter has left."""
    keep(database, a_finding())
    remind(database)
    with database.reading() as connection:
        ((key, (sent,)),) = finding_reminders.sent_reminders(connection).items()
    assert ("lan", Rung.USER, "lan@tanphat.example", NOON, "queued") == (
        *(key.user, sent.rung, sent.recipient),
        *(sent.at, sent.state),
    )
