"""Which ticket system comes, by its token, and how often it may."""

from __future__ import annotations

from starlette.requests import Request

from credwatch.sources.push.tokens import Tokens, token_in
from credwatch.web.access.options import AccessApiOptions, TicketSystemOptions
from credwatch.web.access.problems import AccessProblem
from credwatch.web.push.pace import Pace


class KnownSystems:
    """The ticket systems of the settings; calls may come from several threads.

    All of them come from this machine, so tokens that must be hashed are counted together. One that was judged before
    costs nothing, so a right one is taken whatever others send.
    """

    def __init__(self, options: AccessApiOptions) -> None:
        self._systems = {system.id: system for system in options.ticket_system}
        self._tokens = Tokens({system.id: system.token_hashes for system in options.ticket_system})
        self._judged = Pace(0.2, 20)
        self._requests = Pace(options.requests_per_minute / 60, options.requests_per_minute)

    def system_of(self, request: Request) -> TicketSystemOptions:
        """Return whose token a request has; raises AccessProblem for a wrong one, and where there are too many."""
        system = self._systems.get(self._name(request))
        if system is None:
            raise AccessProblem(401, "no_token", "send the token of a ticket system: Authorization: Bearer …")
        if wait := self._requests.wait_of(system.id):
            raise AccessProblem(429, "slower", "too many requests of this ticket system", wait=wait)
        self._requests.take(system.id)
        return system

    def _name(self, request: Request) -> str:
        token = token_in(request.headers.get("authorization", ""))
        if token is None:
            return ""
        before = self._tokens.remembered(token)
        if before is not None:
            return before
        if wait := self._judged.wait_of(""):
            raise AccessProblem(429, "slower", "too many new tokens", wait=wait)
        self._judged.take("")
        return self._tokens.source_of(token)
