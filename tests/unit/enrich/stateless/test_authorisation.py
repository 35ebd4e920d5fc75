"""Holds the enricher to which acts of staff need an authorisation, and which authorisation covers them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from credwatch.enrich.stateless import authorisation
from credwatch.enrich.stateless.authorisation import ACTIONS_DUE
from unit.enrich.known_world import AT, a_frame, an_authorisation, an_enricher, an_event, enriched


def an_act(**fields: object) -> dict[str, object]:
    """Build support1's access to lan's account."""
    return an_event(
        **{"event__action": "staff_access", "user__name": "support1", "user__target__name": "lan", **fields}
    )


DUE = [
    ({}, True),
    ({"event__outcome": "success"}, True),
    ({"event__outcome": "failure"}, False),
    ({"user__target__name": "someone", "organization__id": "acme"}, True),
    ({"user__target__name": None, "event__action": "data_export", "organization__id": "acme"}, True),
    ({"user__target__name": None, "event__action": "data_export"}, False),
    ({"user__target__name": "support2"}, False),
    ({"user__target__name": "support1", "event__action": "password_change"}, False),
    ({"user__target__name": "new", "event__action": "account_created", "host__name": "acme-web1"}, True),
    ({"user__name": "lan", "user__target__name": "minh", "event__action": "password_reset"}, False),
    ({"user__name": "lan", "user__target__name": "x@acme.example"}, False),
    ({"user__name": "stranger"}, True),
    ({"user__name": "lan", "user__target__name": "minh"}, True),
    ({"user__name": None}, True),
    ({"user__name": "stranger", "event__action": "password_reset"}, False),
    ({"event__action": "login"}, None),
]


@pytest.mark.parametrize(("fields", "due"), DUE)
def test_acts_that_need_one(fields: dict[str, object], due: bool | None) -> None:
    """Staff on a customer's account or data, done and not only tried; and whoever uses the staff's way in."""
    event = enriched(an_act(**fields))
    assert event["credwatch.authorisation.due"] == due
    assert event["credwatch.authorisation.reason"] == ("no_authorisation" if due else None)


@pytest.mark.parametrize("action", ACTIONS_DUE)
def test_every_listed_action_needs_one(action: str) -> None:
    """The list in the documentation is the list in force."""
    assert enriched(an_act(event__action=action))["credwatch.authorisation.due"] is True


COVERED = [
    {},
    {"accounts": ("*",)},
    {"accounts": ("LAN@acme.example", "lan")},
    {"actors": ("*",)},
    {"actions": ("*",)},
    {"basis": "court_order"},
    {"valid_from": AT},
]


@pytest.mark.parametrize("changes", COVERED)
def test_an_authorisation_covers(changes: dict[str, object]) -> None:
    """Customer, account, actor, action and time fit: its id and basis are given, and no reason."""
    authorisation = an_authorisation(**changes)
    event = enriched(an_act(), authorisation)
    assert event["credwatch.authorisation.id"] == authorisation.id
    assert event["credwatch.authorisation.basis"] == authorisation.basis
    assert event["credwatch.authorisation.reason"] is None


@pytest.mark.parametrize(
    ("fields", "accounts"),
    [
        ({"user__target__name": "lan@acme.example"}, ("lan",)),
        ({"user__target__email": "Lan@acme.example", "user__target__name": "x"}, ("lan@acme.example",)),
        ({"user__target__name": None, "organization__id": "acme", "event__action": "data_export"}, ("*",)),
    ],
)
def test_accounts_are_known_by_any_of_their_names(fields: dict[str, object], accounts: tuple[str, ...]) -> None:
    """Name, address and the registers' id stand for the same account; a whole customer needs the star."""
    event = enriched(an_act(**fields), an_authorisation(accounts=accounts, actions=("*",)))
    assert event["credwatch.authorisation.id"] == "A-1"


MISSES = [
    ({}, {"customer": "lotus"}, "no_authorisation"),
    ({}, {"actions": ("password_reset",)}, "wrong_action"),
    ({}, {"accounts": ("minh",)}, "wrong_account"),
    ({"user__target__name": None, "organization__id": "acme", "event__action": "data_export"},
     {"actions": ("*",)}, "wrong_account"),
    ({}, {"actors": ("s-2",)}, "wrong_actor"),
    ({"user__name": "anh"}, {"actors": ("*",), "approvers": ("s-2", "s-3")}, "wrong_department"),
    ({"user__name": "khoi"}, {"actors": ("*",)}, "wrong_actor"),
    ({"user__name": "stranger"}, {"actors": ("*",)}, "wrong_actor"),
    ({}, {"valid_until": AT}, "expired"),
    ({}, {"valid_from": AT + timedelta(seconds=1)}, "not_yet_valid"),
    ({}, {"actions": ("password_reset",), "accounts": ("minh",), "actors": ("s-2",)}, "wrong_action"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "changes", "reason"), MISSES)
def test_the_reason_says_what_is_missing(fields: dict[str, object], changes: dict[str, object], reason: str) -> None:
    """Where nothing covers the act, neither id nor basis is given."""
    event = enriched(an_act(**fields), an_authorisation(**changes))
    assert event["credwatch.authorisation.due"] is True
    assert event["credwatch.authorisation.reason"] == reason
    assert event["credwatch.authorisation.id"] is None
    assert event["credwatch.authorisation.basis"] is None


def test_the_nearest_authorisation_gives_the_reason() -> None:
    """One that only ran out says more than one for other accounts."""
    expired = an_authorisation(id="A-2", valid_until=AT)
    other = an_authorisation(id="A-1", accounts=("minh",))
    assert enriched(an_act(), other, expired)["credwatch.authorisation.reason"] == "expired"


def test_of_several_that_cover_the_first_id_is_given() -> None:
    """The same lines give the same answer, whatever the order in the file."""
    first, second = an_authorisation(id="A-1"), an_authorisation(id="A-2")
    for order in ((first, second), (second, first)):
        assert enriched(an_act(), *order)["credwatch.authorisation.id"] == "A-1"


def test_times_are_compared_as_moments() -> None:
    """An authorisation in another time zone holds at the same moments."""
    local = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
    event = enriched(an_act(), an_authorisation(valid_from=local, valid_until=local + timedelta(minutes=1)))
    assert event["credwatch.authorisation.id"] == "A-1"
    assert local.astimezone(UTC) == AT


def test_many_acts_are_held_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few pairs fit at once, every act is judged."""
    monkeypatch.setattr(authorisation, "_PAIRS_AT_ONCE", 1)
    frame = an_enricher(an_authorisation(), an_authorisation(id="A-2")).enrich(a_frame(*[an_act()] * 3))
    assert frame["credwatch.authorisation.id"].to_list() == ["A-1"] * 3


def test_each_act_of_a_batch_is_judged_for_itself() -> None:
    """Rows keep their order, and acts that need nothing get nothing."""
    events = a_frame(
        an_event(user__name="lan"), an_act(), an_act(user__target__name="minh"), an_act(user__name="support2")
    )
    frame = an_enricher(an_authorisation()).enrich(events)
    assert frame["credwatch.authorisation.id"].to_list() == [None, "A-1", None, None]
    assert frame["credwatch.authorisation.reason"].to_list() == [None, None, "no_authorisation", "wrong_actor"]
