"""Messages of a stream on a real NATS server, which is killed now and then like the daemon."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kills.numbered import ATTACKED
from nats_server import NatsServerProcess
from scenarios.daemon import Site

_AT_ONCE = 8


class NatsDriver:
    """Publishes a few lines a message, as anybody may."""

    loses = False

    def __init__(self, folder: Path) -> None:
        self._server = NatsServerProcess(folder / "nats")
        self._server.start()
        self._server.ask(lambda stream: stream.add_stream(name="LINES", subjects=["lines.>"]))

    def settings(self) -> str:
        """Read the stream, of which messages come again after two seconds."""
        return (
            f'[[source]]\nid = "nats"\nkind = "nats"\nservers = ["{self._server.url}"]\nstream = "LINES"\n'
            'ack_seconds = 2\nformat = "syslog"\n'
        )

    def furnished(self, site: Site) -> None:
        """Need nothing of it."""

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Publish lines, a few a message, each once the server has it on its disk."""

        async def publish(stream: Any) -> None:
            for begin in range(0, len(lines), _AT_ONCE):
                some = lines[begin : begin + _AT_ONCE]
                host = 0 if any(ATTACKED in line for line in some) else chance.randrange(4)
                body = "".join(f"{line}\n" for line in some).encode()
                await stream.publish(f"lines.host{host}", body, timeout=20)

        self._server.ask(publish)

    def disturb(self, chance: random.Random) -> None:
        """Kill the server, and start it again on its files."""
        self._server.kill()
        self._server.start()

    def close(self) -> None:
        """End the server."""
        self._server.kill()
