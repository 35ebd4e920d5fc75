"""Escalation: tells the operators what credwatch cannot do alone, so that nobody is silently not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from credwatch.kernel.access import AccessRequest
from credwatch.kernel.case_task import OpenTask
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.incident import Incident
from credwatch.kernel.staff_change import StaffChange
from credwatch.workflows.facts import Facts, Role
from credwatch.workflows.mail_receipt import RECEIPT
from credwatch.workflows.message import Letter, compose, hold_of, shown


class EscalationReason(StrEnum):
    """Why the operators are called."""

    NO_CUSTOMER = "no_customer"
    """The incident calls for a notice, and no customer is known."""
    NO_ADDRESS = "no_address"
    """The customer has no address left that may be written to."""
    NO_VENDOR = "no_vendor"
    """The incident calls for a report, and no vendor is configured."""
    UNKNOWN_WORKFLOW = "unknown_workflow"
    """A rule starts a workflow that this version does not have."""
    CLOCK_RUNS_SHORT = "clock_runs_short"
    """Most of the time of a duty is over, and it is not met yet."""
    CLOCK_RAN_OUT = "clock_ran_out"
    """The time of a duty is over and not every notice was accepted."""
    UPDATE_DUE = "update_due"
    """A promised update is due, and the incident is still open."""
    MAIL_DOWN = "mail_down"
    """The mail server takes nothing from us."""
    MAIL_BACK = "mail_back"
    """It takes messages again."""
    HELD = "held"
    """What was read long after it happened waits for a person to let its messages go."""
    FLOOD = "flood"
    """Very many incidents are opened at once."""
    FLOOD_OVER = "flood_over"
    """They are no longer."""
    NOT_DELIVERED = "not_delivered"
    """A message was refused, or nobody took it for days."""
    RETURNED = "returned"
    """A message came back, and no other address is left."""
    MAIL_ANSWERED = "mail_answered"
    """Somebody answered a message by mail."""
    DISOWNED = "disowned"
    """The customer says that it did not do what the notice tells of."""
    CUSTOMER_REPORTED = "customer_reported"
    """A customer reports a breach."""
    UNANSWERED = "unanswered"
    """Somebody who was told of an incident has not answered within the time for it."""
    SECRECY_REVIEW = "secrecy_review"
    """An order has forbidden for long to tell a customer: does it still?"""
    SILENCE_OVER = "silence_over"
    """A silence has ended or expired."""
    SOURCE_SILENT = "source_silent"
    """A source is more silent than its rhythm allows."""
    CANARY_LOST = "canary_lost"
    """A canary did not become a message in time."""
    REHEARSAL_FAILED = "rehearsal_failed"
    """A rehearsal of the timetable met a clock too late, or left a document incomplete."""
    TASK_DUE = "task_due"
    """The time of a task is over, and nobody has done it."""
    STAFF_CHANGE = "staff_change"
    """What concerns staff was changed, and two people are to confirm it."""
    STAFF_CHANGE_UNCONFIRMED = "staff_change_unconfirmed"
    """Nobody did in time."""
    EMERGENCY_ACCESS = "emergency_access"
    """A member of the staff has taken access that nobody agreed to."""
    ACCESS_REVIEW = "access_review"
    """It must be reviewed soon."""
    ACCESS_NOT_REVIEWED = "access_not_reviewed"
    """It was not."""
    AUDIT_DIFFERS = "audit_differs"
    """The audit trail is not what was signed."""
    MEASURES_HELD = "measures_held"
    """Measures wait for people to approve them."""
    MEASURE_REFUSED = "measure_refused"
    """A measure against what is never touched was asked for."""
    MEASURE_FAILED = "measure_failed"
    """A channel does not carry a measure out, or does not undo it."""


_EMPTY = (
    "starts",
    "started_at",
    "due_at",
    "regime",
    "addressee",
    "recipient",
    "reply",
    "occurred_last",
    "detected_at",
    "held",
    "silence",
    "hidden",
    "flood",
    "phone",
    "unanswered",
    "secrecy",
    "source",
    "silent_since",
    "canary_since",
    "rehearsal",
    "changes",
    "task",
    "audit",
    "access",
    "enforcement",
)
"""What a template may ask of any escalation, and only some have."""


def escalate(
    facts: Facts,
    now: datetime,
    reason: EscalationReason,
    *,
    duty: str,
    incident: str,
    organization: str = "",
    phase: str = "",
    hold: str = "",
    **values: object,
) -> tuple[Command, ...]:
    """Write to every operator; the same reason, duty, incident and phase is queued once."""
    recipient = facts.recipients.get(organization)
    context: dict[str, object] = {
        **dict.fromkeys(_EMPTY, ""),
        **values,
        "phone": phone_of(facts, duty, organization),
        "reason": reason.value,
        "duty": duty,
        "number": incident,
        "organization": recipient.name if recipient else shown(organization),
    }
    letter = Letter(
        kind=CommandKind.ESCALATE,
        workflow="escalation",
        language=facts.operators.language,
        values=context,
        incident=incident,
        organization=organization,
        phase=f"{reason} {duty} {phase}",
        hold=hold,
    )
    return compose(letter, facts.operators.addresses, facts, now)


def phone_of(facts: Facts, duty: str, organization: str) -> str:
    """Tell where the reader of a duty's letters is called; empty where there is none, or nobody knows."""
    if facts.role is Role.CUSTOMER:
        return facts.vendor.phone if facts.vendor and duty.startswith("breach_") else ""
    reader = facts.recipients.get(organization)
    return reader.phone if reader and duty else ""


def on_outage(is_down: bool, reply: str, last: datetime | None, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Tell the operators, once each, that mail is down and that it is back; `last` was the last acceptance before."""
    reason = EscalationReason.MAIL_DOWN if is_down else EscalationReason.MAIL_BACK
    phase = rfc3339(last) if last else ""
    return escalate(facts, now, reason, duty="", incident="", phase=phase, reply=shown(reply) if is_down else "")


def on_audit_differs(problem: str, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Tell the operators, once for each way in which it does, that the audit trail is not what was signed."""
    reason = EscalationReason.AUDIT_DIFFERS
    return escalate(facts, now, reason, duty="", incident="", phase=problem, audit=shown(problem))


def on_emergency_access(
    reason: EscalationReason, request: AccessRequest, review_by: datetime, facts: Facts, now: datetime, incident: str
) -> tuple[Command, ...]:
    """Tell the operators of access that nobody agreed to, and by when it must be reviewed."""
    return escalate(
        facts,
        now,
        reason,
        duty="",
        incident=incident,
        organization=request.customer,
        phase=request.id,
        access=f"{request.id}: {', '.join(request.actors)}, {request.reference}",
        due_at=rfc3339(review_by),
    )


def on_task_due(due: OpenTask, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Tell the operators, once for each, that a task's time is over."""
    words = f"{due.task.id}: {shown(due.task.what)}, {shown(due.task.owner)}"
    due_at = rfc3339(due.task.due_at) if due.task.due_at else ""
    reason = EscalationReason.TASK_DUE
    return escalate(facts, now, reason, duty="", incident=due.incident, phase=due.task.id, task=words, due_at=due_at)


def on_staff_change(
    reason: EscalationReason, changes: Sequence[StaffChange], facts: Facts, now: datetime
) -> tuple[Command, ...]:
    """Tell the operators of changes that two people are to confirm, or did not."""
    first = changes[0]
    return escalate(
        facts,
        now,
        reason,
        duty="",
        incident=first.incident,
        phase=f"{first.id} {rfc3339(first.due_at)}",
        changes=[f"{change.id}: {shown(change.what)}, {shown(change.by)}" for change in changes],
        due_at=rfc3339(min(change.due_at for change in changes)),
    )


def on_canary_lost(begun_at: str, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Tell the operators, once for each, that a canary of some moment did not arrive in time."""
    reason = EscalationReason.CANARY_LOST
    return escalate(facts, now, reason, duty="", incident="", phase=begun_at, canary_since=begun_at)


def on_rehearsal_failed(begun_at: str, troubles: Sequence[str], facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Tell the operators, once for each, that a rehearsal failed, and why."""
    reason = EscalationReason.REHEARSAL_FAILED
    words = [shown(trouble) for trouble in troubles]
    return escalate(facts, now, reason, duty="", incident="", phase=begun_at, rehearsal=words)


def escalate_about(
    incident: Incident,
    facts: Facts,
    now: datetime,
    reason: EscalationReason,
    *,
    duty: str,
    organization: str = "",
    phase: str = "",
) -> tuple[Command, ...]:
    """Write to every operator why an incident's duty cannot be done; of history that waits like the notice itself."""
    return escalate(
        facts,
        now,
        reason,
        duty=duty,
        incident=incident.number,
        organization=organization,
        phase=phase,
        hold=hold_of(incident),
        occurred_last=rfc3339(incident.occurred_last),
        detected_at=rfc3339(incident.detected_last),
    )


def on_refused(command: Command, reply: str, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Tell the operators that a message will not arrive, unless it was one to themselves, or the receipt for a mail."""
    if command.kind in (CommandKind.ESCALATE, CommandKind.DIGEST) or command.workflow == RECEIPT:
        return ()
    return about_letter(command, EscalationReason.NOT_DELIVERED, reply, facts, now)


def about_letter(
    command: Command, reason: EscalationReason, reply: str, facts: Facts, now: datetime
) -> tuple[Command, ...]:
    """Write to every operator what became of a letter, with what the other side said."""
    return escalate(
        facts,
        now,
        reason,
        duty=command.workflow,
        incident=command.incident,
        organization=command.organization,
        phase=command.id,
        recipient=command.recipient,
        reply=shown(reply),
    )
