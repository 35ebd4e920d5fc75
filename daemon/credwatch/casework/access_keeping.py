"""What goes with a step of a request for access: the audit trail, letters, and what the daemon does by the clock.

While an order forbids to tell the customer of a request, nothing of it enters its log, its pages or its mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.kernel.access import AccessGround, AccessRequest, AccessState, AccessStep, AccessStepKind
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.detection import Level
from credwatch.kernel.ids import incident_number
from credwatch.kernel.incident import Incident, Status
from credwatch.ledger.entry import Act, ActKind
from credwatch.pipeline.acts import incident_act
from credwatch.store import audit, outbox
from credwatch.store.cases import access_requests, incidents, secrecy_orders
from credwatch.store.cases.access_requests import StoredAccess
from credwatch.workflows.access_letters import access_news
from credwatch.workflows.escalation import EscalationReason, on_emergency_access
from credwatch.workflows.facts import Facts
from credwatch.workflows.portal_letters import PortalNews
from credwatch.world.access import REVIEW_WITHIN, awaits_customer, noted, passed, review_due

KIND = "emergency_access_unreviewed"
_REMINDED_AFTER = 0.8 * REVIEW_WITHIN
_OVER = (AccessState.ENDED, AccessState.REVOKED)
_ACTS = {
    AccessStepKind.APPROVED: ActKind.ACCESS_APPROVED,
    AccessStepKind.CUSTOMER_APPROVED: ActKind.ACCESS_APPROVED,
    AccessStepKind.REFUSED: ActKind.ACCESS_REFUSED,
    AccessStepKind.CUSTOMER_REFUSED: ActKind.ACCESS_REFUSED,
    AccessStepKind.WITHDRAWN: ActKind.ACCESS_REFUSED,
    AccessStepKind.EXPIRED: ActKind.ACCESS_REFUSED,
    AccessStepKind.REVOKED: ActKind.ACCESS_ENDED,
    AccessStepKind.ENDED: ActKind.ACCESS_ENDED,
    AccessStepKind.DISCLOSED: ActKind.ACCESS_DISCLOSED,
    AccessStepKind.REVIEWED: ActKind.ACCESS_REVIEWED,
    AccessStepKind.REMINDED: None,
    AccessStepKind.OVERDUE: ActKind.ACCESS_NOT_REVIEWED,
}


def open_request(connection: Connection, request: AccessRequest, facts: Facts, now: datetime) -> None:
    """Keep a new request, and tell who must hear of it at once."""
    access_requests.add_request(connection, request, due_of(request))
    asked = {"through": request.through}
    acts = [_act(connection, ActKind.ACCESS_ASKED, request, request.asked_by, now, asked)]
    if request.state is AccessState.GRANTED:
        acts.append(_act(connection, ActKind.ACCESS_GRANTED, request, request.asked_by, now))
    audit.append(connection, *acts)
    if awaits_customer(request):
        _tell(connection, PortalNews.ACCESS_ASKED, request, facts, now)
    if request.ground is AccessGround.EMERGENCY:
        _tell(connection, PortalNews.ACCESS_EMERGENCY, request, facts, now)
        _call(connection, EscalationReason.EMERGENCY_ACCESS, request, facts, now)


def keep(
    connection: Connection, stored: StoredAccess, after: AccessRequest, facts: Facts, now: datetime
) -> AccessRequest:
    """Keep what became of a request, in the transaction that has read it."""
    before = stored.request
    access_requests.save_request(connection, after, due_of(after))
    acts = [act for step in after.steps[len(before.steps) :] for act in _acts(connection, after, step, now)]
    is_granted = before.granted_at is None and after.granted_at is not None
    if is_granted:
        acts.append(_act(connection, ActKind.ACCESS_GRANTED, after, after.steps[-1].by, now))
        _tell(connection, PortalNews.ACCESS_GRANTED, after, facts, now)
    audit.append(connection, *acts)
    return after


def look_after(connection: Connection, stored: StoredAccess, facts: Facts, now: datetime) -> bool:
    """Do what the clock asks of a request; say whether anything changed."""
    before = stored.request
    after = _asked_for_review(connection, passed(before, now), facts, now)
    if after.state in _OVER and not after.step(AccessStepKind.DISCLOSED) and not is_secret(connection, after, now):
        use = stored.use
        outbox.queue(connection, access_news(PortalNews.ACCESS_ENDED, after, facts, now, use))
        after = noted(after, AccessStepKind.DISCLOSED, now)
    if after == before:
        return False
    keep(connection, stored, after, facts, now)
    return True


def _asked_for_review(connection: Connection, request: AccessRequest, facts: Facts, now: datetime) -> AccessRequest:
    """Remind of the review of an emergency; once its time is over, an incident tells that nobody reviewed it."""
    due = review_due(request)
    if due is None or request.granted_at is None or request.step(AccessStepKind.OVERDUE):
        return request
    if now >= due:
        _open_incident(connection, request, facts, now)
        return noted(request, AccessStepKind.OVERDUE, now)
    if now >= request.granted_at + _REMINDED_AFTER and not request.step(AccessStepKind.REMINDED):
        _call(connection, EscalationReason.ACCESS_REVIEW, request, facts, now)
        return noted(request, AccessStepKind.REMINDED, now)
    return request


def due_of(request: AccessRequest) -> datetime | None:
    """Say when the daemon has to look at a request next; None where it never has to."""
    return min(_dues(request), default=None)


def _dues(request: AccessRequest) -> Iterator[datetime]:
    if request.state in (AccessState.WAITING, AccessState.GRANTED):
        yield request.ends_at
    review = review_due(request)
    if review is not None and request.granted_at is not None and not request.step(AccessStepKind.OVERDUE):
        yield review if request.step(AccessStepKind.REMINDED) else request.granted_at + _REMINDED_AFTER
    if request.state in _OVER and not request.step(AccessStepKind.DISCLOSED):
        secret_until = request.order.secret_until if request.order else None
        yield secret_until or request.holds_until


def is_secret(connection: Connection, request: AccessRequest, now: datetime) -> bool:
    """Say whether an order forbids to tell the customer of a request: for its time, and while it holds back a case."""
    if request.order is None or request.order.secret_until is None:
        return False
    return request.is_secret(now) or secrecy_orders.is_running(connection, request.reference)


def _acts(connection: Connection, request: AccessRequest, step: AccessStep, now: datetime) -> Iterator[Act]:
    kind = _ACTS[step.kind]
    if step.kind is AccessStepKind.CUSTOMER_REFUSED and request.state is AccessState.REVOKED:
        kind = ActKind.ACCESS_ENDED
    if kind is not None:
        yield _act(connection, kind, request, step.by, now, {"words": step.text, "through": step.through})


def _act(
    connection: Connection,
    kind: ActKind,
    request: AccessRequest,
    actor: str,
    now: datetime,
    inner: Mapping[str, str] | None = None,
) -> Act:
    """Write an act: the customer reads the scope and who did it, and not what is ours, such as words about anybody."""
    details: dict[str, object] = {"request": request.id, "state": request.state.value}
    if kind in (ActKind.ACCESS_ASKED, ActKind.ACCESS_GRANTED, ActKind.ACCESS_DISCLOSED):
        details |= {
            "ground": request.ground.value,
            "reference": request.reference,
            "accounts": list(request.accounts),
            "actions": list(request.actions),
            "data": list(request.data),
            "actors": list(request.actors),
            "from": rfc3339(request.holds_from or request.starts_at),
            "until": rfc3339(request.holds_until),
        }
    unshared: dict[str, object] = {name: text for name, text in (inner or {}).items() if text}
    if request.order is not None:
        unshared |= {"issuer": request.order.issuer, "document_sha256": request.order.document_sha256}
    if is_secret(connection, request, now):
        return Act(now, kind, actor, details=details, unshared=unshared | {"customers": [request.customer]})
    return Act(now, kind, actor, customers=(request.customer,), details=details, unshared=unshared)


def _tell(connection: Connection, what: PortalNews, request: AccessRequest, facts: Facts, now: datetime) -> None:
    if not is_secret(connection, request, now):
        outbox.queue(connection, access_news(what, request, facts, now))


def _call(
    connection: Connection,
    reason: EscalationReason,
    request: AccessRequest,
    facts: Facts,
    now: datetime,
    incident: str = "",
) -> None:
    due = (request.granted_at or now) + REVIEW_WITHIN
    outbox.queue(connection, on_emergency_access(reason, request, due, facts, now, incident))


def _open_incident(connection: Connection, request: AccessRequest, facts: Facts, now: datetime) -> None:
    """Open the incident of an emergency that nobody reviewed; its number follows from the request."""
    began = request.granted_at or now
    incident = Incident(
        number=incident_number(KIND, request.id, at=now),
        kind=KIND,
        organization=request.customer,
        subject=request.id,
        level=Level.HIGH,
        status=Status.NEW,
        title="Emergency access was not reviewed in time",
        clause="8.4",
        occurred_first=began,
        occurred_last=now,
        recorded_at=now,
        detected_at=now,
        recorded_last=now,
        detected_last=now,
    )
    incident = replace(incident, organizations=(request.customer,), accounts=request.accounts)
    incidents.save_incidents(connection, [incident])
    audit.append(connection, incident_act(ActKind.INCIDENT_OPENED, incident, now))
    _call(connection, EscalationReason.ACCESS_NOT_REVIEWED, request, facts, now, incident.number)
