"""The library's IMAP client, with bounds: no step takes for ever, and no server fills the memory."""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class ImapClient(imaplib.IMAP4):
    """One connection. What the library waits for is cut off by `within`, whatever the server drips."""

    def __init__(self, host: str, port: int, seconds: float, tls: ssl.SSLContext | None, most_bytes: int) -> None:
        """Connect, with implicit TLS where a context is given; raises what the library does."""
        self._tls = tls
        self._most_bytes = most_bytes
        self._wire: socket.socket | None = None
        with self.within(seconds):
            super().__init__(host, port, seconds)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        self._wire = wire = socket.create_connection((self.host, self.port), timeout)
        if self._tls is None:
            return wire
        self._wire = wrapped = self._tls.wrap_socket(wire, server_hostname=self.host, do_handshake_on_connect=False)
        wrapped.do_handshake()
        return wrapped

    def encrypt(self, tls: ssl.SSLContext) -> None:
        """Encrypt a plain connection (STARTTLS); what came before counts no more."""
        self.starttls(ssl_context=tls)
        self._wire = self.sock

    def ask_capabilities(self) -> None:
        """Learn what the server can, which may be more after the login."""
        _, said = self.capability()
        text = said[-1].decode("ascii", "replace") if said and said[-1] else ""
        self.capabilities = tuple(text.upper().split())

    def read(self, size: int) -> bytes:
        """Read a literal, but none that is longer than anything we ask for."""
        if size > self._most_bytes:
            raise self.abort(f"the server announces {size} bytes")
        return super().read(size)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut the connection where a block takes longer; what waits in it then fails."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        wire = self._wire
        if wire is not None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """End the connection without a word: the server takes that for an end too."""
        wire, self._wire = self._wire, None
        if wire is not None:
            with suppress(OSError):
                wire.close()
        with suppress(OSError, AttributeError):
            self.shutdown()
