"""What senders forward as syslog: over UDP, TCP and TLS, numbered; what is under way when the daemon dies is lost."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

from certificates import Authority
from child_server import a_free_port
from kills.journals import parts
from scenarios.daemon import PATIENCE, Site

_WAYS = ("udp", "tcp", "tls")


class SyslogDriver:
    """Sends each message over one of the three ways; over a connection that is refused it tries again."""

    loses = True

    def __init__(self, folder: Path) -> None:
        self._authority = Authority(folder)
        self._certificate, self._key = self._authority.issued("credwatch.example")
        self._ports = {way: a_free_port() for way in _WAYS}
        self._streams: dict[str, socket.socket] = {}
        self._number = 0

    def settings(self) -> str:
        """Listen in all three ways."""
        ports = "".join(f"{way}_port = {port}\n" for way, port in self._ports.items())
        tls = f'certificate = "{self._certificate}"\ncertificate_key = "{self._key}"\n'
        return f'[[source]]\nid = "syslog"\nkind = "syslog"\n{ports}{tls}'

    def furnished(self, site: Site) -> None:
        """Need nothing of it."""

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Send each line as a message of RFC 5424."""
        for line in lines:
            self._number += 1
            way = chance.choice(_WAYS)
            message = _message(line, self._number)
            if way == "udp":
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                    datagrams.sendto(message, ("127.0.0.1", self._ports[way]))
            else:
                self._send(way, b"%d %s" % (len(message), message))

    def disturb(self, chance: random.Random) -> None:
        """Break a connection off."""
        self._forget(chance.choice(_WAYS))

    def close(self) -> None:
        """Close the connections."""
        for way in _WAYS:
            self._forget(way)

    def _send(self, way: str, message: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self._stream(way).sendall(message)
            except OSError:
                self._forget(way)
                time.sleep(0.02)
            else:
                return
        raise AssertionError("nobody takes the connection")

    def _stream(self, way: str) -> socket.socket:
        """Give a connection that the other end has not closed, as rsyslog looks too before it sends."""
        if way in self._streams and _is_closed(self._streams[way]):
            self._forget(way)
        if way not in self._streams:
            stream = socket.create_connection(("127.0.0.1", self._ports[way]), timeout=10)
            if way == "tls":
                context = ssl.create_default_context(cafile=str(self._authority.file))
                stream = context.wrap_socket(stream, server_hostname="127.0.0.1")
            self._streams[way] = stream
        return self._streams[way]

    def _forget(self, way: str) -> None:
        if (stream := self._streams.pop(way, None)) is not None:
            stream.close()


def _is_closed(stream: socket.socket) -> bool:
    stream.settimeout(0)
    try:
        return stream.recv(1) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        stream.settimeout(10)


def _message(line: str, number: int) -> bytes:
    stamp, host, program, process, text = parts(line)
    return f'<38>1 {stamp} {host} {program} {process} - [meta sequenceId="{number}"] {text}'.encode()
