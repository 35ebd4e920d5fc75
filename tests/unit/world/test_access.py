"""Who may ask for access, who must agree, and what may become of a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from access_office import HOUR, ORDER, USER, a_request, an_order
from credwatch.kernel.access import AccessForbidden, AccessGround, AccessRequest, AccessState
from credwatch.world.access import (
    approved,
    check_request,
    customer_approved,
    customer_refused,
    emergency,
    passed,
    permit_of,
    refused,
    review_due,
    reviewed,
    revoked,
)
from credwatch.world.staff import Departments, Staff, StaffMember
from scenarios.lines import BEGIN

STAFF = Staff(
    staff=tuple(
        StaffMember(id=name, name=name, accounts=(f"{name}@vendor.example",), department=department)
        for name, department in (("minh", "support"), ("quang", "security"), ("yen", "legal"))
    ),
    departments=Departments(may_touch_customers=("support",)),
)


def asked(**changes: Any) -> AccessRequest:
    """Build a request that minh has made."""
    return a_request(**{"id": "AR-1", "asked_by": "minh", "actors": ("minh",), **changes})


def on_order(**changes: Any) -> AccessRequest:
    """Build one on an order."""
    return an_order(**{"id": "AR-1", "asked_by": "minh", "actors": ("minh",), **changes})


def agreed(request: AccessRequest, at: datetime = BEGIN) -> AccessRequest:
    """Have two of the staff approve."""
    return approved(approved(request, "quang", at), "yen", at)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"customer": "nobody"}, "not known"),
    ({"actors": ("lan",)}, "no member of the staff"),
    ({"actors": ("quang",)}, "may not act"),
    ({"actions": ("login",)}, "not known"),
    ({"accounts": ()}, "accounts is missing"),
    ({"reason": ""}, "reason is missing"),
    ({"reference": ""}, "reference is missing"),
    ({"ends_at": BEGIN}, "end before it begins"),
    ({"starts_at": BEGIN - 3 * HOUR, "ends_at": BEGIN - HOUR}, "has ended already"),
    ({"ends_at": BEGIN + 91 * 24 * HOUR}, "longer"),
    ({"ground": AccessGround.EMERGENCY, "ends_at": BEGIN + 9 * HOUR}, "longer"),
    ({"ground": AccessGround.COURT_ORDER}, "an order has a document"),
    ({"order": ORDER}, "rests on no order"),
]


@pytest.mark.parametrize(("changes", "said"), BAD)
def test_a_request_that_cannot_be(changes: dict[str, Any], said: str) -> None:
    """What is wrong with it is said."""
    with pytest.raises(AccessForbidden, match=said):
        check_request(asked(**changes), STAFF, {"hai-au"}, {"staff_access"})


def test_a_request_that_can_be() -> None:
    """A request as it should be is taken, an order's and an emergency's too."""
    for request in (asked(), on_order(), asked(ground=AccessGround.EMERGENCY), asked(accounts=("*",), actions=("*",))):
        check_request(request, STAFF, {"hai-au"}, {"staff_access"})


def test_two_others_agree_and_the_customer_too() -> None:
    """Access on the customer's request is granted by the last of two approvals and the customer's word."""
    waits = agreed(asked())
    assert (AccessState.WAITING, None) == (waits.state, permit_of(waits))
    granted = customer_approved(waits, "contact it@haiau.example", BEGIN + HOUR)
    assert (AccessState.GRANTED, BEGIN + HOUR) == (granted.state, granted.granted_at)
    first = customer_approved(asked(), "contact it@haiau.example", BEGIN)
    assert AccessState.GRANTED is agreed(first).state


def test_an_order_needs_two_of_the_staff() -> None:
    """One approval does not grant it, two do, and the customer is not asked."""
    assert AccessState.WAITING is approved(on_order(), "quang", BEGIN).state
    granted = agreed(on_order())
    permit = permit_of(granted)
    assert permit is not None
    assert ("court_order", (USER,), ("quang", "yen")) == (permit.basis, permit.accounts, permit.approvers)
    assert (BEGIN, BEGIN + 2 * HOUR) == (permit.valid_from, permit.valid_until)
    with pytest.raises(AccessForbidden, match="customer's word"):
        customer_approved(on_order(), "contact", BEGIN)


Step = Callable[[AccessRequest], AccessRequest]


def _refuse(request: AccessRequest) -> AccessRequest:
    return refused(request, "quang", BEGIN, "no")


def _withdraw(request: AccessRequest) -> AccessRequest:
    return refused(request, "minh", BEGIN, "not needed")


def _revoke(request: AccessRequest) -> AccessRequest:
    return revoked(agreed(request), "quang", BEGIN, "done")


def _expire(request: AccessRequest) -> AccessRequest:
    return passed(request, request.ends_at)


OVER: list[tuple[Step, AccessState, str]] = [
    (_refuse, AccessState.REFUSED, "it was refused"),
    (_withdraw, AccessState.WITHDRAWN, "it was withdrawn"),
    (_revoke, AccessState.REVOKED, "it was revoked"),
    (_expire, AccessState.EXPIRED, "its time passed"),
    (lambda request: passed(agreed(request), request.ends_at), AccessState.ENDED, "its time is over"),
]


@pytest.mark.parametrize(("step", "state", "said"), OVER)
def test_what_is_over_stays_so(step: Step, state: AccessState, said: str) -> None:
    """An approval, a refusal or a revocation afterwards is refused, and says what has become of it."""
    over = step(on_order())
    assert state is over.state
    for late in (lambda: approved(over, "yen", BEGIN), lambda: refused(over, "yen", BEGIN, "no")):
        with pytest.raises(AccessForbidden, match=said):
            late()
    with pytest.raises(AccessForbidden, match=said):
        revoked(over, "yen", BEGIN, "no")


def test_who_may_not_approve() -> None:
    """Who asks, who would act, who has approved already; and nobody once its time has passed."""
    request = on_order(actors=("thao",))
    for name in ("minh", "thao"):
        with pytest.raises(AccessForbidden, match="cannot approve"):
            approved(request, name, BEGIN)
    with pytest.raises(AccessForbidden, match="approved it already"):
        approved(approved(request, "quang", BEGIN), "quang", BEGIN)
    with pytest.raises(AccessForbidden, match="its time ended"):
        approved(request, "quang", request.ends_at)
    with pytest.raises(AccessForbidden, match="granted already"):
        approved(agreed(request), "anh", BEGIN)


def test_the_customer_ends_what_it_agreed_to() -> None:
    """Its refusal ends what waits, and what it had agreed to; of an order it is not asked."""
    assert AccessState.REFUSED is customer_refused(asked(), "contact", BEGIN, "not us").state
    granted = agreed(customer_approved(asked(), "contact", BEGIN))
    ended = customer_refused(granted, "contact", BEGIN + HOUR, "enough")
    assert (AccessState.REVOKED, BEGIN + HOUR) == (ended.state, ended.holds_until)
    with pytest.raises(AccessForbidden, match="customer's word"):
        customer_refused(on_order(), "contact", BEGIN, "no")


def test_a_grant_covers_from_the_last_word_to_its_end() -> None:
    """It covers nothing from before it was granted, and nothing from the moment that it was revoked."""
    granted = agreed(on_order(), BEGIN + HOUR / 2)
    revoked_early = revoked(granted, "quang", BEGIN + HOUR, "done")
    permit = permit_of(revoked_early)
    assert permit is not None
    assert (BEGIN + HOUR / 2, BEGIN + HOUR) == (permit.valid_from, permit.valid_until)


def test_a_review() -> None:
    """Somebody else reviews it, once, when it is over; an emergency may still run, and has a day for it."""
    urgent = emergency(asked(ground=AccessGround.EMERGENCY), BEGIN)
    assert BEGIN + 24 * HOUR == review_due(urgent)
    with pytest.raises(AccessForbidden, match="cannot review"):
        reviewed(urgent, "minh", BEGIN, "all well")
    done = reviewed(urgent, "quang", BEGIN, "all well")
    assert None is review_due(done)
    with pytest.raises(AccessForbidden, match="reviewed already"):
        reviewed(done, "yen", BEGIN, "all well")
    with pytest.raises(AccessForbidden, match="never granted"):
        reviewed(on_order(), "anh", BEGIN, "all well")
    with pytest.raises(AccessForbidden, match="it runs until"):
        reviewed(agreed(on_order()), "anh", BEGIN, "all well")
    assert replace(done, state=AccessState.ENDED).step() is None
