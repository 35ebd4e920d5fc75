"""The HTTP server as a part of the daemon, which has the signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

BACKLOG = 256
"""So many connections may wait to be taken up."""


class InnerServer(uvicorn.Server):
    """Serves as uvicorn does, within an event loop that somebody else runs."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: SIGTERM and SIGHUP belong to the daemon."""
        yield


def server_config(
    app: Starlette, http: type[H11Protocol], *, head_bytes: int, keep_alive: int, grace: int, backlog: int = BACKLOG
) -> uvicorn.Config:
    """Say how any of our listeners serves: it logs no requests, names no server, and believes no proxy.

    `keep_alive` and `grace` are seconds: of a connection without a question, and of answers under way at the end.
    """
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=head_bytes,
        backlog=backlog,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=grace,
    )
