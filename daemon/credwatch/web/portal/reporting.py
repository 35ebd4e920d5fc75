"""The form on which a breach is reported, with and without logging in, and the page on which a receipt is looked up."""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from credwatch.kernel.report import ReportWay
from credwatch.web.portal import browser
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.guard import pace_key
from credwatch.web.portal.interface import NewReport
from credwatch.web.portal.report_limits import ReportLimits
from credwatch.web.portal.visit import Visit
from credwatch.web.push.pace import Pace

_TRAP = "website"
"""A field that no person sees; programs that fill in everything fill it in."""
_HASTE_SECONDS = 4
"""Nobody describes a breach faster."""
_DAY_SECONDS = 86_400


class ReportPages:
    """Takes reports by a form."""

    def __init__(self, door: FrontDoor, zone: str) -> None:
        self._door = door
        self._zone = ZoneInfo(zone)
        self._by_address = Pace(1 / 120, 5)
        self._guesses = Pace(1 / 60, 10)
        self._limits = ReportLimits(door.options)

    def form(self, visit: Visit) -> Response:
        """Show the form."""
        return self._form(visit)

    def _form(self, visit: Visit, problem: str = "", status: int = 200) -> Response:
        names = ("what", "accounts", "occurred", "company", "sender", "phone")
        contact = self._door.contact_of(visit)
        mine = self._door.desk.reports(contact.customer) if contact else ()
        values: dict[str, Any] = {
            "problem": problem,
            "values": {name: visit.first(name) for name in names},
            "reports": mine,
        }
        values |= {"submission": visit.first("submission") or browser.new_token(), "limits": self._limits}
        return self._door.page(visit, "report", values | {"begun": visit.first("begun") or _stamp(visit)}, status)

    def sent(self, visit: Visit) -> Response:
        """Take a report in, and show its receipt; what is missing is asked for, and what was written stays."""
        key, contact = pace_key(visit.address), self._door.contact_of(visit)
        if contact is None and self._by_address.wait_of(key):
            return self._form(visit, "wait", 429)
        if problem := self._problem(visit):
            return self._form(visit, problem, 400)
        self._by_address.take(key)
        receipt = self._door.desk.report(self._report(visit))
        if receipt is None:
            return self._form(visit, "too_many", 429)
        return self._door.page(visit, "receipt", {"receipt": receipt})

    def _problem(self, visit: Visit) -> str:
        """Say what is wrong with a report: one of the words of the page."""
        is_known = self._door.contact_of(visit) is not None
        if not visit.first("what"):
            return "nothing_said"
        if not is_known and not (visit.first("sender") and visit.first("company")):
            return "nobody"
        if not visit.first("submission"):
            return "nothing_said"
        if visit.first("occurred") and self._occurred(visit) is None:
            return "no_moment"
        return self._limits.problem(visit.first("what"), _accounts(visit), visit.uploads)

    def _report(self, visit: Visit) -> NewReport:
        contact = self._door.contact_of(visit)
        owner = f"{contact.customer} {contact.address}" if contact else f"browser {visit.browser}"
        return NewReport(
            way=ReportWay.PAGE if contact else ReportWay.FORM,
            what=visit.first("what"),
            sending=browser.digest(f"report {owner} {visit.first('submission')}"),
            customer=contact.customer if contact else "",
            claimed="" if contact else visit.first("company")[: self._limits.line],
            sender=contact.address if contact else visit.first("sender")[: self._limits.line],
            phone=visit.first("phone")[:40],
            accounts=_accounts(visit),
            occurred_at=self._occurred(visit),
            uploads=tuple(visit.uploads),
            doubts=() if contact else _doubts(visit),
        )

    def _occurred(self, visit: Visit) -> datetime | None:
        """Read the moment as a browser's field writes it, in the zone of the readers."""
        try:
            return datetime.fromisoformat(visit.first("occurred")).replace(tzinfo=self._zone)
        except ValueError:
            return None

    def receipt_form(self, visit: Visit) -> Response:
        """Ask for the number and the code of a receipt."""
        return self._door.page(visit, "receipt_form", {"problem": "", "standing": None, "number": "", "minutes": 0})

    def receipt(self, visit: Visit) -> Response:
        """Say how a report stands, to whoever has number and code."""
        number, key = visit.first("number").upper()[:64], pace_key(visit.address)
        values = {"problem": "", "standing": None, "number": number, "minutes": 0}
        if wait := max(self._guesses.wait_of(key), self._guesses.wait_of(number)):
            minutes = math.ceil(wait / 60)
            return self._door.page(visit, "receipt_form", values | {"problem": "wait", "minutes": minutes}, 429)
        standing = self._door.desk.report_with(number, visit.first("code")[:64])
        if standing is None:
            self._guesses.take(key)
            self._guesses.take(number)
        return self._door.page(
            visit, "receipt_form", values | {"problem": "" if standing else "unknown", "standing": standing}
        )


def _accounts(visit: Visit) -> tuple[str, ...]:
    lines = (line.strip() for line in visit.first("accounts").replace(",", "\n").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def _stamp(visit: Visit, clock: Callable[[], float] = time.time) -> str:
    """Write when a form was shown, so that only this browser can have been shown it then."""
    moment = str(int(clock()))
    return f"{moment}.{_sealed(visit, moment)}"


def _sealed(visit: Visit, moment: str) -> str:
    return hmac.new(visit.browser.encode(), f"begun {moment}".encode(), "sha256").hexdigest()[:32]


def _doubts(visit: Visit, clock: Callable[[], float] = time.time) -> tuple[str, ...]:
    """Say what speaks against an honest report; operators see it with its doubts, and are not written to."""
    moment, _, seal = visit.first("begun").partition(".")
    age = clock() - int(moment) if moment.isdecimal() and len(moment) < 12 else -1.0
    is_ours = hmac.compare_digest(seal.encode("utf-8", "replace"), _sealed(visit, moment).encode())
    doubts = {
        "trap": bool(visit.first(_TRAP)),
        "haste": not is_ours or not _HASTE_SECONDS <= age <= _DAY_SECONDS,
        "links": visit.first("what").count("://") > 3,
    }
    return tuple(name for name, is_so in doubts.items() if is_so)
