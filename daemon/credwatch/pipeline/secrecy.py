"""What follows when an order forbids to tell a customer of an incident, and when it does so no longer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import to_builtins
from sqlalchemy import Connection

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import HISTORY, Command
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Status
from credwatch.kernel.secrecy import SecrecyOrder
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.pipeline import holding
from credwatch.pipeline.acts import incident_act, release_act
from credwatch.store import audit, forbidden, joined, outbox
from credwatch.store.cases import held, incidents, legal_clocks, secrecy_orders
from credwatch.workflows.decide import react
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts
from credwatch.workflows.touched import customers_of

_AGAIN = timedelta(days=1)


def withhold(connection: Connection, orders: Iterable[SecrecyOrder], now: datetime, by: str = MACHINE) -> None:
    """Let orders begin; what has not left waits, clocks too, and customers' logs say that something is held back.

    Each order begins once. What a mail server has taken, or is taking, is not called back; what it gives back waits.
    """
    for order in secrecy_orders.begin(connection, orders):
        incident = incidents.incident(connection, order.incident)
        customers = customers_of(incident) if incident else ()
        forbidden.take_apart(connection, forbidden.unsent_letters_about(connection, order.incident), now)
        about = to_builtins(order) | {"messages": held.withhold(connection, order.incident)}
        legal_clocks.hold_clocks(connection, order.incident)
        audit.append(connection, Act(now, ActKind.MESSAGES_WITHHELD, by, customers=customers, unshared=about))


def begin(
    connection: Connection, incident: Incident, order: SecrecyOrder, facts: Facts, now: datetime, by: str
) -> None:
    """Let an order begin that two people have agreed on, and keep ready what its end will send."""
    withhold(connection, [order], now, by)
    if incident.status is not Status.CLOSED:
        reaction = react(IncidentChange(ChangeKind.UPDATED, incident), facts, now)
        outbox.queue(connection, reaction.commands)


def lift(
    connection: Connection, incident: Incident, order: SecrecyOrder, facts: Facts, now: datetime, by: Sequence[str]
) -> list[str]:
    """Let an order end, and send what it alone held back as it would be written now; return the ids of that.

    What is history waits on, for whoever lets its messages go. The customer's log tells now what it did not tell then.
    """
    secrecy_orders.lift(connection, order, by, now)
    if incident.number in secrecy_orders.secret_incidents(connection):
        return []
    joined.tell_at_last(connection, incident.number, now)
    ids = held.no_longer_secret(connection, incident.number, HISTORY if incident.is_held else "")
    span: dict[str, object] = {
        "began_at": rfc3339(order.began_at) if order.began_at else "",
        "reference": order.reference,
        "issuer": order.issuer,
    }
    customers = customers_of(incident)
    audit.append(
        connection,
        Act(now, ActKind.SECRECY_ENDED, " and ".join(by), incident.number, customers, span),
        incident_act(ActKind.INCIDENT_WENT_ON, incident, now),
    )
    if incident.is_held:
        return []
    waiting = held.held_messages(connection, ids=ids) if ids else []
    audit.append(connection, release_act(waiting, now, " and ".join(by)))
    holding.let_go(connection, incident, facts, now)
    for clock in legal_clocks.clocks_of(connection, incident.number):
        legal_clocks.release_clocks(connection, clock.workflow, clock.incident, clock.organization, now)
    return ids


def ask_for_review(connection: Connection, facts: Facts, now: datetime) -> int:
    """Ask the operators once a day of each order that is due for it; return how many letters were queued."""
    orders = secrecy_orders.due_for_review(connection, now, _AGAIN)
    secrecy_orders.note_reminded(connection, orders, now)
    letters = [letter for order in orders for letter in _letters(order, facts, now)]
    return outbox.queue(connection, letters)


def _letters(order: SecrecyOrder, facts: Facts, now: datetime) -> tuple[Command, ...]:
    return escalate(
        facts,
        now,
        EscalationReason.SECRECY_REVIEW,
        duty="",
        incident=order.incident,
        phase=f"{order.reference} {now:%Y-%m-%d}",
        secrecy=f"{order.reference}, {order.issuer} ({order.article})",
    )
