"""Attempts counted by address, over any number of batches."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from credwatch.replay.attempts import AddressAttempts, AttemptCounts

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def an_event(
    second: int, outcome: str = "failure", role: str = "result", action: str = "login", **more: object
) -> dict:
    """Make one event of sshd, `second` seconds after noon."""
    return {
        "@timestamp": NOON + timedelta(seconds=second),
        "event.category": "authentication",
        "event.action": action,
        "event.outcome": outcome,
        "credwatch.attempt.role": role,
        "host.name": "web1",
        "process.name": "sshd",
        "process.pid": 500,
        "source.ip": "203.0.113.7",
    } | more


def counted(*batches: list[dict]) -> list[AddressAttempts]:
    """Mark batches of events, and count their attempts."""
    counts, pairing = AttemptCounts(), AttemptPairing()
    for batch in batches:
        events = pl.DataFrame(batch, infer_schema_length=None)
        if batch:
            events = events.with_columns(pl.col("@timestamp").dt.cast_time_unit("us"))
            events, pairing = mark_attempts(events, pairing)
        counts.add(events)
    return list(counts.by_address())


EVENTS = [
    an_event(0, role="announce", action="invalid_user"),
    an_event(1),
    an_event(2, role="echo"),
    an_event(3),
    an_event(4, outcome="success"),
]


@pytest.mark.parametrize("cut", range(len(EVENTS) + 1))
def test_attempts_are_counted_not_lines(cut: int) -> None:
    """An announced failure counts once and an echo not at all, wherever the batches are cut."""
    expected = AddressAttempts("203.0.113.7", 2, 1, NOON, NOON + timedelta(seconds=4))
    assert [expected] == counted(EVENTS[:cut], EVENTS[cut:])


def test_the_most_attempts_come_first() -> None:
    """Addresses come in the order of their failures; what has no failure, no address, or is no login is left out."""
    batch = [an_event(1, **{"source.ip": "192.0.2.1"})]
    batch += [an_event(number, **{"source.ip": "192.0.2.2"}) for number in range(3)]
    batch += [an_event(9, "success", **{"source.ip": "192.0.2.3"}), an_event(9, **{"source.ip": None})]
    batch += [an_event(9, action="sudo", **{"source.ip": "192.0.2.4"})]
    assert [("192.0.2.2", 3), ("192.0.2.1", 1)] == [(each.address, each.failed) for each in counted(batch)]
