"""The webhook: signed, believed only if it says that it did it, and failing in every documented way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field
from pydantic import ValidationError

from builders_measures import an_order
from builders_outbox import NOON
from credwatch.kernel.command import Command
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.options import WebhookOptions
from credwatch.outbox.enforcing.webhook import WebhookChannel

SECRET = "a secret of more than 24 characters"


class Receiver(Struct):
    """An application that answers as it is told, and keeps what it was asked."""

    status: str = "200 OK"
    body: bytes = b""
    headers: str = ""
    is_silent: bool = False
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request whole, and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        self.asked.append((headers, await reader.readexactly(int(headers["content-length"]))))
        if self.is_silent:
            await reader.read()
        else:
            answer = (
                f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n{self.headers}\r\n"
            )
            writer.write(answer.encode() + self.body)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def a_channel(receiver: Receiver, **options: Any) -> AsyncIterator[WebhookChannel]:
    """Have a receiver listen on loopback, and make a channel to it."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        chosen = WebhookOptions(name="portal", kind="webhook", url=url, secret_file=Path("/none"), **options)
        yield WebhookChannel(chosen, Secret(SECRET), lambda: NOON)


async def delivered(receiver: Receiver, command: Command | None = None, **options: Any) -> Receipt:
    async with a_channel(receiver, **options) as channel:
        return await channel.deliver(command or an_order())


async def test_a_request_is_signed_and_carries_its_key() -> None:
    """The signature is over id, timestamp and body; the id is the idempotency key; the body says what to do."""
    receiver, order = Receiver(), an_order()
    assert isinstance(await delivered(receiver), Delivered)
    ((headers, body),) = receiver.asked
    signed = f"{order.id}.{int(NOON.timestamp())}.".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert f"v1,{base64.b64encode(digest).decode()}" == headers["webhook-signature"]
    assert order.id == headers["idempotency-key"] == headers["webhook-id"]
    event = json.loads(body)
    assert ("vn.modoro.credwatch.lock_account.do", "lan@tanphat.example") == (event["type"], event["subject"])
    assert ("application/cloudevents+json", 3600) == (headers["content-type"], event["data"]["lasts_seconds"])


async def test_each_attempt_has_the_same_body() -> None:
    """Who asks twice asks for the same, so that the other side can tell."""
    receiver = Receiver()
    async with a_channel(receiver) as channel:
        await channel.deliver(an_order())
        await channel.deliver(an_order())
    first, second = receiver.asked
    assert first[1] == second[1]


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "no such account"}',
        b'{"errors": ["x"]}',
        b'{"ok": false}',
        b'{"success": false}',
        b'{"status": "Failed"}',
        b'{"result": "error"}',
    ],
)
async def test_success_with_an_error_inside_is_none(body: bytes) -> None:
    """An answer of 200 whose body says no is tried again."""
    assert isinstance(await delivered(Receiver(body=body)), Retry)


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"error": null, "ok": true, "status": "locked"}', b"\xff\x00{"])
async def test_any_other_body_is_success(body: bytes) -> None:
    """What says nothing of an error is done, whatever it is."""
    assert isinstance(await delivered(Receiver(body=body)), Delivered)


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "after"),
    [
        ("429 Too Many Requests", "Retry-After: 120\r\n", Retry, timedelta(minutes=2)),
        ("429 Too Many Requests", "Retry-After: 0\r\n", Retry, timedelta(seconds=1)),
        ("503 Unavailable", "Retry-After: Fri, 20 Nov 2026 05:10:00 GMT\r\n", Retry, timedelta(minutes=10)),
        ("503 Unavailable", "Retry-After: 999999999999\r\n", Retry, timedelta(hours=1)),
        ("503 Unavailable", "Retry-After: soon\r\n", Retry, None),
        ("500 Error", "", Retry, None),
        ("401 Unauthorized", "", Retry, None),
        ("302 Found", "Location: http://127.0.0.1/\r\n", Retry, None),
        ("404 Not Found", "", Refused, None),
        ("422 Unprocessable", "", Refused, None),
    ],
)
async def test_a_status_says_what_follows(
    status: str, headers: str, outcome: type[Receipt], after: timedelta | None
) -> None:
    """What may pass is tried again, when the other side says; what cannot be done is refused."""
    receipt = await delivered(Receiver(status=status, headers=headers))
    assert isinstance(receipt, outcome)
    assert after == getattr(receipt, "after", None)


async def test_to_undo_what_is_gone_is_done() -> None:
    """An account that was deleted need not be unlocked, and the reply says so."""
    receipt = await delivered(Receiver(status="404 Not Found"), an_order(undo=True))
    assert isinstance(receipt, Delivered)
    assert "gone" in receipt.reply


async def test_who_does_not_answer_is_left_in_time() -> None:
    """A request ends after its time, and a host that is not there is tried again."""
    assert isinstance(await asyncio.wait_for(delivered(Receiver(is_silent=True), timeout_seconds=0.3), 60), Retry)
    options = WebhookOptions(name="p", kind="webhook", url="http://127.0.0.1:9/", secret_file=Path("/none"))
    assert isinstance(await WebhookChannel(options, Secret(SECRET), lambda: NOON).deliver(an_order()), Retry)


@pytest.mark.parametrize("url", ["http://portal.example/", "https://user:word@portal.example/", "ftp://x/", "https://"])
def test_what_others_could_read_is_refused(url: str) -> None:
    """Requests go over https, or stay on the machine; the URL holds no password."""
    with pytest.raises(ValidationError):
        WebhookOptions(name="p", kind="webhook", url=url, secret_file=Path("/none"))
