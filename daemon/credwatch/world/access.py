"""The rules of access: who may ask, who must agree, and what may become of a request.

The policy knows two reasons for which staff may touch a customer's account: the customer wants it, or a court or an
authority has ordered it (8.4). Each function takes a request and gives it back as it is afterwards, or raises
AccessForbidden; none knows a store.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec.structs import replace

from credwatch.kernel.access import (
    AccessForbidden,
    AccessGround,
    AccessRequest,
    AccessState,
    AccessStep,
    AccessStepKind,
)
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import nearest
from credwatch.kernel.secrecy import SecrecyOrder
from credwatch.world.authorisations import LONGEST, Permit
from credwatch.world.entries import ANY
from credwatch.world.staff import Staff, StaffMember

APPROVALS = 2
"""So many of the staff must agree, none of whom asks or acts."""
LONGEST_EMERGENCY = timedelta(hours=8)
"""Access that nobody agreed to lasts no longer."""
REVIEW_WITHIN = timedelta(days=1)
"""An emergency is reviewed within this time."""

_OVER = {
    AccessState.REFUSED: "it was refused",
    AccessState.WITHDRAWN: "it was withdrawn",
    AccessState.EXPIRED: "its time passed before everybody had agreed",
    AccessState.REVOKED: "it was revoked",
    AccessState.ENDED: "its time is over",
}
_ASK_ANEW = "ask anew: credwatch access request"


def member_of(staff: Staff, name: str) -> StaffMember:
    """Return the member of the staff that an id or an account names; raises AccessForbidden for any other name."""
    member = staff.member_named(name)
    if member is None:
        names = [one.id for one in staff.staff]
        raise AccessForbidden(
            f"{name!r} is no member of the staff", where="staff.toml", hint=nearest(name, names) or "name one with --by"
        )
    return member


def check_request(request: AccessRequest, staff: Staff, customers: Collection[str], actions: Collection[str]) -> None:
    """Raise AccessForbidden where a new request cannot be: names nobody knows, no time, or no document for an order."""
    if request.customer not in customers:
        hint = nearest(request.customer, customers) or f"known are: {', '.join(sorted(customers)) or 'none'}"
        raise AccessForbidden(f"customer {request.customer!r} is not known", where="customers.toml", hint=hint)
    _check_people(request, staff)
    _check_scope(request, actions)
    _check_times(request)
    if request.ground.is_order != (request.order is not None):
        if request.order is None:
            raise _refusal(request, "an order has a document, an issuer and an article", "name them")
        raise _refusal(request, f"{request.ground.value} rests on no order", "leave document, issuer and article out")


def _check_people(request: AccessRequest, staff: Staff) -> None:
    for name in request.actors:
        member_of(staff, name)
    for name in sorted(staff.barred.intersection(request.actors)):
        hint = "staff.toml: departments.may_touch_customers"
        raise _refusal(request, f"the department of {name} may not act on customers' accounts", hint)


def _check_scope(request: AccessRequest, actions: Collection[str]) -> None:
    for name in request.actions:
        if name != ANY and name not in actions:
            hint = nearest(name, actions) or f"known are: {', '.join(sorted(actions))}"
            raise _refusal(request, f"action {name!r} is not known", hint)
    missing = [name for name in ("accounts", "actions", "actors", "reason", "reference") if not getattr(request, name)]
    if missing:
        raise _refusal(request, f"{missing[0]} is missing", "say it")


def _check_times(request: AccessRequest) -> None:
    longest = LONGEST_EMERGENCY if request.ground is AccessGround.EMERGENCY else LONGEST
    begin = max(request.starts_at, request.asked_at)
    if request.ends_at <= begin:
        raise _refusal(request, "it would end before it begins, or has ended already", "name a later end")
    if request.ends_at - begin > longest:
        raise _refusal(request, f"it would last longer than {longest}", "ask for less, and again when it ends")


def approved(request: AccessRequest, by: str, at: datetime, text: str = "") -> AccessRequest:
    """Have a member of the staff agree, who has proved who they are; it is granted once everybody needed has agreed."""
    _check_waiting(request, at)
    if by == request.asked_by or by in request.actors:
        raise _refusal(request, f"{by} asks for it or would act, and cannot approve it", "two others approve it")
    if by in request.approvers:
        raise _refusal(request, f"{by} has approved it already", "another person approves it, too")
    return _granted(_with(request, AccessStepKind.APPROVED, by, at, text), at)


def emergency(request: AccessRequest, at: datetime) -> AccessRequest:
    """Have an emergency hold at once."""
    return replace(request, state=AccessState.GRANTED, granted_at=at)


def customer_approved(request: AccessRequest, contact: str, at: datetime, text: str = "") -> AccessRequest:
    """Have the customer agree; raises AccessForbidden where it was not asked or has agreed already."""
    _check_customer(request, at)
    return _granted(_with(request, AccessStepKind.CUSTOMER_APPROVED, contact, at, text), at)


def customer_refused(request: AccessRequest, contact: str, at: datetime, text: str = "") -> AccessRequest:
    """Have the customer refuse what it was asked for, or end what it had agreed to."""
    if request.state is AccessState.GRANTED and request.ground is AccessGround.CUSTOMER_REQUEST:
        return _over(request, AccessState.REVOKED, AccessStepKind.CUSTOMER_REFUSED, contact, at, text)
    _check_waiting(request, at)
    if request.ground is not AccessGround.CUSTOMER_REQUEST:
        raise _refusal(request, "it does not rest on the customer's word", "")
    return _over(request, AccessState.REFUSED, AccessStepKind.CUSTOMER_REFUSED, contact, at, text)


def refused(request: AccessRequest, by: str, at: datetime, text: str) -> AccessRequest:
    """Refuse a request that waits; who asked withdraws it thereby."""
    _check_waiting(request, at)
    if by == request.asked_by:
        return _over(request, AccessState.WITHDRAWN, AccessStepKind.WITHDRAWN, by, at, text)
    return _over(request, AccessState.REFUSED, AccessStepKind.REFUSED, by, at, text)


def revoked(request: AccessRequest, by: str, at: datetime, text: str) -> AccessRequest:
    """End access before its time."""
    if request.state is AccessState.WAITING:
        raise _refusal(request, "it is not granted", "refuse it: credwatch access refuse")
    if request.state is not AccessState.GRANTED or at >= request.ends_at:
        raise _refusal(request, _OVER.get(request.state, "its time is over"), "nobody may act on it any more")
    return _over(request, AccessState.REVOKED, AccessStepKind.REVOKED, by, at, text)


def reviewed(request: AccessRequest, by: str, at: datetime, text: str) -> AccessRequest:
    """Have somebody who did not ask, act or approve say how it went; an emergency may still run, others are over."""
    if request.granted_at is None:
        raise _refusal(request, "it was never granted", "there is nothing to review")
    if request.step(AccessStepKind.REVIEWED):
        raise _refusal(request, "it was reviewed already", "credwatch access show says how")
    if by == request.asked_by or by in request.actors:
        raise _refusal(request, f"{by} asked for it or acted, and cannot review it", "another person reviews it")
    if request.ground is not AccessGround.EMERGENCY and at < request.holds_until:
        raise _refusal(request, f"it runs until {rfc3339(request.ends_at)}", "review it then, or revoke it")
    return _with(request, AccessStepKind.REVIEWED, by, at, text)


def passed(request: AccessRequest, now: datetime) -> AccessRequest:
    """Return a request as it is once its time is over; as it was, where it is not."""
    if now < request.ends_at:
        return request
    if request.state is AccessState.GRANTED:
        return _over(request, AccessState.ENDED, AccessStepKind.ENDED, _MACHINE, request.ends_at, "")
    if request.state is AccessState.WAITING:
        return _over(request, AccessState.EXPIRED, AccessStepKind.EXPIRED, _MACHINE, request.ends_at, "")
    return request


def noted(request: AccessRequest, kind: AccessStepKind, now: datetime) -> AccessRequest:
    """Note what the daemon did about it."""
    return _with(request, kind, _MACHINE, now, "")


def review_due(request: AccessRequest) -> datetime | None:
    """Say by when somebody must have reviewed an emergency; None where nobody must, or has."""
    is_due = request.ground is AccessGround.EMERGENCY and not request.step(AccessStepKind.REVIEWED)
    return request.granted_at + REVIEW_WITHIN if is_due and request.granted_at else None


def awaits_customer(request: AccessRequest) -> bool:
    """Say whether the customer has not yet said whether it agrees, and must."""
    asks = request.ground is AccessGround.CUSTOMER_REQUEST and request.state is AccessState.WAITING
    return asks and request.step(AccessStepKind.CUSTOMER_APPROVED) is None


def permit_of(request: AccessRequest) -> Permit | None:
    """Return what acts of staff are held against; None where it was never granted."""
    begin = request.holds_from
    if begin is None:
        return None
    return Permit(
        id=request.id,
        basis=request.ground.value,
        customer=request.customer,
        accounts=request.accounts,
        actors=request.actors,
        actions=request.actions,
        approvers=request.approvers,
        valid_from=begin,
        valid_until=max(begin, request.holds_until),
    )


def secrecy_of(request: AccessRequest) -> SecrecyOrder | None:
    """Return the order that forbids to tell of it, about no incident yet; None where nothing forbids that."""
    order = request.order
    if order is None or order.secret_until is None:
        return None
    words = (request.reference, order.issuer, order.article, order.document_sha256)
    return SecrecyOrder("", *words, order.secret_until, request.approvers)


_MACHINE = "credwatch"


def _check_waiting(request: AccessRequest, at: datetime) -> None:
    if request.state is AccessState.GRANTED:
        raise _refusal(request, "it is granted already", "credwatch access revoke ends it")
    if request.state is not AccessState.WAITING:
        raise _refusal(request, _OVER[request.state], _ASK_ANEW)
    if at >= request.ends_at:
        raise _refusal(request, f"its time ended at {rfc3339(request.ends_at)}", _ASK_ANEW)


def _check_customer(request: AccessRequest, at: datetime) -> None:
    _check_waiting(request, at)
    if request.ground is not AccessGround.CUSTOMER_REQUEST:
        raise _refusal(request, "it does not rest on the customer's word", "")
    if not awaits_customer(request):
        raise _refusal(request, "the customer has approved it already", "")


def _granted(request: AccessRequest, at: datetime) -> AccessRequest:
    """Grant it where everybody has agreed by now."""
    if len(request.approvers) < APPROVALS or awaits_customer(request):
        return request
    return replace(request, state=AccessState.GRANTED, granted_at=at)


def _over(
    request: AccessRequest, state: AccessState, kind: AccessStepKind, by: str, at: datetime, text: str
) -> AccessRequest:
    return replace(_with(request, kind, by, at, text), state=state, over_at=at)


def _with(request: AccessRequest, kind: AccessStepKind, by: str, at: datetime, text: str) -> AccessRequest:
    return replace(request, steps=(*request.steps, AccessStep(kind, by, at, text)))


def _refusal(request: AccessRequest, message: str, hint: str) -> AccessForbidden:
    return AccessForbidden(message, where=request.id or "the request", hint=hint)
