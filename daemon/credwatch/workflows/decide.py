"""Decides what follows from a change of an incident: the one place where workflows are named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from credwatch.kernel.canary import CANARY
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.workflows.breach_report import breach_report
from credwatch.workflows.canary import canary_message
from credwatch.workflows.customer_notice import customer_notice
from credwatch.workflows.disclosure_notice import disclosure_notice
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.facts import Facts, Reaction, Role
from credwatch.workflows.owner_notice import owner_notice
from credwatch.workflows.regimes import regime_clocks
from credwatch.workflows.update import breach_update, customer_update

_Workflow = Callable[[IncidentChange, Facts, datetime], Reaction]
_Closing = Callable[[Incident, Facts, datetime], Reaction]

WORKFLOWS: dict[str, tuple[Role, _Workflow]] = {
    "customer_notice": (Role.PROVIDER, customer_notice),
    "owner_notice": (Role.PROVIDER, owner_notice),
    "disclosure_notice": (Role.PROVIDER, disclosure_notice),
    "breach_report": (Role.CUSTOMER, breach_report),
}
"""Each workflow a rule may start, and the role it belongs to; in the other role it does nothing."""

_CLOSINGS: dict[str, tuple[Role, _Closing]] = {
    "customer_notice": (Role.PROVIDER, customer_update),
    "breach_report": (Role.CUSTOMER, breach_update),
}


def react(change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    """Decide which messages and clocks follow from a change; `now` becomes `created_at` (aware, UTC).

    Every workflow the incident has started is asked on each change, not only the new ones, because more
    evidence may bring another customer or another act; ids follow from the cause, so what is queued already
    stays as it is. A closed incident sends the updates that its notices promised; where they were held, none was.
    """
    if change.incident.kind == CANARY:
        return canary_message(change.incident, facts, now)
    workflows = dict.fromkeys((*change.incident.workflows, *change.started))
    reaction = Reaction()
    for workflow in workflows:
        if change.kind is ChangeKind.CLOSED:
            reaction += _close(workflow, change.incident, facts, now)
        else:
            reaction += _start(workflow, change, facts, now)
    if change.kind is not ChangeKind.CLOSED:
        incident = replace(change.incident, workflows=tuple(workflows))
        reaction += Reaction(clocks=regime_clocks(incident, facts))
    return reaction


def _start(workflow: str, change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    if workflow not in WORKFLOWS:
        reason = EscalationReason.UNKNOWN_WORKFLOW
        incident = change.incident
        return Reaction(escalate_about(incident, facts, now, reason, duty=workflow))
    role, begin = WORKFLOWS[workflow]
    return begin(change, facts, now) if role is facts.role else Reaction()


def _close(workflow: str, incident: Incident, facts: Facts, now: datetime) -> Reaction:
    if workflow not in _CLOSINGS or incident.is_held:
        return Reaction()
    role, close = _CLOSINGS[workflow]
    return close(incident, facts, now) if role is facts.role else Reaction()
