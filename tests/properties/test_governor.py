"""The governor's caps hold whatever is asked, done and undone, and in any order: no hour has more than the cap."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from builders_measures import a_takeover, asked, some_governed_facts
from builders_outbox import NOON
from credwatch.kernel.measure import MeasureState
from credwatch.kernel.receipt import Delivered
from credwatch.pipeline import enforcing
from credwatch.store import measures
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.workflows.governor import MeasureCaps

CAPS = MeasureCaps(accounts=4, accounts_of_customer=2)
HOUR = timedelta(hours=1)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 40),  # minutes since the step before
        st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["tanphat", "acme", "haiau"])), max_size=6),
        st.booleans(),  # whether channels answer
    ),
    max_size=10,
)


@given(STEPS)
@settings(max_examples=12, deadline=None)
def test_no_hour_has_more_than_the_cap(steps: list[tuple[int, list[tuple[int, str]], bool]]) -> None:
    """In every window of an hour at most the cap was let go: in all, and of each customer."""
    facts = some_governed_facts(caps=CAPS)
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.sqlite", durable=False)
        database.create()
        now = NOON
        for minutes, accounts, answers in steps:
            now += timedelta(minutes=minutes)
            some = [a_takeover(n, customer, id=f"d-{customer}-{n}-{now}") for n, customer in accounts]
            with database.writing() as connection:
                asked(connection, some, facts, now)
                enforcing.move_on(connection, facts, now)
            if answers:
                _deliver(database, now)
        with database.reading() as connection:
            every = measures.in_state(connection, *MeasureState)
        database.close()
    acted = [(measure.acted_at, measure.organization) for measure in every if measure.acted_at]
    for begin, _ in acted:
        window = [customer for at, customer in acted if begin <= at < begin + HOUR]
        assert len(window) <= CAPS.accounts
        assert all(window.count(customer) <= CAPS.accounts_of_customer for customer in window)


def _deliver(database: Database, now) -> None:
    outbox = OutboxStore(database)
    for stored in outbox.listed(("queued",)):
        if stored.command.workflow == "enforcement" and outbox.begin(stored.command.id, now):
            outbox.settle(stored.command.id, Delivered(now, "200"), now, None)
