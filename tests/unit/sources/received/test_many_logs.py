"""Thousands of hosts ship to one source."""

from __future__ import annotations

import pytest

from credwatch.sources.received.intake import MOST_SHIPPED_LOGS, Intake
from credwatch.sources.received.lane import Lane
from credwatch.sources.received.parcel import Parcel, Shipped
from credwatch.sources.received.source import ReceivedSource
from unit.sources.followed import NOW

LOGS = 2000


def test_each_chunk_costs_no_look_at_all_other_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a chunk of each log is held, as the daemon holds them, looks grow with the logs, not with their pairs."""
    looks = 0
    has_next = Lane.has_next

    def counted(lane: Lane) -> bool:
        nonlocal looks
        looks += 1
        return has_next(lane)

    monkeypatch.setattr(Lane, "has_next", counted)
    intake = Intake(1_000_000, MOST_SHIPPED_LOGS)
    source = ReceivedSource("shipped", intake, {}, clock=lambda: NOW)
    for number in range(LOGS):
        shipped = Shipped("series-1", 0, 2)
        intake.offer(Parcel(f"host{number}:/log", b"x\n", "", NOW, shipped=shipped), must=True)
    held: list[str] = []
    while chunk := source.read(65536, held):
        held.append(chunk.file)
        assert source.waiting() == LOGS - len(held)
        source.acknowledge(chunk)
    assert LOGS == len(held)
    assert looks <= 3 * LOGS
    assert intake.is_empty()
