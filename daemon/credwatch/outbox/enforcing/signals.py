"""Pushes Security Event Tokens to a receiver of the Shared Signals Framework (RFC 8417, RFC 8935, CAEP, RISC)."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.loopback import is_loopback
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.kernel.trust import trust_of
from credwatch.outbox.enforcing.answers import REFUSALS, beginning, wait_of, words_of
from credwatch.outbox.enforcing.orders import Order
from credwatch.outbox.enforcing.signal_keys import SignalKey
from credwatch.outbox.enforcing.signal_options import UNDOINGS, SignalEvent, SignalOptions

CONTENT_TYPE = "application/secevent+jwt"
"""RFC 8417, section 7.2."""
_MOST_BYTES = 65_536
_ACCEPTED = 202
_BAD_REQUEST = 400
_EMPTY_SUCCESS = (200, 204)
ERRORS = {
    "invalid_request": "it cannot read the token or the event",
    "invalid_key": "it does not accept the key",
    "invalid_issuer": "it does not accept the issuer",
    "invalid_audience": "the audience is another",
    "authentication_failed": "it does not know us",
    "access_denied": "we may not send to it",
}
"""What a receiver says that refuses a token for good (RFC 8935, section 2.4)."""


class NotExpressible(Exception):
    """A measure that no token can tell; the message says why."""


def token_of(command: Command, options: SignalOptions) -> dict[str, Any]:
    """Write the claims of the token that tells a command; the same command gives the same claims.

    `jti` is the id of the command, so that a receiver drops what is repeated. Raises NotExpressible where no event
    tells the measure or the account has no name of the kind that the receiver asks for.
    """
    order = Order.of(command)
    event = UNDOINGS.get(order.action) if order.undo else options.switches.get(order.action)
    if event is None:
        raise NotExpressible(f"no event of the framework tells {order.action}{' undone' if order.undo else ''}")
    moment = int(command.created_at.timestamp())
    return {
        "iss": options.issuer,
        "aud": options.audience,
        "jti": command.id,
        "iat": moment,
        "txn": str(command.payload.context["measure"]),
        "sub_id": _subject(order.target, options),
        "events": {event.uri: _claims(event, command, moment)},
    }


def _subject(target: str, options: SignalOptions) -> dict[str, str]:
    """Name an account (RFC 9493, section 3.2)."""
    match options.subject:
        case "email":
            if "@" not in target:
                raise NotExpressible(f"{target} is no e-mail address; the channel may say subject = iss_sub or opaque")
            return {"format": "email", "email": target}
        case "iss_sub":
            return {"format": "iss_sub", "iss": options.subject_issuer or options.issuer, "sub": target}
        case "opaque":
            return {"format": "opaque", "id": target}


def _claims(event: SignalEvent, command: Command, moment: int) -> dict[str, Any]:
    claims: dict[str, Any] = dict(event.claims)
    if not event.is_caep:
        return claims
    why = str(command.payload.context["why"])
    return claims | {"event_timestamp": moment, "initiating_entity": "policy", "reason_admin": {"en": why}}


class SignalChannel:
    """Pushes one token for each command; keeps the contract of `Channel`."""

    def __init__(self, options: SignalOptions, key: SignalKey, token: Secret | None, clock: Clock) -> None:
        self._options = options
        self._key = key
        self._token = token
        self._clock = clock
        self._host = urlsplit(options.url).hostname or ""

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            body = self._key.signed(token_of(command, self._options))
        except NotExpressible as problem:
            return Refused(on_a_terminal(str(problem)))
        except (KeyError, TypeError, ValueError):
            return Refused("it is no order of a measure")
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                response, words = await self._pushed(body)
        except TimeoutError:
            return Retry(f"{self._host}: no answer after {self._options.timeout_seconds:g} seconds", of_the_way=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Retry(on_a_terminal(f"{self._host}: {str(error) or type(error).__name__}"), of_the_way=True)
        return self._receipt(response, words)

    async def _pushed(self, body: bytes) -> tuple[httpx.Response, bytes]:
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        trust, timeout = trust_of(self._options.ca_file), httpx.Timeout(self._options.timeout_seconds)
        async with httpx.AsyncClient(verify=trust, timeout=timeout, trust_env=not is_loopback(self._host)) as client:
            request = client.build_request("POST", self._options.url, content=body, headers=headers)
            response = await client.send(request, stream=True)
            try:
                return response, await beginning(response, _MOST_BYTES)
            finally:
                await response.aclose()

    def _receipt(self, response: httpx.Response, body: bytes) -> Receipt:
        """Say what a status comes to; only 202, or an empty success, says that the token was taken."""
        status = response.status_code
        reply = on_a_terminal(f"{self._host}: {status} {words_of(body)}".rstrip())
        if status == _ACCEPTED or (status in _EMPTY_SUCCESS and not body.strip()):
            return Delivered(self._clock(), reply)
        if status == _BAD_REQUEST:
            return Refused(on_a_terminal(f"{self._host}: {error_in(body)}"))
        if status in REFUSALS:
            return Refused(reply)
        return Retry(reply, of_the_way=True, after=wait_of(response, self._clock))


def error_in(body: bytes) -> str:
    """Say in words why a receiver refuses a token: by its error code, or that it names none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    code = str(answer.get("err", "")) if isinstance(answer, dict) else ""
    if code not in ERRORS:
        return f"400 without an error of RFC 8935: {words_of(body)}".rstrip(": ")
    description = str(answer.get("description", "")) if isinstance(answer, dict) else ""
    return f"{code}: {ERRORS[code]}" + (f" ({words_of(description.encode())})" if description else "")
