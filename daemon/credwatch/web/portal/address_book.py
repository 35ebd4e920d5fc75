"""Notice addresses and telephone number: what holds, what is to change, and how a change is called off."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from credwatch.store.portal.changes import ChangeOf, ChangeState
from credwatch.web.portal import browser
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.guard import pace_key
from credwatch.web.portal.interface import ChangeRefused
from credwatch.web.portal.visit import Visit
from credwatch.web.push.pace import Pace

_LONGEST = 254


class AddressPages:
    """The address book of a customer."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self._guesses = Pace(1 / 60, 10)

    def page(self, visit: Visit) -> Response:
        """Show what holds and what waits."""
        return self._page(visit)

    def _page(self, visit: Visit, problem: str = "", status: int = 200) -> Response:
        who = self._door.contact_of(visit)
        assert who is not None, "the door lets nobody else in"
        addresses, phone, changes = self._door.desk.addresses(who.customer)
        values = {
            "addresses": addresses,
            "phone": phone,
            "waiting": [change for change in changes if change.state is ChangeState.WAITING],
            "past": [change for change in changes if change.state is not ChangeState.WAITING],
            "problem": problem,
            "value": visit.first("value") if problem else "",
            "days": self._door.options.change_waits.days,
            "hours": int(self._door.options.change_waits.total_seconds() // 3600),
        }
        return self._door.page(visit, "addresses", values | {"submission": browser.new_token()}, status)

    def changed(self, visit: Visit) -> Response:
        """Ask for a change."""
        who = self._door.contact_of(visit)
        assert who is not None, "the door lets nobody else in"
        kinds = {kind.value: kind for kind in ChangeOf}
        kind, value = kinds.get(visit.first("kind")), visit.first("value")[:_LONGEST]
        if kind is None or not visit.first("submission") or not value:
            return self._page(visit, "no_address", 400)
        name = browser.digest(f"change {who.customer} {who.address} {visit.first('submission')}")
        try:
            self._door.desk.change(who, kind, value, name)
        except ChangeRefused as error:
            return self._page(visit, error.message, 400)
        return RedirectResponse("/addresses", 303)

    def cancelled(self, visit: Visit) -> Response:
        """Call a change off, as a contact."""
        who = self._door.contact_of(visit)
        assert who is not None, "the door lets nobody else in"
        done = self._door.desk.cancel_change(visit.part("change"), customer=who.customer, by=who.address)
        return RedirectResponse("/addresses", 303) if done else self._door.refusal(visit, "not_here", 404)

    def stop_form(self, visit: Visit) -> Response:
        """Ask for number and code of the letter, of somebody who is not logged in."""
        return self._door.page(visit, "stop", {"result": ""})

    def stopped(self, visit: Visit) -> Response:
        """Call a change off by the code that the old addresses have."""
        number, key = visit.first("number").upper()[:64], pace_key(visit.address)
        if self._guesses.wait_of(key) or self._guesses.wait_of(number):
            return self._door.page(visit, "stop", {"result": "wait"}, 429)
        done = self._door.desk.cancel_change(number, code=visit.first("code")[:64])
        if not done:
            self._guesses.take(key)
            self._guesses.take(number)
        return self._door.page(visit, "stop", {"result": "done" if done else "unknown"}, 200 if done else 400)
