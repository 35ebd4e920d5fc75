"""Asks a service that keeps accounts (SCIM, Keycloak, Okta, Entra) to carry measures out, by its own API.

The account is looked up by its name first, and an answer that names another account is not believed: a service that
overlooks a filter would have everybody locked. What stands so already is not asked for again, so that an order that
is repeated after a crash changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.account import compared
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.loopback import is_loopback
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.kernel.trust import trust_of
from credwatch.outbox.enforcing.answers import GONE, REFUSALS, beginning, complaint_in, wait_of, words_of
from credwatch.outbox.enforcing.options import ServiceOptions
from credwatch.outbox.enforcing.orders import Order
from credwatch.outbox.enforcing.requests import SERVICES, AccountRecord, ServiceRequest, name_in

_MOST_BYTES = 1_048_576
_SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
"""The schema of an error (RFC 7644, section 3.12)."""
_IS_GONE = "the account is gone"


class _Answered(Exception):  # no error: what came of the attempt
    """The attempt has come to its end before the last request."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__()
        self.receipt = receipt


class _Exchange(Struct):
    """One attempt: its connection, what proves who asks, and what is asked for."""

    client: httpx.AsyncClient
    order: Order
    headers: dict[str, str]


class ServiceChannel:
    """Looks an account up and changes it, once for each command; keeps the contract of `Channel`."""

    def __init__(self, options: ServiceOptions, secret: Secret, clock: Clock) -> None:
        self._options = options
        self._service = SERVICES[options.kind]
        self._secret = secret
        self._clock = clock
        self._host = urlsplit(options.url).hostname or ""

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            order = Order.of(command)
            request = (self._service.undo if order.undo else self._service.do)[order.action]
        except (KeyError, TypeError, ValueError):
            return Refused(f"{self._host}: {self._options.kind} has no such action")
        try:
            async with asyncio.timeout(self._options.timeout_seconds), self._client() as client:
                exchange = _Exchange(client, order, {})
                exchange.headers = await self._proof(exchange)
                return await self._carried_out(exchange, request)
        except _Answered as end:
            return end.receipt
        except TimeoutError:
            return Retry(f"{self._host}: not done after {self._options.timeout_seconds:g} seconds", of_the_way=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Retry(on_a_terminal(f"{self._host}: {str(error) or type(error).__name__}"), of_the_way=True)

    def _client(self) -> httpx.AsyncClient:
        trust, timeout = trust_of(self._options.ca_file), httpx.Timeout(self._options.timeout_seconds)
        return httpx.AsyncClient(verify=trust, timeout=timeout, trust_env=not is_loopback(self._host))

    async def _proof(self, exchange: _Exchange) -> dict[str, str]:
        """Give the header that proves who asks: the secret itself, or a token that a client gets for it.

        A token is got anew for each command (RFC 6749, section 4.4): commands are few, and none is kept that may end.
        """
        options, token = self._options, self._secret.reveal()
        if options.client_id:
            form = {"grant_type": "client_credentials", "client_id": options.client_id, "client_secret": token}
            form |= {"scope": options.scope} if options.scope else {}
            body = await self._asked(exchange, exchange.client.build_request("POST", options.token_url, data=form))
            answer = _json(body)
            token = str(answer.get("access_token") or "") if isinstance(answer, dict) else ""
        if not token or not token.isascii() or not token.isprintable():
            raise _Answered(Retry(f"{self._host}: there is no token to ask with", of_the_way=True))
        return {"Authorization": f"{self._service.scheme} {token}"}

    async def _carried_out(self, exchange: _Exchange, request: ServiceRequest) -> Receipt:
        record = await self._record(exchange)
        if request.is_so(record):
            return replace(self._done("it stands so already"), stood=True)
        url = self._options.url + request.path.format(id=quote(str(record["id"]), safe=""))
        headers = {"Content-Type": self._service.media_type}
        content = None if request.body is None else json.dumps(request.body(record)).encode()
        asked = exchange.client.build_request(
            request.method, url, content=content, headers=headers if content is not None else {}
        )
        body = await self._asked(exchange, asked, names_account=True)
        if complaint := self._complaint(body, request):
            return Retry(f"{self._host}: {request.method} ({complaint})")
        return self._done(request.method)

    def _complaint(self, body: bytes, request: ServiceRequest) -> str:
        """Say why an answer of success is none; one that shows the account must show it changed (RFC 7644, 3.5.2)."""
        if complaint := complaint_in(body):
            return complaint
        answer = _json(body)
        if not isinstance(answer, dict):
            return ""
        if answer.get("value") is False or _SCIM_ERROR in (answer.get("schemas") or ()):
            return "its body says no"
        shows_account = bool(name_in(self._service, answer)) and "active" in answer
        return "the account is not changed" if shows_account and not request.is_so(answer) else ""

    async def _record(self, exchange: _Exchange) -> AccountRecord:
        """Look the account up; ends the attempt where there is not exactly one of its name."""
        order, service = exchange.order, self._service
        request = exchange.client.build_request("GET", self._options.url + service.find(order.target))
        accounts = _accounts_in(_json(await self._asked(exchange, request)), service.records)
        if accounts is None:
            raise _Answered(Retry(f"{self._host}: the answer is no list of accounts", of_the_way=True))
        ours = [it for it in accounts if compared(name_in(service, it)) == compared(order.target) and it.get("id")]
        if len(ours) == 1:
            return ours[0]
        if ours or accounts:
            word = "several accounts have this name" if ours else "it answers with other accounts than it is asked for"
            raise _Answered(Refused(f"{self._host}: {word}"))
        raise _Answered(self._done(_IS_GONE) if order.undo else Refused(f"{self._host}: there is no such account"))

    async def _asked(self, exchange: _Exchange, request: httpx.Request, *, names_account: bool = False) -> bytes:
        """Send a request and return the body; ends the attempt at any status but one of success."""
        request.headers.update(exchange.headers)
        response = await exchange.client.send(request, stream=True)
        try:
            body = await beginning(response, _MOST_BYTES)
        finally:
            await response.aclose()
        if not response.is_success:
            raise _Answered(self._receipt(response, body, exchange, names_account=names_account))
        return body

    def _receipt(self, response: httpx.Response, body: bytes, exchange: _Exchange, *, names_account: bool) -> Receipt:
        """Say what a status comes to; only a request that names the account can find it gone."""
        status = response.status_code
        words = words_of(body) if exchange.headers else ""  # what a token was asked with may stand in the answer
        secrets = (self._secret.reveal(), exchange.headers.get("Authorization", "").rpartition(" ")[2])
        for secret in filter(None, secrets):
            words = words.replace(secret, "…")
        reply = on_a_terminal(f"{self._host}: {status} {words}".rstrip())
        if status in GONE and names_account:
            return self._done(_IS_GONE) if exchange.order.undo else Refused(reply)
        if status in REFUSALS and exchange.headers:
            return Refused(reply)
        return Retry(reply, of_the_way=True, after=wait_of(response, self._clock))

    def _done(self, word: str) -> Delivered:
        return Delivered(self._clock(), f"{self._host}: done ({word})")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _accounts_in(answer: Any, key: str) -> list[AccountRecord] | None:
    """Read a list of accounts; None where it is none, or keeps back what it counts.

    `Resources` may be left out where nothing was found (RFC 7644, section 3.4.2).
    """
    records, total = answer, 0
    if key:
        if not isinstance(answer, dict):
            return None
        total = answer.get("totalResults", 0)
        records = answer.get(key, [] if "totalResults" in answer else None)
    if not isinstance(records, list) or not all(isinstance(it, dict) for it in records) or (total and not records):
        return None
    return records
