"""Hands batches to the daemon's push port, `POST /batch`."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from credwatch.collect.destination import Ship
from credwatch.collect.options import PushTarget
from credwatch.kernel.errors import SourceError
from credwatch.sources.outgoing import client_context, secret_in
from credwatch.sources.shipped.batch import ENCODING, LogBatch, headers_of

_CONNECTIONS = 4
"""So many batches, each of another log, are under way at a time."""

_MOST_ANSWER = 4096

# The standard library's client: it does all that is needed, and a larger one would cost a third of the memory.


class PushDestination:
    """Posts each batch, and waits until the daemon has committed it."""

    def __init__(self, target: PushTarget) -> None:
        self._target = target
        self.where = f"push: {target.url}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Ship]:
        """Read the secrets; connections are made as they are needed."""
        target = self._target
        context = client_context(target, "push") if target.speaks_tls else None
        headers = {"Content-Type": "application/octet-stream", ENCODING: "zstd"} | self._authorization()
        idle = [self._connection(context) for _ in range(_CONNECTIONS)]
        free = asyncio.Semaphore(_CONNECTIONS)

        async def ship(batch: LogBatch, packed: bytes) -> None:
            async with free:
                connection = idle.pop()
                try:
                    words = headers | headers_of(batch)
                    status, answer = await asyncio.to_thread(_posted, connection, packed, words)
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    raise self._away(error) from error
                finally:
                    idle.append(connection)
            if status != 200:
                raise self._refused(status, answer)

        try:
            yield ship
        finally:
            for connection in idle:
                connection.close()

    async def asked(self) -> None:
        """See whether the daemon knows us: it is asked who it is, as Elasticsearch's shippers ask."""
        connection = self._connection(client_context(self._target, "push") if self._target.speaks_tls else None)
        try:
            status, answer = await asyncio.to_thread(_asked, connection, b"", self._authorization(), "GET", "/")
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from error
        finally:
            connection.close()
        if status != 200:
            raise self._refused(status, answer)

    def _authorization(self) -> dict[str, str]:
        token = self._target.token_file
        return {"Authorization": f"Bearer {secret_in(token, 'push')}"} if token is not None else {}

    def _connection(self, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
        parts, seconds = urlsplit(self._target.url), self._target.answer_seconds
        host, port = parts.hostname or "", parts.port
        if context is not None:
            return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
        return http.client.HTTPConnection(host, port, timeout=seconds)

    def _away(self, error: Exception) -> SourceError:
        if isinstance(error, ssl.SSLError):
            hint = "name the authority of the daemon's certificate, and a certificate of ours where it wants one"
            return SourceError(f"no TLS with the daemon: {error.reason or error}", where=self.where, hint=hint)
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        hint = "see that the daemon runs, and that nothing is between; it is tried again"
        return SourceError(f"the daemon does not answer: {words}", where=self.where, hint=hint)

    def _refused(self, status: int, answer: bytes) -> SourceError:
        hints = {
            401: "make a token (credwatch push-token), or name the certificate in the source's client_names",
            404: "see that the daemon is of the same version",
            413: "raise push.body_bytes there, or lower batch_bytes here",
        }
        hint = hints.get(status, "it is tried again")
        return SourceError(f"answered with {status}: {_reason(answer)}", where=self.where, hint=hint)


def _posted(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Post once; a connection that the other side has closed while it was idle is made again."""
    try:
        return _asked(connection, body, headers)
    except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
        connection.close()
        return _asked(connection, body, headers)


def _asked(
    connection: http.client.HTTPConnection,
    body: bytes,
    headers: dict[str, str],
    method: str = "POST",
    path: str = "/batch",
) -> tuple[int, bytes]:
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    return response.status, response.read(_MOST_ANSWER)


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])[:200]
    except (ValueError, KeyError, TypeError):
        return "nothing that can be read"
