"""What staff did on a customer's accounts, what they ask for, and the customer's yes or no."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from credwatch.kernel.access import AccessForbidden, AccessGround, AccessState
from credwatch.web.portal import browser
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.interface import CustomerContact
from credwatch.web.portal.visit import Visit
from credwatch.world.access import awaits_customer

_LONGEST = 1_000
_LIVE = (AccessState.WAITING, AccessState.GRANTED)
_ANSWERS = {"agree": True, "refuse": False}


class AccessPages:
    """The page of a contact who is logged in, with a second factor."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door

    def touches(self, visit: Visit) -> Response:
        """Show what waits for the customer's word, what holds, what is over, and each act."""
        return self._page(visit)

    def decided(self, visit: Visit) -> Response:
        """Take the customer's yes or no."""
        who, number = self._who(visit), visit.part("request")
        if number not in [one.request.id for one in self._door.desk.requests_of(who.customer)]:
            return self._door.refusal(visit, "not_here", 404)
        said, submission = visit.first("said"), visit.first("submission")
        if said not in _ANSWERS or not submission:
            return self._page(visit, "nothing_said", 400)
        name = browser.digest(f"access {who.customer} {who.address} {number} {submission}")
        try:
            self._door.desk.decide_as_customer(who, number, _ANSWERS[said], visit.first("text")[:_LONGEST], name)
        except AccessForbidden:
            return self._page(visit, "too_late", 409)
        return RedirectResponse("/touches?done=yes", 303)

    def _page(self, visit: Visit, problem: str = "", status: int = 200) -> Response:
        customer = self._who(visit).customer
        stored = self._door.desk.requests_of(customer)
        asked = [one for one in stored if awaits_customer(one.request)]
        values = {
            "asked": asked,
            "live": [one for one in stored if one.request.state in _LIVE and one not in asked],
            "past": [one for one in stored if one.request.state not in _LIVE],
            "ends_by": AccessGround.CUSTOMER_REQUEST,
            "touches": self._door.desk.touches(customer),
            "problem": problem,
            "done": visit.request.query_params.get("done", "") == "yes",
            "submission": browser.new_token(),
        }
        return self._door.page(visit, "touches", values, status)

    def _who(self, visit: Visit) -> CustomerContact:
        contact = self._door.contact_of(visit)
        assert contact is not None, "the door lets nobody else in"
        return contact
