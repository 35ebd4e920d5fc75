"""Builders of successful logins, and of the answers they get one batch after another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import polars as pl

from credwatch.enrich.habits.logins import logins_in
from credwatch.enrich.habits.novelty import mark_novelty
from credwatch.enrich.habits.profiles import Learning, Profiles
from unit.enrich.known_world import AT, a_frame, an_event

SEED = b"seed"
LATER = AT + timedelta(days=3000)
ANSWERS = (
    *(f"credwatch.novelty.{name}" for name in ("network", "country", "as", "device", "hour")),
    "credwatch.login.days_since_last",
    "credwatch.travel.km",
    "credwatch.travel.kmh",
)

HANOI = {"source.geo.country_iso_code": "VN", "source.geo.location.lat": 21.03, "source.geo.location.lon": 105.85}
SAIGON = {"source.geo.country_iso_code": "VN", "source.geo.location.lat": 10.78, "source.geo.location.lon": 106.7}
PARIS = {"source.geo.country_iso_code": "FR", "source.geo.location.lat": 48.86, "source.geo.location.lon": 2.35}


def a_login(*, days: float = 0, seconds: float = 0, **fields: object) -> dict[str, object]:
    """Build a successful login of lan at acme, so long after `AT`; a double underscore stands for a dot."""
    event = an_event(
        **{
            "event__outcome": "success",
            "user__name": "lan",
            "organization__id": "acme",
            "source__ip": "203.0.113.9",
            "user_agent__original": "Firefox/140.0",
            **fields,
        }
    )
    return event | {"@timestamp": AT + timedelta(days=days, seconds=seconds)}


def answered(
    batches: Iterable[list[dict[str, object]]],
    learning: Learning,
    profiles: Profiles | None = None,
    *,
    received_at: datetime = LATER,
    restarts: bool = False,
) -> list[dict[str, object]]:
    """Give the answers to logins, batch by batch; with `restarts`, what is remembered is read anew between batches."""
    profiles = profiles or Profiles(SEED)
    stored: list[bytes] = []
    found: list[dict[str, object]] = []
    for batch in batches:
        events = a_frame(*batch)
        logins = logins_in(events, SEED, received_at)
        marked, delta = mark_novelty(events, logins, profiles, learning, received_at)
        found += _answers(marked)
        if delta is not None:
            profiles.keep(delta)
            stored = [*([] if delta.whole else stored), *delta.parts()]
        profiles = Profiles(SEED, stored) if restarts else profiles
    return found


def _answers(marked: pl.DataFrame) -> list[dict[str, object]]:
    return [{name: row.get(name) for name in ANSWERS} for row in marked.to_dicts()]
