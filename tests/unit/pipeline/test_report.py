"""What the log line of a detection says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from credwatch.kernel.detection import Consequence, Detection, Level
from credwatch.pipeline.report import moments_of_detection

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_the_moments_of_a_detection_are_apart() -> None:
    """When it happened and when it was read are both told, and that it is history."""
    detection = Detection(
        id="det-1",
        rule_id="r",
        title="Brute force",
        level=Level.HIGH,
        consequence=Consequence("brute_force"),
        group=(),
        organization="",
        subject="192.0.2.1",
        occurred_first=NOW - timedelta(days=3),
        opened_at=NOW - timedelta(days=3),
        count=5,
        recorded_at=NOW,
        history=True,
    )
    expected = {"occurred": "2026-02-27T08:00:00.000Z", "recorded": "2026-03-02T08:00:00.000Z", "history": True}
    assert expected == moments_of_detection(detection)
