"""Several laws at once: each phase has its own clock, from its own moment, toward whom it is owed."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from builders_outbox import NOON, a_change, an_incident, some_facts
from credwatch.app.regimes import shipped_regimes
from credwatch.kernel.incident import ChangeKind
from credwatch.kernel.moment import DutyPhase, Moment, NotedMoment
from credwatch.workflows.clocks import on_tick
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Role
from credwatch.workflows.regimes import regime_clocks, waiting_phases

LAWS = shipped_regimes()
HOUR = timedelta(hours=1)


def under(*own: str, **customers: str):
    """Build the facts of a provider under these laws, whose customers have laws of their own."""
    theirs = {name: (LAWS[law],) for name, law in customers.items()}
    return some_facts(regimes={"": tuple(LAWS[name] for name in own), **theirs})


def noted(moment: Moment, at: datetime, about: DutyPhase | None = None) -> NotedMoment:
    """Build a moment that the officer recorded."""
    return NotedMoment(moment, at, "lan", at, about or DutyPhase())


def a_breach(**changes: object):
    """Build an incident whose customer must be told."""
    return an_incident(workflows=("customer_notice",), **changes)


def ends(clocks) -> dict[str, datetime]:
    """Map each phase, with the customer where there is one, to its end."""
    return {f"{clock.regime}/{clock.phase} {clock.organization}".strip(): clock.due_at for clock in clocks}


def test_two_laws_count_the_same_breach_side_by_side() -> None:
    """Each phase that starts at the detection has its clock from the first machine signal."""
    clocks = regime_clocks(a_breach(detected_at=NOON - HOUR), under("vn-personal-data", "vn-cyber"))
    began = NOON - HOUR
    assert {
        "vn-personal-data/notification": began + 72 * HOUR,
        "vn-cyber/initial": began + 24 * HOUR,
        "vn-cyber/report": began + 72 * HOUR,
    } == ends(clocks)
    assert {LAWS["vn-cyber"].version} == {clock.regime_version for clock in clocks if clock.regime == "vn-cyber"}


def test_what_a_processor_owes_is_owed_to_each_customer() -> None:
    """Every customer touched has its own clock, which the acceptance of its own notice meets."""
    clocks = regime_clocks(a_breach(organizations=("acme", "tanphat")), under("vn-processor"))
    assert {"acme", "tanphat"} == {clock.organization for clock in clocks}
    notices = [clock for clock in clocks if clock.phase == "notice"]
    assert {("customer_notice", Moment.ACCEPTED)} == {(clock.workflow, clock.stops) for clock in notices}


def test_a_customers_own_law_is_counted_for_it() -> None:
    """Its clock bears its name; a customer that is not touched has none."""
    facts = under(tanphat="vn-personal-data", acme="vn-cyber")
    assert ["vn-personal-data/notification tanphat"] == [*ends(regime_clocks(a_breach(), facts))]


def test_a_law_of_the_other_role_starts_nothing() -> None:
    """At a customer nobody is a processor."""
    facts = replace(under("vn-processor"), role=Role.CUSTOMER)
    assert () == regime_clocks(an_incident(workflows=("customer_notice",)), facts)


def test_an_incident_that_nobody_must_hear_of_starts_nothing() -> None:
    """Guessing at a door opens no file at an authority."""
    assert () == regime_clocks(an_incident(workflows=()), under("vn-personal-data"))


def test_a_clock_waits_for_its_moment() -> None:
    """Awareness starts the 72 hours of the GDPR, and the case says what it waits for."""
    facts, breach = under("eu-gdpr"), a_breach()
    assert () == regime_clocks(breach, facts)
    assert ["aware", "submitted", "aware"] == [phase["starts"] for phase in waiting_phases(breach, facts, ())]
    aware = replace(breach, moments=(noted(Moment.AWARE, NOON + 5 * HOUR),))
    assert NOON + 77 * HOUR == ends(regime_clocks(aware, facts))["eu-gdpr/notification"]


def test_a_phase_starts_with_the_report_before_it() -> None:
    """The final report under NIS 2 is due a month after the notification was handed over, and not before that."""
    sent = noted(Moment.SUBMITTED, NOON + HOUR, DutyPhase("eu-nis2", "notification"))
    other = noted(Moment.SUBMITTED, NOON + HOUR, DutyPhase("eu-nis2", "early_warning"))
    begun = noted(Moment.DECIDED_SIGNIFICANT, NOON)
    facts = under("eu-nis2")
    assert "eu-nis2/final" not in ends(regime_clocks(a_breach(moments=(begun, other)), facts))
    due = ends(regime_clocks(a_breach(moments=(begun, sent)), facts))["eu-nis2/final"]
    assert datetime.fromisoformat("2026-12-20T23:59:59+01:00") == due


def test_of_several_moments_the_earliest_counts() -> None:
    """Who knew first starts the time, in whatever order it is written down."""
    moments = (noted(Moment.AWARE, NOON + 5 * HOUR), noted(Moment.AWARE, NOON + 2 * HOUR))
    clocks = regime_clocks(a_breach(moments=moments), under("uk-gdpr"))
    assert NOON + 74 * HOUR == ends(clocks)["uk-gdpr/notification"]


def test_a_running_clock_keeps_the_terms_it_started_with() -> None:
    """A law that is edited meanwhile moves no clock, not even one whose moment turns out to be earlier."""
    (clock,) = regime_clocks(a_breach(), under("vn-consumer"))
    edited = LAWS["vn-consumer"].model_copy(
        update={"phase": (LAWS["vn-consumer"].phase[0].model_copy(update={"within": {"hours": 1}}),)}
    )
    facts = some_facts(regimes={"": (edited,)})
    (again,) = regime_clocks(a_breach(detected_at=NOON - HOUR), facts, {clock.id: clock})
    assert (NOON + 23 * HOUR, clock.regime_version) == (again.due_at, again.regime_version)


def test_a_breach_starts_its_laws_with_its_notice() -> None:
    """What the contract asks for and what the law asks for follow from one change."""
    clocks = react(a_change("customer_notice"), under("vn-consumer"), NOON).clocks
    assert ["customer_notice", "customer_update", "legal_report"] == [clock.workflow for clock in clocks]
    assert ["contract-modoro-s8"] * 2 + ["vn-consumer"] == [clock.regime for clock in clocks]
    closed = a_change(kind=ChangeKind.CLOSED, incident=a_breach())
    assert () == react(closed, under("vn-consumer"), NOON).clocks


def test_operators_hear_before_the_time_is_over_and_after() -> None:
    """At four fifths a warning that names law and addressee, at the end another message; each once."""
    facts = under("vn-personal-data")
    (clock,) = regime_clocks(a_breach(), facts)
    assert () == on_tick(NOON + 57 * HOUR, [clock], facts).commands
    warned = on_tick(NOON + 58 * HOUR, [clock], facts)
    (warning,) = warned.commands
    assert ("clock_runs_short", LAWS["vn-personal-data"].name) == (
        warning.payload.context["reason"],
        warning.payload.context["regime"],
    )
    assert "A05" in str(warning.payload.context["addressee"])
    assert () == on_tick(NOON + 59 * HOUR, warned.clocks, facts).commands
    over = on_tick(NOON + 72 * HOUR, warned.clocks, facts)
    assert ["clock_ran_out"] == [command.payload.context["reason"] for command in over.commands]
    assert () == on_tick(NOON + 73 * HOUR, over.clocks, facts).commands
