"""Connects to a NATS server, once: whoever wants to go on after a loss connects anew."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import Any

from nats.aio.client import Client
from nats.errors import AuthorizationError, ConnectionClosedError, Error

from credwatch.kernel.errors import SourceError
from credwatch.sources.nats.options import NatsServer
from credwatch.sources.outgoing import client_context, secret_in, secret_path

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 2.0
_PING_SECONDS = 20
"""A server that answers two of these pings no more is gone."""


@asynccontextmanager
async def connected(
    server: NatsServer, where: str, *, lost: asyncio.Event, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Client]:
    """Give a connection for the length of a block; `lost` is set when it breaks.

    Raises SourceError where none can be had: no server answers, or none believes us.
    """
    troubles: list[Exception] = []

    async def note(error: Exception) -> None:
        troubles.append(error)

    async def closed() -> None:
        lost.set()

    client = Client()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect(
                [*server.servers],
                name="credwatch",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=5,
                ping_interval=_PING_SECONDS,
                error_cb=note,
                closed_cb=closed,
                disconnected_cb=closed,
                **_login(server, where, environ),
            )
    except (OSError, Error, TimeoutError, ValueError) as error:
        await _closed(client)
        raise _refused(server, where, [*troubles, error], asks_login=_asks_login(client)) from error
    try:
        yield client
    finally:
        await _closed(client)


async def _closed(client: Client) -> None:
    with suppress(OSError, Error, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await client.close()


def _login(server: NatsServer, where: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Give what the client is to show to the server; raises SourceError."""
    words: dict[str, Any] = {"tls": client_context(server, where)} if server.speaks_tls else {}
    if (server.credentials_file or server.nkey_file) and find_spec("nkeys") is None:
        hint = "pip install nkeys into credwatch's environment, or log in by token or password: docs/sources.md"
        raise SourceError("keys of NATS need the library nkeys, which is not installed", where=where, hint=hint)
    if server.credentials_file is not None:
        secret_in(server.credentials_file, where, environ)
        words["user_credentials"] = str(secret_path(server.credentials_file, environ))
    if server.nkey_file is not None:
        words["nkeys_seed_str"] = secret_in(server.nkey_file, where, environ)
    if server.token_file is not None:
        words["token"] = secret_in(server.token_file, where, environ)
    if server.password_file is not None:
        words |= {"user": server.user, "password": secret_in(server.password_file, where, environ)}
    return words


def _asks_login(client: Client) -> bool:
    """Tell whether the server's greeting came, and asked for a login."""
    return bool(client._server_info.get("auth_required"))


def _refused(server: NatsServer, where: str, troubles: Sequence[Exception], *, asks_login: bool) -> SourceError:
    """Give the error for what went wrong, of which the client may have noted several sides.

    A server that refuses a login says why and closes at once. Where a ping of ours was still under way, its closing
    arrives as a reset, and may overtake the reason: so a reset behind a greeting that asks for a login counts as one.
    """
    place = f"{where}: {', '.join(server.servers)}"
    refusal = any(isinstance(one, AuthorizationError) or "authorization" in str(one).lower() for one in troubles)
    if refusal or (asks_login and any(isinstance(one, (ConnectionError, ConnectionClosedError)) for one in troubles)):
        hint = "give it what it wants: credentials_file, nkey_file, token_file, or user and password_file"
        return SourceError("the NATS server does not let us in", where=place, hint=hint)
    error = next((one for one in troubles if isinstance(one, ssl.SSLError)), troubles[0])
    text = str(error).removeprefix("nats: ") or type(error).__name__
    if isinstance(error, ssl.SSLError):
        hint = "name the authority of the server's certificate, and a certificate of ours where it wants one"
        return SourceError(f"no TLS with the NATS server: {error.reason or text}", where=place, hint=hint)
    hint = "see that it runs, and that nothing is between; it is tried again"
    return SourceError(f"no NATS server answers: {text}", where=place, hint=hint)
