"""What a customer was told, its answers, and the evidence of a case."""

from __future__ import annotations

from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, RedirectResponse, Response

from credwatch.kernel.case_entry import Statement
from credwatch.web.portal import browser
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.interface import CustomerContact, NoticeView
from credwatch.web.portal.visit import Visit
from credwatch.web.push.pace import Pace

_LONGEST = 4_000
_WHOLE = "said"
"""The field that speaks of the whole incident; those of accounts are `said-0`, `said-1`, …"""


class NoticePages:
    """The pages of a contact who is logged in."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self._downloads = Pace(1 / 30, 5)

    def listed(self, visit: Visit) -> Response:
        """List what the customer was told of."""
        return self._door.page(visit, "notices", {"lines": self._door.desk.notices(self._who(visit).customer)})

    def shown(self, visit: Visit) -> Response:
        """Show one."""
        return self._shown(visit, done=visit.request.query_params.get("done", "") == "yes")

    def _shown(self, visit: Visit, problem: str = "", *, done: bool = False) -> Response:
        view = self._door.desk.notice(self._who(visit).customer, visit.part("number"))
        if view is None:
            return self._door.refusal(visit, "not_here", 404)
        values = {"view": view, "problem": problem, "done": done, "text": visit.first("text")}
        values |= {"submission": visit.first("submission") or browser.new_token()}
        return self._door.page(visit, "notice", values, 400 if problem else 200)

    def answered(self, visit: Visit) -> Response:
        """Take the answer, for each account or for the whole."""
        who, number = self._who(visit), visit.part("number")
        view = self._door.desk.notice(who.customer, number)
        if view is None:
            return self._door.refusal(visit, "not_here", 404)
        said, submission = _said(visit, view), visit.first("submission")
        if not said or not submission:
            return self._shown(visit, "nothing_said")
        name = browser.digest(f"answer {who.customer} {who.address} {number} {submission}")
        self._door.desk.answer(who, number, said, visit.first("text")[:_LONGEST], name)
        return RedirectResponse(f"/notices/{number}?done=yes", 303)

    def evidence(self, visit: Visit) -> Response:
        """Hand out the evidence of a case, as a file that is never opened in the browser."""
        who, number = self._who(visit), visit.part("number")
        if self._downloads.wait_of(who.customer):
            return self._door.refusal(visit, "slower", 429)
        self._downloads.take(who.customer)
        file = self._door.desk.evidence(who, number)
        if file is None:
            return self._door.refusal(visit, "not_here", 404)
        gone = BackgroundTask(Path.unlink, file, missing_ok=True)
        return FileResponse(file, filename=f"{number}.zip", media_type="application/zip", background=gone)

    def _who(self, visit: Visit) -> CustomerContact:
        contact = self._door.contact_of(visit)
        assert contact is not None, "the door lets nobody else in"
        return contact


def _said(visit: Visit, view: NoticeView) -> dict[str, Statement]:
    """Read what was said of each account, or of the whole; what is no statement is not read."""
    fields = {_WHOLE: ""} | {f"{_WHOLE}-{at}": account for at, account in enumerate(view.accounts)}
    words = {word.value: word for word in Statement}
    return {account: words[visit.first(name)] for name, account in fields.items() if visit.first(name) in words}
