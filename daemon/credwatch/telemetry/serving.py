"""Serves the metrics over HTTP."""

from __future__ import annotations

from threading import Thread
from wsgiref.simple_server import WSGIServer

from msgspec import Struct
from prometheus_client import start_http_server

from credwatch.kernel.errors import ConfigurationError
from credwatch.telemetry.metrics import Metrics


class ServedMetrics(Struct, frozen=True):
    """The metrics' HTTP server, which answers in a thread of its own."""

    port: int
    """The port it listens on."""
    _server: WSGIServer
    _thread: Thread

    def is_alive(self) -> bool:
        """Say whether it answers."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop answering and give the port back; returns when that is done."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(metrics: Metrics, address: str, port: int) -> ServedMetrics:
    """Serve the metrics at http://address:port/metrics; port 0 picks a free one.

    Raises ConfigurationError where the address cannot be listened on.
    """
    try:
        server, thread = start_http_server(port, addr=address, registry=metrics.registry)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {address}:{port}: {error.strerror or error}",
            where="metrics",
            hint="another program may use the port; choose another one, or 0 for any that is free",
        ) from error
    return ServedMetrics(server.server_port, server, thread)
