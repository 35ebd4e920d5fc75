"""The vendor's application in the demonstration: does what the daemon asks of it by webhook, once for each key."""

from __future__ import annotations

import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from msgspec import Struct

from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.webhook import key_of, signature


class Deed(Struct, frozen=True):
    """What the application did."""

    action: str
    """Such as end_sessions."""
    target: str
    """The account."""


class Application:
    """Listens on loopback; refuses what is not signed with the secret it shares with the daemon."""

    def __init__(self, secret: str) -> None:
        self._key = key_of(Secret(secret))
        self._deeds: dict[str, Deed] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = int(self._server.server_address[1])
        """Where it listens."""

    @property
    def deeds(self) -> tuple[Deed, ...]:
        """What it did so far, in order."""
        return tuple(self._deeds.values())

    def start(self) -> None:
        """Begin to answer, in a thread of its own."""
        threading.Thread(target=self._server.serve_forever, name="application", daemon=True).start()

    def stop(self) -> None:
        """End, once it was started."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        """Do what a request asks for, and return the status: 204, or 401 where the signature is not the daemon's."""
        identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        right = signature(self._key, identity, int(stamp) if stamp.isdecimal() else 0, body)
        if not hmac.compare_digest(right.encode(), headers.get("webhook-signature", "").encode()):
            return 401
        order = json.loads(body)["data"]
        self._deeds.setdefault(identity, Deed(order["action"], order["target"]))
        return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(
                    application.answer({key.lower(): value for key, value in self.headers.items()}, body)
                )
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing: the story is told on the terminal."""

        return Handler
