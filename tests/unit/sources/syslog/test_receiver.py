"""Syslog over real sockets of loopback: every way in, its bounds, and what the sender feels."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from certificates import Authority
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError
from credwatch.sources.interface import Cursor
from credwatch.sources.network_options import SyslogSourceOptions
from credwatch.sources.received.intake import Intake
from credwatch.sources.received.source import ReceivedSource
from credwatch.sources.syslog import receiver
from credwatch.sources.syslog.receiver import SyslogReceiver

NEW = "<34>1 2026-03-01T11:00:00Z srv1 sshd 7 - - Failed password for root"
OLD = "<34>Mar  1 11:00:00 srv1 sshd[7]: Failed password for root"


class Listening:
    """A receiver, and the lines that were committed."""

    def __init__(self, options: dict[str, Any], waiting_bytes: int) -> None:
        table = {"id": "net", "kind": "syslog"} | options
        self.intake = Intake(waiting_bytes)
        self.receiver = SyslogReceiver(SyslogSourceOptions.model_validate(table), self.intake, system_clock)
        self.ports: dict[str, int] = {}
        self.lines: list[str] = []
        self.cursors: dict[str, Cursor] = {}

    def commit(self) -> None:
        """Commit what waits."""
        source = ReceivedSource("net", self.intake, self.cursors, clock=system_clock)
        while (chunk := source.read(100_000)) is not None:
            self.lines += chunk.data.decode().splitlines()
            self.cursors[chunk.file] = chunk.cursor
            source.acknowledge(chunk)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Commit until it is so."""
        async with asyncio.timeout(20):
            while not is_so():
                self.commit()
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(waiting_bytes: int = 1_000_000, **options: Any) -> AsyncIterator[Listening]:
    """Listen as the options say."""
    made = Listening(options, waiting_bytes)
    made.ports = await made.receiver.start()
    try:
        yield made
    finally:
        await made.receiver.stop()


async def test_each_way_in_gives_its_messages_under_the_address_of_the_sender() -> None:
    """Datagrams, lines and counted messages, old and new; the log is the sender's address."""
    async with listening(udp_port=0, tcp_port=0) as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for message in (NEW, f"{OLD}\n"):
                sender.sendto(message.encode(), ("127.0.0.1", made.ports["udp"]))
        await made.until(lambda: len(made.lines) == 2)
        _, writer = await asyncio.open_connection("127.0.0.1", made.ports["tcp"])
        writer.write(f"{OLD}\n{len(NEW)} {NEW}{OLD}".encode())
        writer.close()
        await made.until(lambda: len(made.lines) == 5)
        assert [NEW, OLD, OLD, NEW, OLD] == made.lines
        assert ["127.0.0.1"] == [*made.cursors]
        assert (0, 0) == (made.intake.dropped, made.intake.gaps)
        # Nobody is told of syslog, so a cursor soon forgets what it has taken.
        assert len(made.cursors["127.0.0.1"]["taken"]) <= 2


async def test_tls_wants_a_certificate_of_a_name(tmp_path: Path) -> None:
    """With an authority named, a sender without its certificate, or with another name, is not let in, and counted."""
    authority, strangers = Authority(tmp_path), Authority(tmp_path, "Strangers")
    certificate, key = authority.issued("credwatch.example")
    options = {"certificate": certificate, "certificate_key": key, "client_authority": authority.file}
    async with listening(tls_port=0, client_names=("web1.example",), **options) as made:
        senders = [(None, ""), (strangers, "web1.example"), (authority, "web2.example"), (authority, "web1.example")]
        for signer, name in senders:
            context = ssl.create_default_context(cafile=authority.file)
            if signer is not None:
                context.load_cert_chain(*signer.issued(name))
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", made.ports["tls"], ssl=context)
                writer.write(f"{len(NEW) + len(name) + 1} {NEW} {name}".encode())
                await writer.drain()
                await asyncio.sleep(0.2)
                writer.close()
        await made.until(lambda: len(made.lines) == 1)
        assert [f"{NEW} web1.example"] == made.lines
        assert 1 <= made.intake.refused


async def test_a_sender_waits_where_there_is_no_room_and_nothing_is_lost() -> None:
    """Pressure stops the reading of a connection; once lines are committed, all of them come, in order."""
    expected = [f"<34>{number:06} {'x' * 1000}" for number in range(8000)]
    async with listening(waiting_bytes=100_000, tcp_port=0) as made:
        _, writer = await asyncio.open_connection("127.0.0.1", made.ports["tcp"])
        writer.write("".join(f"{line}\n" for line in expected).encode())
        sent = asyncio.create_task(writer.drain())
        await asyncio.sleep(0.3)
        assert not sent.done()
        await made.until(lambda: len(made.lines) == len(expected))
        assert expected == made.lines
        await sent
        writer.close()


async def test_datagrams_that_the_system_drops_are_counted() -> None:
    """While there is no room datagrams wait in the system's queue; what it drops is told with the next one."""
    async with listening(waiting_bytes=100, udp_port=0) as made, asyncio.timeout(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            address = ("127.0.0.1", made.ports["udp"])
            sender.sendto(b"<34>" + b"x" * 200, address)
            while made.intake.has_room():  # noqa: ASYNC110  # an intake sets no event
                await asyncio.sleep(0.01)
            sent = 1500
            for number in range(sent):
                sender.sendto(b"<34>%06d " % number + b"x" * 8000, address)
            await made.until(lambda: len(made.lines) > 1)
            await asyncio.sleep(0.2)
            made.commit()
            sender.sendto(b"<34>last", address)
            await made.until(lambda: made.lines[-1] == "<34>last")
            assert made.intake.dropped > 0
            assert sent + 2 == len(made.lines) + made.intake.dropped


async def test_connections_have_bounds() -> None:
    """More connections of one address than allowed are closed and counted, and so is one that is idle."""
    async with listening(tcp_port=0, connections_of_one=1, idle_seconds=0.3, message_bytes=480) as made:
        first, _ = await asyncio.open_connection("127.0.0.1", made.ports["tcp"])
        await asyncio.sleep(0.05)
        second, _ = await asyncio.open_connection("127.0.0.1", made.ports["tcp"])
        for reader in (second, first):
            with suppress(ConnectionResetError):
                assert b"" == await asyncio.wait_for(reader.read(), 10)
        assert 1 == made.intake.refused
        _, writer = await asyncio.open_connection("127.0.0.1", made.ports["tcp"])
        writer.write(b"<34>" + b"x" * 1000 + b"\n<34>next\n")
        await made.until(lambda: len(made.lines) == 2)
        assert [480, "<34>next"] == [len(made.lines[0]), made.lines[1]]
        assert 1 == made.intake.cut_lines
        writer.close()


async def test_a_port_that_is_taken_is_told() -> None:
    """Then nothing of the source listens, and the error names the source."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        made = Listening({"udp_port": 0, "tcp_port": other.getsockname()[1]}, 1000)
        with pytest.raises(ConfigurationError, match="cannot listen") as caught:
            await made.receiver.start()
        assert "source net" == caught.value.where


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "it listens nowhere"),
        ({"tls_port": 6514}, "tls_port needs a certificate"),
        ({"tcp_port": 601, "client_names": ["a"]}, "no client certificate is believed"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    """Each says what is missing."""
    with pytest.raises(ValueError, match=message):
        SyslogSourceOptions.model_validate({"id": "net", "kind": "syslog"} | options)


async def test_what_comes_after_a_restart_is_never_taken_for_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cursors tell of what was taken: the first message of the next process is new, wherever that has its objects."""
    monkeypatch.setattr(receiver, "id", lambda _object: 7, raising=False)
    cursors: dict[str, Cursor] = {}
    for number in range(2):
        async with listening(udp_port=0) as made:
            made.cursors = cursors
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(f"{NEW} {number}".encode(), ("127.0.0.1", made.ports["udp"]))
            await made.until(lambda made=made: bool(made.lines))
            assert [f"{NEW} {number}"] == made.lines
