"""Connections to a real server: over TLS, and with each way to log in; what is refused is told without the secret."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import nkeys
import pytest

from certificates import Authority
from credwatch.kernel.errors import SourceError
from credwatch.sources.nats.connection import connected
from credwatch.sources.nats.options import NatsServer
from nats_server import a_nats_server

SEED = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)
PUBLIC = nkeys.from_seed(bytearray(SEED)).public_key.decode()


def connect(url: str, **more: Any) -> None:
    """Connect once, and ask the server for an answer."""

    async def act() -> None:
        options = NatsServer(servers=(url,), **more)
        async with connected(options, "source auth", lost=asyncio.Event()) as client:
            await client.flush(timeout=5)

    asyncio.run(act())


@contextmanager
def a_server_that_resets(*, asks_login: bool) -> Iterator[str]:
    """Listen as a server that greets, hears one message, and resets the connection without a word."""
    greeting = {"server_id": "X", "version": "2.10.0", "proto": 1, "max_payload": 1 << 20, "auth_required": asks_login}

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(f"INFO {json.dumps(greeting)}\r\n".encode())
                connection.recv(1 << 16)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"nats://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)


WAYS = {
    "token": ('authorization { token: "s3cret-token" }', {"token_file": "s3cret-token"}),
    "password": (
        'authorization { user: "cw", password: "s3cret-word" }',
        {"user": "cw", "password_file": "s3cret-word"},
    ),
    "nkey": (f'authorization {{ users: [ {{ nkey: "{PUBLIC}" }} ] }}', {"nkey_file": SEED.decode()}),
}


@pytest.mark.parametrize("way", [*WAYS])
def test_who_shows_the_secret_is_let_in_and_who_shows_another_is_not(way: str, tmp_path: Path) -> None:
    """A secret comes from its file; one that is wrong is refused in words that do not have it."""
    config, options = WAYS[way]
    secret = tmp_path / "secret"
    key = next(name for name in options if name.endswith("_file"))
    secret.write_text(options[key] + "\n")
    with a_nats_server(tmp_path / "nats", config) as server:
        connect(server.url, **options | {key: secret})
        with pytest.raises(SourceError, match="does not let us in") as caught:
            connect(server.url)
        assert caught.value.hint
        assert "s3cret" not in str(caught.value)


def test_a_reset_that_overtakes_the_reason_is_a_refusal_where_a_login_was_asked_for() -> None:
    """A server that refuses closes at once, and its words may be lost to the reset; another reset is no refusal."""
    with a_server_that_resets(asks_login=True) as url, pytest.raises(SourceError, match="does not let us in"):
        connect(url)
    with a_server_that_resets(asks_login=False) as url, pytest.raises(SourceError, match="no NATS server answers"):
        connect(url)


def test_a_secret_that_is_missing_is_named(tmp_path: Path) -> None:
    """The error names the file; nothing is connected to."""
    with pytest.raises(SourceError, match="cannot be read") as caught:
        connect("nats://127.0.0.1:1", token_file=tmp_path / "missing")
    assert str(tmp_path / "missing") in caught.value.where


def test_a_server_with_a_certificate_is_believed_by_its_authority_alone(tmp_path: Path) -> None:
    """TLS in both directions: the server's certificate, and ours; without its authority nobody is connected to."""
    authority = Authority(tmp_path)
    certificate, key = authority.issued("nats.example")
    ours, own_key = authority.issued("web1.example")
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority.file}", verify: true }}'
    with a_nats_server(tmp_path / "nats", tls) as server:
        connect(server.url, authority=authority.file, certificate=ours, certificate_key=own_key)
        with pytest.raises(SourceError):
            connect(server.url, authority=authority.file)
        with pytest.raises(SourceError, match="TLS"):
            connect(server.url.replace("nats:", "tls:"))


def test_nobody_answers(tmp_path: Path) -> None:
    """A port on which nothing listens is told as such, with the address."""
    with pytest.raises(SourceError, match="no NATS server answers") as caught:
        connect("nats://127.0.0.1:1")
    assert "127.0.0.1:1" in caught.value.where
