"""Orders that forbid to tell a customer of an incident: two people let one begin, and two let it end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework.acts import Actor, Casework
from credwatch.incidents.lifecycle import IllegalTransition, check_reason
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.incident import Incident
from credwatch.kernel.secrecy import SecrecyOrder, SecrecyStep
from credwatch.pipeline import secrecy
from credwatch.store.cases import case_entries, incidents, secrecy_orders

_MISSING = "name it: --reference, --issuer, --article, --document, --until"
_Decide = Callable[[Connection, Incident, Sequence[CaseEntry]], SecrecyStep]


class Secrecy(Casework):
    """Lets orders begin and end in a store that a daemon may be using; use it in a `with` block.

    Each method is one transaction, and returns None where the number is unknown. One person proposes, and another one
    confirms by the same command; until then nothing changes but the case, which notes it.
    """

    def hold(self, number: str, actor: Actor, why: str, order: SecrecyOrder | None = None) -> SecrecyStep | None:
        """Propose an order, or confirm without naming it anew the one that another person has proposed.

        Raises IllegalTransition where nobody has proposed one, it was the same person, or an order by that number is
        known already.
        """

        def decide(connection: Connection, incident: Incident, entries: Sequence[CaseEntry]) -> SecrecyStep:
            orders = secrecy_orders.orders_of(connection, number)
            proposal = _proposal(entries, [other.reference for other in orders])
            if order is not None and (proposal is None or proposal.secrecy != SecrecyStep(order)):
                _check_new(order, orders)
                return SecrecyStep(order)
            first = _first(
                proposal, actor, number, hint="name it: --reference, --issuer, --article, --document, --until"
            )
            agreed = replace(first.order, approvers=(_name(proposal), actor.name), began_at=actor.at)
            secrecy.begin(connection, incident, agreed, self._facts(), actor.at, actor.name)
            return SecrecyStep(agreed, confirms=_name(proposal))

        return self._decided(number, actor, why, decide)

    def lift(self, number: str, actor: Actor, why: str, reference: str = "") -> SecrecyStep | None:
        """Propose that an order is over, or confirm it, which sends what it held back.

        Raises IllegalTransition where no order runs, several do and none is named, or it was the same person.
        """

        def decide(connection: Connection, incident: Incident, entries: Sequence[CaseEntry]) -> SecrecyStep:
            order = _running(secrecy_orders.orders_of(connection, number), number, reference)
            proposer = _proposer_of_end(entries, order)
            if proposer == "":
                return SecrecyStep(order, lifts=True)
            _check_second(proposer, actor, number)
            secrecy.lift(connection, incident, order, self._facts(), actor.at, (proposer, actor.name))
            return SecrecyStep(order, lifts=True, confirms=proposer)

        return self._decided(number, actor, why, decide)

    def _decided(self, number: str, actor: Actor, why: str, decide: _Decide) -> SecrecyStep | None:
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            check_reason(incident, why)
            step = decide(connection, incident, case_entries.entries_of(connection, number))
            entry = CaseEntry(number, actor.at, EntryKind.SECRECY, actor.name, why, secrecy=step)
            case_entries.add_entry(connection, entry)
        return step


def _proposal(entries: Sequence[CaseEntry], begun: Sequence[str]) -> CaseEntry | None:
    """Find the latest order that was proposed and has not begun."""
    for entry in reversed(entries):
        if entry.secrecy is not None and not entry.secrecy.lifts and not entry.secrecy.confirms:
            return None if entry.secrecy.order.reference in begun else entry
    return None


def _first(proposal: CaseEntry | None, actor: Actor, number: str, hint: str) -> SecrecyStep:
    if proposal is None or proposal.secrecy is None:
        raise IllegalTransition("nobody has proposed an order", where=number, hint=hint)
    _check_second(proposal.by, actor, number)
    return proposal.secrecy


def _name(proposal: CaseEntry | None) -> str:
    return proposal.by if proposal is not None else ""


def _check_second(proposer: str, actor: Actor, number: str) -> None:
    if proposer.casefold() == actor.name.casefold():
        hint = "another person says the same, with the same command"
        raise IllegalTransition(f"{actor.name} has proposed it, and cannot confirm it", where=number, hint=hint)


def _check_new(order: SecrecyOrder, orders: Sequence[SecrecyOrder]) -> None:
    if any(order.reference == other.reference for other in orders):
        hint = "an order that was lifted and is issued again has a number of its own"
        raise IllegalTransition(f"order {order.reference} is known already", where=order.incident, hint=hint)


def _running(orders: Sequence[SecrecyOrder], number: str, reference: str) -> SecrecyOrder:
    running = [order for order in orders if order.lifted_at is None and reference in ("", order.reference)]
    if not running:
        raise IllegalTransition("no such order runs", where=number, hint=f"credwatch incidents show {number} has them")
    if len(running) > 1:
        names = ", ".join(order.reference for order in running)
        raise IllegalTransition("several orders run", where=number, hint=f"name one with --reference: {names}")
    return running[0]


def _proposer_of_end(entries: Sequence[CaseEntry], order: SecrecyOrder) -> str:
    """Name who proposed last that an order is over, since it began; empty where nobody has."""
    for entry in reversed(entries):
        step = entry.secrecy
        if step is not None and step.lifts and step.order.reference == order.reference:
            return entry.by
    return ""
