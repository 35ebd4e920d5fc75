"""What a store promises of clocks, on each kind of database: kept terms, one end, no move forward."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from builders_outbox import NOON, an_incident, some_facts
from credwatch.app.regimes import shipped_regimes
from credwatch.kernel.command import LegalClock
from credwatch.store.cases.legal_clocks import (
    clocks_of,
    end_clocks,
    meet_clock,
    move_clocks,
    revive_clocks,
    running_clocks,
    save_clocks,
    waive,
)
from credwatch.store.database import Database
from credwatch.workflows.regimes import regime_clocks

HOUR = timedelta(hours=1)
INCIDENT = an_incident(workflows=("customer_notice",))
(CLOCK,) = regime_clocks(INCIDENT, some_facts(regimes={"": (shipped_regimes()["vn-consumer"],)}))
EDITED = replace(CLOCK, regime_version="another", terms="{}", due_at=NOON + HOUR, soft_at=NOON)


def stored(database: Database) -> LegalClock:
    """Return the one clock."""
    with database.reading() as connection:
        (clock,) = clocks_of(connection, INCIDENT.number)
    return clock


def test_a_clock_is_kept_whole(database: Database) -> None:
    """Every field comes back, and a later save with an edited regime changes none of them."""
    with database.writing() as connection:
        save_clocks(connection, [CLOCK])
        save_clocks(connection, [EDITED])
    assert CLOCK == stored(database)


def test_a_warning_is_noted_once(database: Database) -> None:
    """The first moment of it stays."""
    with database.writing() as connection:
        save_clocks(connection, [CLOCK])
        for hours in (1, 2):
            save_clocks(connection, [replace(CLOCK, warned_at=NOON + hours * HOUR)])
    assert NOON + HOUR == stored(database).warned_at


def test_a_clock_moves_back_and_never_forward(database: Database) -> None:
    """Its start, its end and its warning move together."""
    earlier, later = (
        replace(CLOCK, started_at=CLOCK.started_at + by, due_at=CLOCK.due_at + by, soft_at=CLOCK.soft_at + by)
        for by in (-HOUR, HOUR)
    )
    with database.writing() as connection:
        save_clocks(connection, [CLOCK])
        move_clocks(connection, [later])
    assert CLOCK == stored(database)
    with database.writing() as connection:
        move_clocks(connection, [earlier])
    assert earlier == stored(database)


def test_a_clock_is_met_once(database: Database) -> None:
    """The first report counts, with its number and why it was late."""
    with database.writing() as connection:
        save_clocks(connection, [CLOCK])
        meet_clock(connection, CLOCK.id, NOON + HOUR, "A05-9", "the portal was down")
        meet_clock(connection, CLOCK.id, NOON + 2 * HOUR, "A05-10", "")
    met = stored(database)
    assert (NOON + HOUR, "A05-9", "the portal was down") == (met.met_at, met.reference, met.late_reason)


def test_a_decision_ends_a_clock_and_another_revives_it(database: Database) -> None:
    """It runs on from its old start; what was met stays met."""
    with database.writing() as connection:
        save_clocks(connection, [CLOCK])
        end_clocks(connection, [CLOCK.id], NOON)
        assert [] == running_clocks(connection)
        revive_clocks(connection, [CLOCK.id])
        assert [CLOCK] == running_clocks(connection)
        meet_clock(connection, CLOCK.id, NOON, "", "")
        end_clocks(connection, [CLOCK.id], NOON)
    assert stored(database).waived_at is None


def test_dropped_messages_end_no_clock_of_a_law(database: Database) -> None:
    """Only the contract's own duty is given up with them."""
    law = replace(CLOCK, workflow="customer_notice")
    contract = replace(law, id="clock-2", regime="contract-modoro-s8", terms="")
    with database.writing() as connection:
        save_clocks(connection, [law, contract])
        waive(connection, "customer_notice", INCIDENT.number, "", NOON)
        assert [law] == running_clocks(connection)
