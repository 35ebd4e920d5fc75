"""Holds the enricher to which logins are due a second factor."""

from __future__ import annotations

import pytest

from unit.enrich.known_world import a_frame, an_enricher, an_event

CASES = [
    # staff profile asks nobody | default: staff and privileged | strict: all
    (dict(user__name="support1"), (False, True, True)),
    (dict(user__name="khoi"), (False, True, True)),
    (dict(user__name="root"), (False, True, True)),
    (dict(user__name="oracle"), (False, False, True)),
    (dict(user__name="minh"), (False, False, False)),
    (dict(user__name="x@acme.example"), (True, True, True)),
    (dict(user__name="lan"), (True, True, True)),
    (dict(user__name="lan", organization__id="4711"), (False, False, False)),
    (dict(user__name="minh", organization__id="acme"), (True, True, True)),
    (dict(user__name="x", organization__id="elsewhere"), (False, False, True)),
]


@pytest.mark.parametrize(("fields", "expected"), CASES)
def test_due_by_profile(fields: dict[str, object], expected: tuple[bool, ...]) -> None:
    """Staff and strangers are held to the staff profile, customers' accounts to their customer's."""
    events = a_frame(an_event(event__outcome="success", **fields))
    due = [
        an_enricher(staff_profile=profile).enrich(events)["credwatch.mfa.due"].item()
        for profile in ("none", "default", "strict")
    ]
    assert tuple(due) == expected


@pytest.mark.parametrize(
    "fields",
    [dict(event__outcome="failure"), dict(), dict(event__action="logout", event__outcome="success")],
)
def test_only_successful_logins_are_asked(fields: dict[str, object]) -> None:
    """For any other event the column is null."""
    frame = an_enricher().enrich(a_frame(an_event(user__name="khoi", **fields)))
    assert frame["credwatch.mfa.due"].to_list() == [None]
