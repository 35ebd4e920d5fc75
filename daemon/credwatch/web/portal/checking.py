"""The page on which anybody checks whether a letter is genuine: it says yes or no, and nothing else."""

from __future__ import annotations

import math
import time

from starlette.responses import Response

from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.guard import pace_key
from credwatch.web.portal.visit import Visit
from credwatch.web.push.pace import Pace

_PER_SECOND, _AT_ONCE = 1 / 60, 10
"""So often one address, and so often one number, may be tried. A code has 80 bits, so this only keeps noise away."""
_SECONDS = 0.15
"""Each answer takes so long at least: how many letters were looked at does not show."""
_LONGEST = 64


class CheckPages:
    """Checks number and code."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self._by_address, self._by_number = Pace(_PER_SECOND, _AT_ONCE), Pace(_PER_SECOND, _AT_ONCE)

    def start(self, visit: Visit) -> Response:
        """Show what can be done here."""
        return self._door.page(visit, "start")

    def form(self, visit: Visit) -> Response:
        """Ask for number and code."""
        return self._door.page(visit, "check", {"result": "", "number": ""})

    def checked(self, visit: Visit) -> Response:
        """Say whether they belong to a letter of ours."""
        until = time.monotonic() + _SECONDS
        number, code = visit.first("number").upper()[:_LONGEST], visit.first("code")[:_LONGEST]
        if wait := self._wait(visit, number):
            values = {"result": "wait", "number": number, "minutes": math.ceil(wait / 60)}
            return self._door.page(visit, "check", values, 429)
        is_genuine = bool(number and code) and self._door.desk.is_genuine(number, code)
        if not is_genuine:
            self._by_number.take(number)
        self._by_address.take(pace_key(visit.address))
        time.sleep(max(0.0, until - time.monotonic()))
        return self._door.page(visit, "check", {"result": "genuine" if is_genuine else "not_genuine", "number": number})

    def _wait(self, visit: Visit, number: str) -> float:
        return max(self._by_address.wait_of(pace_key(visit.address)), self._by_number.wait_of(number))
