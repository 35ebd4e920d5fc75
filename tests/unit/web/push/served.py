"""The push endpoints on a free port of loopback, and a reader that commits what comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from msgspec import Struct, field

from credwatch.kernel.clock import system_clock
from credwatch.service.parts.pushing import PushPart
from credwatch.sources.interface import Cursor
from credwatch.sources.network_options import PushOptions, PushSourceOptions
from credwatch.sources.push.tokens import new_token
from credwatch.sources.received.intake import Intake
from credwatch.sources.received.source import ReceivedSource
from credwatch.web.push.desk import PushDesk
from credwatch.web.push.routes import push_app

TOKEN, HASH = new_token("shipped")
BEARER = {"Authorization": f"Bearer {TOKEN.reveal()}"}


class Served(Struct):
    """A listener, and what became of what was pushed."""

    url: str
    port: int
    intake: Intake
    client: httpx.AsyncClient
    part: PushPart
    outcomes: list[tuple[str, str, int]]
    lines: list[str] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    commits: bool = True

    async def post(self, path: str, body: bytes | str, **headers: str) -> httpx.Response:
        """Push with the right token."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(self.url + path, content=body, headers=BEARER | names)

    def commit(self) -> None:
        """Commit what waits."""
        source = ReceivedSource("shipped", self.intake, self.cursors, clock=system_clock)
        while (chunk := source.read(1000)) is not None:
            self.lines += chunk.data.decode().splitlines()
            self.cursors[chunk.file] = chunk.cursor
            source.acknowledge(chunk)

    async def committing(self) -> None:
        """Commit again and again."""
        while True:
            if self.commits:
                self.commit()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(
    *, options: dict[str, Any] | None = None, source: dict[str, Any] | None = None, verify: Any = True
) -> AsyncIterator[Served]:
    """Serve one source; `options` are those of `[push]`, `source` those of the source."""
    settings = PushOptions.model_validate({"port": 0} | (options or {}))
    table = {"id": "shipped", "kind": "push", "token_hashes": (HASH,)} | (source or {})
    shipped = PushSourceOptions.model_validate(table)
    intake, outcomes, ports = Intake(settings.waiting_bytes), list[tuple[str, str, int]](), list[int]()

    def app() -> Any:
        told = lambda *what: outcomes.append(what)  # noqa: E731
        return push_app(PushDesk(settings, {"shipped": shipped}, {"shipped": intake}, system_clock, on_pushed=told))

    part = PushPart(app, settings, [intake], on_listening=ports.append)
    await part.start()
    scheme = "https" if settings.certificate else "http"
    async with httpx.AsyncClient(verify=verify, timeout=20) as client:
        served = Served(f"{scheme}://127.0.0.1:{ports[0]}", ports[0], intake, client, part, outcomes)
        task = asyncio.create_task(served.committing())
        try:
            yield served
        finally:
            await client.aclose()
            await part.stop()
            task.cancel()
