"""Tells an application by HTTP what to do: signed, with an idempotency key, believed only if it says that it did it.

Requests are signed as Standard Webhooks 1.0 has it (standardwebhooks.com): HMAC-SHA256 over id, timestamp and body.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from urllib.parse import urlsplit

import httpx

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.loopback import is_loopback
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.kernel.trust import trust_of
from credwatch.outbox.enforcing.answers import GONE, REFUSALS, beginning, complaint_in, wait_of, words_of
from credwatch.outbox.enforcing.options import WebhookOptions
from credwatch.outbox.enforcing.orders import CONTENT_TYPE, event_of

_MOST_BYTES = 65_536
_PREFIX = "whsec_"


def key_of(secret: Secret) -> bytes:
    """Return the bytes to sign with: those behind `whsec_` in base64, or else the text itself."""
    text = secret.reveal()
    if text.startswith(_PREFIX):
        try:
            return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return text.encode()
    return text.encode()


def signature(key: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """Sign a request: what stands in `webhook-signature`."""
    digest = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class WebhookChannel:
    """Sends one request for each command; keeps the contract of `Channel`."""

    def __init__(self, options: WebhookOptions, secret: Secret, clock: Clock) -> None:
        self._options = options
        self._key = key_of(secret)
        self._clock = clock
        self._host = urlsplit(options.url).hostname or ""

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        body = event_of(command)
        timestamp = int(self._clock().timestamp())
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Idempotency-Key": command.id,
            "webhook-id": command.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, command.id, timestamp, body),
        }
        try:
            async with asyncio.timeout(self._options.timeout_seconds), self._client() as client:
                request = client.build_request("POST", self._options.url, content=body, headers=headers)
                response = await client.send(request, stream=True)
                try:
                    words = await beginning(response, _MOST_BYTES)
                finally:
                    await response.aclose()
        except TimeoutError:
            return Retry(f"{self._host}: not done after {self._options.timeout_seconds:g} seconds", of_the_way=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Retry(on_a_terminal(f"{self._host}: {str(error) or type(error).__name__}"), of_the_way=True)
        return self._receipt(command, response, words)

    def _client(self) -> httpx.AsyncClient:
        trust, timeout = trust_of(self._options.ca_file), httpx.Timeout(self._options.timeout_seconds)
        return httpx.AsyncClient(verify=trust, timeout=timeout, trust_env=not is_loopback(self._host))

    def _receipt(self, command: Command, response: httpx.Response, body: bytes) -> Receipt:
        """Say what a status, and the body behind it, come to."""
        status, words = response.status_code, words_of(body)
        reply = on_a_terminal(f"{self._host}: {status} {words}".rstrip())
        if response.is_success:
            complaint = complaint_in(body)
            return Retry(f"{reply} ({complaint})") if complaint else Delivered(self._clock(), reply)
        if status in GONE and command.payload.context["undo"]:
            return Delivered(self._clock(), f"{reply} (what it was done to is gone)")
        if status in (*GONE, *REFUSALS):
            return Refused(reply)
        if 300 <= status < 400:
            return Retry(f"{reply} (redirects are not followed)", of_the_way=True)
        return Retry(reply, of_the_way=True, after=wait_of(response, self._clock))
