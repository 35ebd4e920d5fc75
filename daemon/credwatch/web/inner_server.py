"""The HTTP server as a part of the daemon, which has the signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class InnerServer(uvicorn.Server):
    """Serves as uvicorn does, within an event loop that somebody else runs."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: SIGTERM and SIGHUP belong to the daemon."""
        yield
