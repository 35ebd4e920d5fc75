"""The gate on a real Unix socket: who may use it, how it starts and ends."""

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from credwatch.kernel.errors import ConfigurationError
from credwatch.policy.gate import Gate
from credwatch.policy.options import GateOptions
from credwatch.web.bounded_http import Bounds
from credwatch.web.gate.routes import gate_app
from credwatch.web.unix_socket import serve_gate
from unit.policy.gate_fakes import GOOD, MovableClock, a_gate
from unit.policy.test_totp import code_at


@asynccontextmanager
async def serving(
    path: Path, gate: Gate | None = None, options: GateOptions | None = None, bounds: Bounds | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a gate on the path and connect to it."""
    stop, started, app = asyncio.Event(), asyncio.Event(), gate_app(gate or a_gate(), options)
    task = asyncio.create_task(serve_gate(app, path, stop=stop, started=started, bounds=bounds))
    await asyncio.wait_for(started.wait(), 5)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://gate") as http:
        yield http
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_questions_over_the_socket(tmp_path: Path) -> None:
    """Health, a password and a second factor are answered over the socket."""
    async with serving(tmp_path / "gate.sock") as http:
        assert (await http.get("/v1/health")).json()["status"] == "ok"
        reply = await http.post("/v1/password/check", json={"user": "lan", "password": GOOD})
        assert reply.json()["accepted"]
        await http.post("/v1/totp/enrol", json={"user": "lan"})
        question = {"user": "lan", "code": code_at(MovableClock().now).reveal()}
        replies = await asyncio.gather(*(http.post("/v1/totp/confirm", json=question) for _ in range(8)))
        assert [reply.json()["accepted"] for reply in replies].count(True) == 1


async def test_mode_and_cleanup(tmp_path: Path) -> None:
    """The socket is 0660 whatever the umask, and gone after the end; nothing else is left."""
    path, old = tmp_path / "gate.sock", os.umask(0)
    try:
        async with serving(path):
            mode = path.stat().st_mode
    finally:
        os.umask(old)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing else runs in this loop


async def test_a_cancelled_task_cleans_up_too(tmp_path: Path) -> None:
    """Cancelling the task ends the server and removes the socket."""
    path, started = tmp_path / "gate.sock", asyncio.Event()
    task = asyncio.create_task(serve_gate(gate_app(a_gate()), path, stop=asyncio.Event(), started=started))
    await asyncio.wait_for(started.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not path.exists()


async def test_a_dead_daemons_socket_is_replaced(tmp_path: Path) -> None:
    """A socket file that nobody listens on is no obstacle."""
    path = tmp_path / "gate.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(path) as http:
        assert (await http.get("/v1/health")).status_code == 200


async def test_a_living_gate_is_not_replaced(tmp_path: Path) -> None:
    """Where another gate answers, the second one refuses to start and the first goes on."""
    path = tmp_path / "gate.sock"
    async with serving(path) as http:
        with pytest.raises(ConfigurationError, match="another program listens"):
            await serve_gate(gate_app(a_gate()), path, stop=asyncio.Event())
        assert (await http.get("/v1/health")).status_code == 200


@pytest.mark.parametrize(
    ("name", "group", "message"),
    [
        ("file", "", "no socket is in the way"),
        ("missing/gate.sock", "", "cannot listen"),
        ("s" * 200, "", "cannot listen"),
        ("gate.sock", "no-such-group-here", "no group"),
    ],
)
async def test_an_unusable_path_is_named(tmp_path: Path, name: str, group: str, message: str) -> None:
    """A file in the way, a missing folder, a path too long, an unknown group: refused with the path, none removed."""
    (tmp_path / "file").write_text("keep me")
    with pytest.raises(ConfigurationError, match=message) as caught:
        await serve_gate(gate_app(a_gate()), tmp_path / name, stop=asyncio.Event(), group=group)
    assert str(tmp_path / name) == caught.value.where
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - nothing else runs in this loop


async def test_signals_stay_with_the_daemon(tmp_path: Path) -> None:
    """Serving changes no signal handler."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    async with serving(tmp_path / "gate.sock") as http:
        await http.get("/v1/health")
        during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    assert before == during


async def test_bytes_that_are_no_http_do_no_harm(tmp_path: Path) -> None:
    """A client that sends rubbish, or half a request, leaves the gate to the others."""
    path = tmp_path / "gate.sock"
    async with serving(path) as http:
        for rubbish in (b"\x00\xff" * 500, b"POST /v1/totp/verify HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"):
            _, writer = await asyncio.open_unix_connection(str(path))
            writer.write(rubbish)
            await writer.drain()
            writer.close()
        assert json.loads((await http.get("/v1/health")).text)["status"] == "ok"
