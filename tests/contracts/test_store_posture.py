"""What is kept of how accounts stand is given back as it was, and lines leave in their order."""

from __future__ import annotations

from datetime import timedelta

from builders_outbox import NOON
from credwatch.kernel.account_finding import AccountFinding, FindingKey, PasswordAudited, RuleCount
from credwatch.store import posture
from credwatch.store.database import Database
from credwatch.store.posture import ReadingState

LATER = NOON + timedelta(days=1)
WEAK = AccountFinding(FindingKey("shop", "acme", "lan", "weak_hash"), "md5_crypt", NOON, ("admin",), "", True)
ASLEEP = AccountFinding(FindingKey("host", "", "minh", "dormant"), "never used", NOON, (), "an, until 2026-04-01")


def test_findings_of_a_source_take_the_place_of_those_before(database: Database) -> None:
    """Those of other sources stay; each can be had by customer and rule."""
    with database.writing() as connection:
        posture.save_findings(connection, "shop", [WEAK])
        posture.save_findings(connection, "host", [ASLEEP])
        assert {WEAK.key: WEAK} == posture.findings_of(connection, "shop")
        assert [ASLEEP, WEAK] == posture.all_findings(connection)
        assert [ASLEEP] == posture.all_findings(connection, "")
        assert [WEAK] == posture.all_findings(connection, rule="weak_hash")
        posture.save_findings(connection, "shop", [])
        assert [ASLEEP] == posture.all_findings(connection)


def test_the_latest_reading_of_a_source_is_kept(database: Database) -> None:
    """A try that fails leaves what was read; a source that is asked no more is forgotten with its findings."""
    read = ReadingState("shop", NOON, NOON, "", 7, 1, (RuleCount("acme", "", "weak_hash", 5, 1, 1),))
    failed = ReadingState("shop", NOON + timedelta(days=1), NOON, "hangs", 7, 1, read.counts)
    with database.writing() as connection:
        posture.save_reading(connection, read)
        posture.save_reading(connection, failed)
        posture.save_findings(connection, "shop", [WEAK])
        assert {"shop": failed} == posture.reading_states(connection)
        posture.forget_sources(connection, ["host"])
        assert ({}, []) == (posture.reading_states(connection), posture.all_findings(connection))


def test_what_came_of_trying_passwords_is_kept(database: Database) -> None:
    """The latest trial of each account counts; of those that are gone, and of sources that are, nothing is kept."""
    held, guessed = PasswordAudited("acme", "lan", NOON, "held"), PasswordAudited("acme", "lan", LATER, "guessed")
    other = PasswordAudited("", "lan", NOON, "untried")
    with database.writing() as connection:
        for audited in (held, guessed, other):
            posture.save_audit(connection, "shop", audited)
        assert {("acme", "lan"): guessed, ("", "lan"): other} == posture.audits_of(connection, "shop")
        assert (guessed, None) == tuple(posture.audit_of(connection, "shop", "acme", name) for name in ("lan", "minh"))
        assert {("shop", "guessed"): 1, ("shop", "untried"): 1} == posture.count_audits(connection)
        assert {"shop": LATER} == posture.audit_times(connection)
        posture.keep_audits(connection, "shop", [("", "lan"), ("", "minh")])
        assert [("", "lan")] == list(posture.audits_of(connection, "shop"))
        posture.forget_sources(connection, ["host"])
        assert {} == posture.count_audits(connection)


def test_a_source_may_be_read_soon(database: Database) -> None:
    """What it said stays, and its next reading is due."""
    read = ReadingState("shop", NOON, NOON, "", 7, 1)
    with database.writing() as connection:
        posture.save_reading(connection, read)
        posture.read_soon(connection, "shop")
        state = posture.reading_states(connection)["shop"]
    assert (NOON, 7) == (state.read_at, state.accounts)
    assert LATER - state.tried_at > timedelta(days=365)


def test_lines_leave_in_their_order(database: Database) -> None:
    """Those that were kept later stand behind those that wait."""
    with database.writing() as connection:
        posture.add_lines(connection, ["a\n", "b\n"])
        posture.add_lines(connection, ["c\n"])
        waiting = posture.lines_waiting(connection, 2)
        assert ["a\n", "b\n"] == [line for _, line in waiting]
        posture.lines_written(connection, waiting[-1][0])
        assert ["c\n"] == [line for _, line in posture.lines_waiting(connection, 9)]
