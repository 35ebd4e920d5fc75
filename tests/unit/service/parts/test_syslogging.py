"""The part that takes syslog: it listens, says why it cannot, and commits what came before it ends."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError
from credwatch.service.parts.syslogging import SyslogPart
from credwatch.sources.network_options import SyslogSourceOptions
from credwatch.sources.received.intake import Intake
from credwatch.sources.received.source import ReceivedSource
from credwatch.sources.syslog.receiver import SyslogReceiver


def _part(intake: Intake, **options: Any) -> SyslogPart:
    settings = SyslogSourceOptions.model_validate({"id": "net", "kind": "syslog"} | options)
    return SyslogPart("net", SyslogReceiver(settings, intake, system_clock), intake)


async def test_its_end_waits_for_the_commit_of_what_came() -> None:
    """No sender of syslog sends again, so what was received is committed before the part ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    intake = Intake(1000)
    part = _part(intake, tcp_port=port)
    await part.start()
    assert part.trouble() is None
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"<34>a\n")
    while intake.is_empty():  # noqa: ASYNC110  # an intake sets no event
        await asyncio.sleep(0.01)
    ending = asyncio.create_task(part.stop())
    await asyncio.sleep(0.2)
    assert not ending.done()
    source = ReceivedSource("net", intake, {}, clock=system_clock)
    chunk = source.read(100)
    assert chunk is not None
    assert b"<34>a\n" == chunk.data
    source.acknowledge(chunk)
    await asyncio.wait_for(ending, 10)
    writer.close()


async def test_a_port_that_is_taken_makes_the_source_down_until_it_is_free() -> None:
    """The keeper starts it again, and then the source has no problem any more."""
    intake = Intake(1000)
    with socket.create_server(("127.0.0.1", 0)) as other:
        part = _part(intake, tcp_port=other.getsockname()[1])
        with pytest.raises(ConfigurationError):
            await part.start()
        assert intake.problem is not None
    await part.start()
    assert intake.problem is None
    await part.stop()
    await part.stop()
