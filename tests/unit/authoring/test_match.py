"""Events that come together are answered as if they had come one by one."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

from credwatch.authoring.choice import choose_rules, tool_settings
from credwatch.authoring.match import Matcher

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)


def a_line(seconds: float, number: int) -> bytes:
    """Write a failed login of one of three addresses."""
    event = {
        "@timestamp": (BEGIN + timedelta(seconds=seconds)).isoformat(),
        "event.category": "authentication",
        "event.action": "login",
        "event.outcome": "failure",
        "credwatch.attempt": True,
        "user.name": f"user{number % 7}",
        "source.ip": f"203.0.113.{number % 3}",
    }
    return json.dumps(event).encode()


def a_matcher() -> Matcher:
    """Build a matcher of the shipped rules."""
    choice = choose_rules([], tool_settings(None), with_shipped=True)
    return Matcher(choice, correlate=True, lateness_us=10_000_000)


def test_detections_are_given_to_the_events_that_complete_them() -> None:
    """Whatever pieces a stream comes in, each detection stands at the same line."""
    chance = random.Random(1)
    lines = [a_line(number * 1.5, chance.randrange(9)) for number in range(120)]
    together = a_matcher().answers(lines)
    matcher, apart = a_matcher(), []
    for line in lines:
        apart += matcher.answers([line])
    assert apart == together
    assert sum(len(answer["detections"]) for answer in together) > 3
