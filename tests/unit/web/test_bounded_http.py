"""On a real Unix socket no client holds a connection by waiting, and none takes all of them."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from credwatch.policy.gate import Gate
from credwatch.policy.options import GateOptions
from credwatch.policy.password import Verdict
from credwatch.policy.profile import PasswordProfile, PolicyProfile
from credwatch.web.bounded_http import Bounds
from unit.policy.gate_fakes import GOOD, a_gate
from unit.web.test_unix_socket import serving

HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: gate\r\n\r\n"
ANOTHER_PROCESS = """
import socket, sys
with socket.socket(socket.AF_UNIX) as gate:
    gate.connect(sys.argv[1])
    gate.sendall(b"GET /v1/health HTTP/1.1\\r\\nHost: gate\\r\\nConnection: close\\r\\n\\r\\n")
    print(gate.recv(4096).split(b"\\r\\n")[0].decode())
"""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(path: Path, count: int = 1) -> AsyncIterator[list[Stream]]:
    """Open connections that the server has taken in, and close them at the end."""
    streams = [await asyncio.open_unix_connection(str(path)) for _ in range(count)]
    yield streams
    for _, writer in streams:
        writer.close()


async def status(stream: Stream, request: bytes = HEALTH) -> str:
    """Send a request and read the status line; empty where the connection is closed instead."""
    reader, writer = stream
    try:
        writer.write(request)
        await writer.drain()
        return (await asyncio.wait_for(reader.readline(), 10)).decode().strip()
    except (BrokenPipeError, ConnectionResetError):
        return ""


async def content(stream: Stream) -> Any:
    """Read the rest of an answer whose connection is closed behind it."""
    return json.loads((await asyncio.wait_for(stream[0].read(), 10)).partition(b"\r\n\r\n")[2])


async def trickle(stream: Stream) -> bytes:
    """Send a head that never ends, a byte at a time, until the server has closed; return what it said."""
    reader, writer = stream
    said = asyncio.create_task(reader.read())
    try:
        writer.write(b"GET /v1/health HTTP/1.1\r\nX-Slow: ")
        while not said.done():
            writer.write(b"x")
            await writer.drain()
            await asyncio.wait({said}, timeout=0.02)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        return await asyncio.wait_for(said, 60)
    except (BrokenPipeError, ConnectionResetError):
        return RESET


RESET = b""
"""What is heard of an answer that the close of the connection overtakes: who still writes may miss it."""


@pytest.mark.parametrize("before", [b"", HEALTH])
async def test_a_head_that_trickles_is_given_up(tmp_path: Path, before: bytes) -> None:
    """A byte now and then keeps no connection, neither for the first request nor for a later one."""
    path = tmp_path / "gate.sock"
    async with serving(path, bounds=Bounds(head_seconds=0.3)) as http, connected(path) as (stream,):
        if before:
            assert "HTTP/1.1 200 OK" == await status(stream, before)
        answer = await asyncio.wait_for(trickle(stream), 120)
        assert answer == RESET or b"HTTP/1.1 408" in answer
        assert (await http.get("/v1/health")).status_code == 200


async def test_a_client_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    """A connection without a request is closed."""
    path = tmp_path / "gate.sock"
    async with serving(path, bounds=Bounds(head_seconds=0.2)), connected(path) as (stream,):
        assert (await asyncio.wait_for(stream[0].read(), 10)).startswith(b"HTTP/1.1 408")


async def test_a_request_as_a_whole_has_a_time(tmp_path: Path) -> None:
    """A body that does not come holds the connection no longer than a request may last."""
    path = tmp_path / "gate.sock"
    async with serving(path, bounds=Bounds(request_seconds=0.2)), connected(path) as (stream,):
        assert "" == await status(stream, b"POST /v1/totp/verify HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\n{")


async def test_a_body_that_trickles_is_refused(tmp_path: Path) -> None:
    """A body that does not come in time is a 408, over the socket too."""
    path, head = tmp_path / "gate.sock", b"POST /v1/totp/verify HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\n{"
    async with serving(path, options=GateOptions(timeout_seconds=1)), connected(path) as (stream,):
        assert (await status(stream, head)).startswith("HTTP/1.1 408")


async def test_a_head_has_a_length(tmp_path: Path) -> None:
    """A head beyond 8 KiB, and what is no HTTP at all, are refused in JSON."""
    path = tmp_path / "gate.sock"
    async with serving(path), connected(path, 2) as (long, rubbish):
        assert (await status(long, HEALTH[:-2] + b"X-Long: " + b"x" * 9_000)).startswith("HTTP/1.1 400")
        assert (await content(long))["error"]["code"] == "bad_request"
        assert (await status(rubbish, b"\x00\xff" * 500)).startswith("HTTP/1.1 400")
        assert (await content(rubbish))["accepted"] is False


async def test_a_body_has_a_length(tmp_path: Path) -> None:
    """A body beyond 16 KiB is refused over the socket."""
    path, body = tmp_path / "gate.sock", b"x" * 20_000
    async with serving(path) as http:
        assert (await http.post("/v1/totp/verify", content=body)).status_code == 413


@pytest.mark.parametrize("bounds", [Bounds(of_one_process=3), Bounds(of_one_user=3), Bounds(connections=3)])
async def test_connections_are_bounded(tmp_path: Path, bounds: Bounds) -> None:
    """Beyond the connections of a process, of a user or of all the answer is `busy`, and room is made by going."""
    path = tmp_path / "gate.sock"
    async with serving(path, bounds=bounds):
        async with connected(path, 4) as streams:
            assert [(await status(stream)).split()[1] for stream in streams] == ["200", "200", "200", "503"]
            answer = await content(streams[3])
        assert (answer["accepted"], answer["undecided"], answer["error"]["code"]) == (False, "busy", "busy")
        for _ in range(100):
            async with connected(path) as (stream,):
                if (await status(stream)).endswith("200 OK"):
                    return
        pytest.fail("the connections that went are still counted")


async def test_one_process_cannot_take_all(tmp_path: Path) -> None:
    """While one process has all it may have and asks for more, another one is answered."""
    path = tmp_path / "gate.sock"
    async with serving(path, bounds=Bounds(of_one_process=3)), connected(path, 8) as streams:
        assert [(await status(stream)).split()[1] for stream in streams] == ["200"] * 3 + ["503"] * 5
        command = [sys.executable, "-c", ANOTHER_PROCESS, str(path)]
        other = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said, _ = await asyncio.wait_for(other.communicate(), 30)
        assert said.decode().strip() == "HTTP/1.1 200 OK"


async def test_what_is_told_to_wait_is_bounded_too(tmp_path: Path) -> None:
    """Beyond twice the bound connections are closed at once, so that no number of them takes the daemon's files."""
    path = tmp_path / "gate.sock"
    async with serving(path, bounds=Bounds(connections=2)), connected(path, 6) as streams:
        said = [(await status(stream))[9:12] for stream in reversed(streams)]
        assert said == ["", "", "503", "503", "200", "200"]


class HeldGate(Gate):
    """A gate whose password checks wait until they are let go."""

    def __init__(self, inner: Gate) -> None:
        self.__dict__.update(inner.__dict__)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def check_password(self, question: Any) -> Verdict:
        self.begun.release()
        self.go_on.wait(60)
        return super().check_password(question)


@pytest.mark.parametrize("on_failure", ["refuse", "accept"])
async def test_passwords_keep_no_second_factor_waiting(tmp_path: Path, on_failure: str) -> None:
    """With all password workers held and their queue full, passwords are `busy` as the profile has it, codes go on."""
    profile = PolicyProfile(password=PasswordProfile(on_failure=on_failure))
    gate, path = HeldGate(a_gate(profile)), tmp_path / "gate.sock"
    password, code = {"user": "lan", "password": GOOD}, {"user": "lan", "code": "123456"}
    async with serving(path, gate, GateOptions(workers=2, waiting=4, timeout_seconds=60)) as http:
        asked = [asyncio.create_task(http.post("/v1/password/check", json=password)) for _ in range(5)]
        for _ in range(2):
            await asyncio.to_thread(gate.begun.acquire)
        (answered,), held = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        busy = answered.result().json()
        assert (busy["accepted"], busy["undecided"]) == (on_failure == "accept", "busy")
        assert busy["on_failure"] == on_failure
        assert [reason["code"] for reason in busy.get("reasons", [])] == ([] if on_failure == "accept" else ["busy"])
        assert (await http.post("/v1/totp/verify", json=code)).json()["outcome"] == "not_enrolled"
        assert (await http.post("/v1/password/changed", json=password)).json()["recorded"]
        gate.go_on.set()
        answers = [reply.json() for reply in await asyncio.gather(*held)]
    assert [(answer["accepted"], answer.get("undecided")) for answer in answers] == [(True, None)] * 4
