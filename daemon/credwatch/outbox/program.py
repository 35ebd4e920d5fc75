"""Delivers commands by a program of the operator's: the text on its standard input, done where it exits with 0."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox.email.render import Renderer
from credwatch.outbox.words.text import plain_text

_LONGEST_WORD = 300
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")


class ProgramChannel:
    """Runs one program for each command, without a shell; keeps the contract of `Channel`.

    It gets the text on standard input, no arguments but its own, and none of the daemon's secrets in its environment.
    It and whatever it has started are killed when its time is over, or when the delivery is cancelled.
    """

    def __init__(self, argv: Sequence[str], renderer: Renderer, clock: Clock, timeout_seconds: float = 30.0) -> None:
        self._argv = tuple(argv)
        self._renderer = renderer
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            text = plain_text(self._renderer, command).encode()
        except Exception as error:  # noqa: BLE001  # templates are the operators', and may fail in any way
            return Refused(on_a_terminal(f"not sent: {error}"))
        try:
            return await self._run(text)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", "") or type(error).__name__
            return Retry(on_a_terminal(f"{self._argv[0]}: {reason}"), of_the_way=True)

    async def _run(self, text: bytes) -> Receipt:
        try:
            run = await ran(self._argv, text, self._timeout_seconds)
        except TimeoutError:
            return Retry(f"{self._argv[0]}: not done after {self._timeout_seconds:g} seconds", of_the_way=True)
        word = on_a_terminal(f"{self._argv[0]}: exit {run.code} {run.complaint}".rstrip())
        return Retry(word, of_the_way=True) if run.code else Delivered(at=self._clock(), reply=word)


class ProgramRun(Struct, frozen=True):
    """How a program ended."""

    code: int
    """Its exit code; negative where a signal ended it."""
    complaint: str
    """The beginning of what it wrote to standard error, on one line."""


async def ran(argv: Sequence[str], text: bytes, timeout_seconds: float) -> ProgramRun:
    """Run a program with a text on standard input, and end what it leaves; raises TimeoutError, OSError, ValueError."""
    process = await _started(argv)
    try:
        async with asyncio.timeout(timeout_seconds):
            complaint = await _fed(process, text)
            return ProgramRun(await process.wait(), complaint)
    finally:
        await _end(process)


async def _started(argv: Sequence[str]) -> Process:
    """Start a program; where that is cancelled, the program and what it has started are ended first.

    The start itself is never cancelled: the library would kill the program alone, and wait for as long as what that had
    started lives.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, env=environment, start_new_session=True
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError, ValueError):  # it could not be started
            await _end(await starting)
        raise


async def _fed(process: Process, text: bytes) -> str:
    """Hand the text over and return the beginning of what the program complains of, of which no more is kept."""
    complaints, _ = await asyncio.gather(_first(process), _write(process, text))
    return " ".join(complaints.decode(errors="replace").split())


async def _first(process: Process) -> bytes:
    if process.stderr is None:
        return b""
    head = b""
    while piece := await process.stderr.read(4096):
        head = (head + piece)[:_LONGEST_WORD]
    return head


async def _write(process: Process, text: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(ConnectionError):  # a program that does not read its input to the end may still do its work
        process.stdin.write(text)
        await process.stdin.drain()
        process.stdin.close()


async def _end(process: Process) -> None:
    """End the program and what it has started; whoever left its session is on its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
