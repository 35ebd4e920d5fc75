"""Holds the enricher to who acts, on whose account, for which customer."""

from __future__ import annotations

import polars as pl
import pytest

from credwatch.enrich.enrich import Enricher
from credwatch.kernel.dtypes import dtype_of
from credwatch.kernel.fields import BY_NAME
from credwatch.world.register import Registers
from unit.enrich.known_world import a_frame, an_enricher, an_event, enriched

ADDED = [
    "organization.id",
    "credwatch.user.known",
    "credwatch.user.privileged",
    "credwatch.user.decoy",
    "credwatch.actor.kind",
    "credwatch.actor.id",
    "credwatch.actor.department",
    "credwatch.actor.self",
    "credwatch.target.kind",
    "credwatch.mfa.due",
    "credwatch.authorisation.due",
    "credwatch.authorisation.id",
    "credwatch.authorisation.basis",
    "credwatch.authorisation.reason",
]

ORGANIZATIONS = [
    (dict(user__name="x", organization__id="acme"), "acme"),
    (dict(user__name="x", organization__id="4711"), "lotus"),
    (dict(user__name="x", organization__id="l-2"), "lotus"),
    (dict(user__name="x", organization__id="elsewhere"), "elsewhere"),
    (dict(user__name="lan@acme.example", organization__id="lotus"), "lotus"),
    (dict(user__name="x", user__target__name="minh", organization__id="elsewhere"), "lotus"),
    (dict(user__name="lan", user__target__name="minh"), "lotus"),
    (dict(user__name="lan", user__target__email="Someone@Lotus.example"), "lotus"),
    (dict(user__name="lan"), "acme"),
    (dict(user__name="LAN"), "acme"),
    (dict(user__name="nobody@acme.example"), "acme"),
    (dict(user__name="nobody@sub.acme.example"), None),
    (dict(user__name="x", user__email="m.minh@mail.example"), "lotus"),
    (dict(user__name="acme-batch"), "acme"),
    (dict(user__name="support1", host__name="db1.lotus"), "lotus"),
    (dict(user__name="root", host__name="ACME-web1"), "acme"),
    (dict(user__name="root", host__name="db12.lotus"), None),
    (dict(user__name="support1"), None),
    (dict(host__name="acme-web1"), "acme"),
    (dict(), None),
]

PEOPLE = [
    (dict(user__name="support1"), ("staff", "s-1", "support", True, False)),
    (dict(user__name="HA@modoro.example"), ("staff", "s-1", "support", True, False)),
    (dict(user__name="x", user__email="ha@modoro.example"), ("staff", "s-1", "support", True, False)),
    (dict(user__name="khoi"), ("staff", "s-3", "operations", True, True)),
    (dict(user__name="lan"), ("customer", "lan", None, True, True)),
    (dict(user__email="m.minh@mail.example"), ("customer", "minh", None, True, False)),
    (dict(user__name="acme-batch"), ("customer", "acme-batch", None, True, False)),
    (dict(user__name="new@acme.example"), ("customer", None, None, False, False)),
    (dict(user__name="root"), ("unknown", "root", None, True, True)),
    (dict(user__name="oracle"), ("unknown", None, None, False, False)),
    (dict(user__name="oracle", organization__id="4711"), ("customer", None, None, False, False)),
    (dict(user__name="oracle", organization__id="9"), ("unknown", None, None, False, False)),
    (dict(user__name="lan", organization__id="4711"), ("customer", None, None, False, False)),
    (dict(user__name="lan", user__target__name="minh"), ("unknown", None, None, False, False)),
    (dict(user__name="support1", organization__id="4711"), ("staff", "s-1", "support", True, False)),
    (
        dict(user__name="oracle", user__target__name="lan", organization__id="acme"),
        ("unknown", None, None, False, False),
    ),
    (dict(host__name="acme-web1"), (None, None, None, None, None)),
]

TARGETS = [
    (dict(user__name="lan"), (None, None)),
    (dict(user__name="support1", user__target__name="lan"), ("customer", False)),
    (dict(user__name="support1", user__target__name="support2"), ("staff", False)),
    (dict(user__name="support1", user__target__name="Support1"), ("staff", True)),
    (dict(user__name="support1", user__target__email="ha@modoro.example"), ("staff", True)),
    (dict(user__name="lan", user__target__name="lan@acme.example"), ("customer", True)),
    (dict(user__name="a", user__email="q@x.example", user__target__email="Q@x.example"), ("unknown", True)),
    (dict(user__name="support1", user__target__name="someone", organization__id="acme"), ("customer", False)),
    (dict(user__name="root", user__target__name="someone"), ("unknown", False)),
    (dict(user__target__name="lan"), ("customer", None)),
]


@pytest.mark.parametrize(("fields", "customer"), ORGANIZATIONS)
def test_the_customer_is_found_in_order(fields: dict[str, object], customer: str | None) -> None:
    """The writer's word, the target, the actor unless it is staff, the host; what the writer said stays otherwise."""
    assert enriched(an_event(**fields))["organization.id"] == customer


@pytest.mark.parametrize(("fields", "person"), PEOPLE)
def test_the_actor_is_found(fields: dict[str, object], person: tuple[object, ...]) -> None:
    """Kind, id and department, and whether the account is listed and privileged; nothing without an actor."""
    event = enriched(an_event(**fields))
    names = ("actor.kind", "actor.id", "actor.department", "user.known", "user.privileged")
    assert tuple(event[f"credwatch.{name}"] for name in names) == person


@pytest.mark.parametrize(("fields", "expected"), TARGETS)
def test_the_target_is_found(fields: dict[str, object], expected: tuple[object, object]) -> None:
    """Whose the target account is, and whether it is the actor's own."""
    event = enriched(an_event(**fields))
    assert (event["credwatch.target.kind"], event["credwatch.actor.self"]) == expected


def test_columns_are_typed_and_rows_stay() -> None:
    """Every enriched column is there with its type; rows keep their number and order, also in a mixed batch."""
    events = a_frame(*[an_event(**fields) for fields, _ in ORGANIZATIONS])
    frame = an_enricher().enrich(events)
    assert {name: frame.schema[name] for name in ADDED} == {name: dtype_of(name) for name in ADDED}
    assert frame["organization.id"].to_list() == [customer for _, customer in ORGANIZATIONS]
    assert frame["position"].to_list() == events["position"].to_list()
    assert all(name in BY_NAME for name in frame.columns if name != "position")


def test_a_batch_without_people_keeps_its_rows() -> None:
    """Where no event has an actor or a target, nothing is said of either."""
    frame = an_enricher().enrich(a_frame(an_event(), an_event(host__name="acme-1"), an_event()))
    assert frame["organization.id"].to_list() == [None, "acme", None]
    assert frame["credwatch.actor.kind"].to_list() == [None, None, None]


@pytest.mark.parametrize("events", [a_frame(an_event(user__name="lan")), a_frame(an_event(user__name="lan")).clear()])
def test_empty_registers_know_nobody(events: pl.DataFrame) -> None:
    """Without registers, and without events, nothing is added but the columns."""
    frame = Enricher(Registers(), mfa_required_for={}, staff_profile="default").enrich(events)
    assert frame["credwatch.user.known"].to_list() == [False] * events.height
    assert set(ADDED) <= set(frame.columns)


def test_a_pattern_holds_its_letters_literally() -> None:
    """A dot in a host pattern is a dot."""
    assert enriched(an_event(user__name="x", host__name="db1xlotus"))["organization.id"] is None
