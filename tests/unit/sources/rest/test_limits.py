"""How long services want to be left alone, in the words of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from credwatch.sources.rest.limits import wait_after, wait_before_next

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
IN_A_MINUTE = str(int((NOW + timedelta(minutes=1)).timestamp()))
THEIR_DATE = format_datetime(NOW + timedelta(hours=1), usegmt=True)
THEIR_NEXT = format_datetime(NOW + timedelta(hours=1, seconds=9), usegmt=True)
SECONDARY = b'{"message":"You have exceeded a secondary rate limit"}'
OF_GOOGLE = b'{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}'

REFUSALS = {
    "okta": (429, {"x-rate-limit-remaining": "0", "x-rate-limit-reset": IN_A_MINUTE}, b"", 60.0),
    "auth0": (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": IN_A_MINUTE}, b"", 60.0),
    "graph": (429, {"retry-after": "17"}, b"", 17.0),
    "graph, away": (503, {"retry-after": "5"}, b"", 5.0),
    "away, and no word of when": (503, {}, b"", None),
    "github, primary": (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": IN_A_MINUTE}, b"", 60.0),
    "github, secondary": (403, {"retry-after": "30", "x-ratelimit-remaining": "4000"}, SECONDARY, 30.0),
    "github, secondary, untold": (403, {"x-ratelimit-remaining": "4000"}, SECONDARY, 60.0),
    "google": (403, {}, OF_GOOGLE, 60.0),
    "a matter of permission": (403, {"x-ratelimit-remaining": "4999"}, b'{"message":"Forbidden"}', None),
    "by a date, and another clock": (429, {"retry-after": THEIR_NEXT, "date": THEIR_DATE}, b"", 9.0),
    "a moment that has passed": (429, {"x-rate-limit-reset": str(int(NOW.timestamp()) - 50)}, b"", 0.0),
    "no word": (429, {}, b"", 0.0),
    "nonsense": (429, {"retry-after": "soon", "x-rate-limit-reset": "later"}, b"", 0.0),
    "nonsense of numbers": (429, {"retry-after": "-5", "x-rate-limit-reset": "1e300"}, b"", 0.0),
    "another matter": (400, {"retry-after": "5"}, b"", None),
}  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "body", "seconds"), REFUSALS.values(), ids=REFUSALS)
def test_a_service_says_how_long_to_wait(
    status: int, headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    """The headers of each service are read, by its own clock; without a word from it nothing is made up."""
    assert seconds == wait_after(status, headers, body, NOW)


def test_the_last_answer_that_is_allowed_names_the_next() -> None:
    """After an answer with nothing left the reset is waited for; after any other, nothing."""
    assert 60 == wait_before_next({"x-rate-limit-remaining": "0", "x-rate-limit-reset": IN_A_MINUTE}, NOW)
    assert 0 == wait_before_next({"x-rate-limit-remaining": "1", "x-rate-limit-reset": IN_A_MINUTE}, NOW)
    assert 0 == wait_before_next({"x-rate-limit-remaining": "0"}, NOW)
