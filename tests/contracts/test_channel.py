"""The contract of `Channel`, held against every channel with a real server at the other end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, Mailbox, a_channel, a_command, a_mail_server, a_renderer
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.outbox.file import FileChannel
from credwatch.outbox.interface import Channel
from credwatch.outbox.program import ProgramChannel


class EmailPeer:
    """The other side of the e-mail channel."""

    @asynccontextmanager
    async def accepting(self) -> AsyncIterator[tuple[Channel, Mailbox]]:
        """Take everything."""
        mailbox = Mailbox()
        async with a_mail_server(mailbox) as port:
            yield a_channel(port), mailbox

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[Channel]:
        """Refuse for good."""
        async with a_mail_server(Mailbox(rcpt="550 5.1.1 no such user")) as port:
            yield a_channel(port)

    @asynccontextmanager
    async def postponing(self) -> AsyncIterator[Channel]:
        """Ask to come back later."""
        async with a_mail_server(Mailbox(rcpt="450 4.2.1 greylisted")) as port:
            yield a_channel(port)

    @asynccontextmanager
    async def slow(self) -> AsyncIterator[Channel]:
        """Answer later than the channel waits."""
        async with a_mail_server(Mailbox(pause=3.0)) as port:
            yield a_channel(port, timeout_seconds=0.3)

    @asynccontextmanager
    async def nonsense(self) -> AsyncIterator[Channel]:
        """Speak no protocol at all."""

        async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"\x00\xff nonsense\r\n" * 3)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            yield a_channel(server.sockets[0].getsockname()[1])

    def gone(self) -> Channel:
        """Be nowhere: a port nobody listens on."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return a_channel(port)


@pytest.fixture(params=[EmailPeer], ids=["email"])
def peer(request: pytest.FixtureRequest) -> EmailPeer:
    return request.param()


class ProgramWay:
    """The other side of the channel that runs a program."""

    def __init__(self, folder: Path) -> None:
        self.kept = folder / "kept"

    def accepting(self) -> Channel:
        """Keep what it is given."""
        return self.running("cat >> kept")

    def broken(self) -> list[Channel]:
        """Fail, be no program, be a folder, never end, leave a child behind that never ends, be killed."""
        never = [self.running("sleep 600", seconds=0.3), self.running("sleep 600 & sleep 600", seconds=0.3)]
        absent = [
            ProgramChannel(("/no/such/program",), a_renderer(), lambda: NOON),
            ProgramChannel(("/tmp",), a_renderer(), lambda: NOON),
        ]
        said = self.running("cat > /dev/null; printf '\\033[2J\\377no\\n' >&2; yes | head -c 3000000 >&2; exit 3")
        return [self.running("exit 1"), *never, *absent, said, self.running("kill -9 $$")]

    def running(self, script: str, seconds: float = 10.0) -> Channel:
        """Run a script of the shell in the folder."""
        argv = ("/bin/sh", "-c", f"cd '{self.kept.parent}'; {script}")
        return ProgramChannel(argv, a_renderer(), lambda: NOON, seconds)

    def texts(self) -> str:
        """Return what arrived."""
        return self.kept.read_text("utf-8") if self.kept.exists() else ""


class FileWay:
    """The other side of the channel that appends to a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = folder / "kept"

    def accepting(self) -> Channel:
        """Keep what it is given."""
        return FileChannel(self.kept, a_renderer(), lambda: NOON)

    def broken(self) -> list[Channel]:
        """Be in no folder, be a folder, a link, a FIFO that nobody reads, a full disk, a device."""
        link, fifo = self.folder / "link", self.folder / "fifo"
        link.symlink_to(self.kept)
        os.mkfifo(fifo)
        paths = [self.folder / "none" / "file", self.folder, link, fifo, Path("/dev/full"), Path("/dev/null")]
        return [FileChannel(path, a_renderer(), lambda: NOON) for path in paths]

    def texts(self) -> str:
        """Return what arrived."""
        return self.kept.read_text("utf-8") if self.kept.exists() else ""


@pytest.fixture(params=[ProgramWay, FileWay], ids=["program", "file"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> ProgramWay | FileWay:
    return request.param(tmp_path)


async def test_another_way_takes_a_command_as_text(way: ProgramWay | FileWay) -> None:
    """Subject, id and words arrive whole, the Vietnamese ones first, and the receipt holds the moment."""
    receipt = await way.accepting().deliver(a_command())
    assert isinstance(receipt, Delivered)
    assert receipt.at == NOON
    assert "Không gửi được thư" in way.texts()
    assert a_command().id in way.texts()


async def test_another_way_keeps_several_apart(way: ProgramWay | FileWay) -> None:
    """Commands one after the other stand one after the other."""
    channel = way.accepting()
    await channel.deliver(a_command(1))
    await channel.deliver(a_command(2))
    assert way.texts().index(a_command(1).id) < way.texts().index(a_command(2).id)


async def test_another_way_that_is_broken_is_retried_in_bounded_time(way: ProgramWay | FileWay) -> None:
    """Whatever stands in its way is a receipt of one printable line, which says that the way is at fault."""
    for channel in way.broken():
        receipt = await asyncio.wait_for(channel.deliver(a_command()), 30)
        assert isinstance(receipt, Retry)
        assert receipt.of_the_way
        assert receipt.reason.isprintable()
        assert len(receipt.reason) < 500


async def test_another_way_does_not_send_what_cannot_be_rendered(way: ProgramWay | FileWay) -> None:
    """A poisoned command is an outcome, not an exception."""
    receipt = await way.accepting().deliver(a_command(template="no_such_template"))
    assert isinstance(receipt, Refused)
    assert not receipt.by_server
    assert "" == way.texts()


async def test_a_program_gets_no_secret_and_outlives_no_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment has nothing of the daemon's, and when the delivery is cancelled it is gone."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    way = ProgramWay(tmp_path)
    await way.running("env > kept").deliver(a_command())
    assert "CREDENTIALS" not in way.texts()
    started = tmp_path / "started"
    delivering = asyncio.create_task(
        way.running("echo $$ > started.new; mv started.new started; sleep 600").deliver(a_command())
    )
    async with asyncio.timeout(60):
        while not started.exists():  # noqa: ASYNC110  # another process sets no event
            await asyncio.sleep(0.01)
    delivering.cancel()
    await asyncio.wait([delivering])
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


async def test_a_program_that_is_cancelled_while_it_starts_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither it nor what it has started lives on, and the cancellation does not wait for them."""
    start, child = asyncio.create_subprocess_exec, tmp_path / "child"

    async def starting_slowly(*argv: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*argv, **options)
        while not child.exists():  # noqa: ASYNC110  # another process sets no event
            await asyncio.sleep(0.01)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", starting_slowly)
    way = ProgramWay(tmp_path)
    delivering = asyncio.create_task(
        way.running("sleep 600 & echo $! > child.new; mv child.new child; wait").deliver(a_command())
    )
    async with asyncio.timeout(60):
        await asyncio.sleep(0)
        delivering.cancel()
        await asyncio.wait([delivering])
        assert delivering.cancelled()
        while _runs(int(child.read_text())):  # noqa: ASYNC110  # another process sets no event
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    """Tell whether a process is there and is not only waiting for somebody to ask how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_file_of_escalations_is_its_owners(tmp_path: Path) -> None:
    """Others may not read what stands in it, whatever the umask."""
    way = FileWay(tmp_path)
    before = os.umask(0)
    try:
        await way.accepting().deliver(a_command())
    finally:
        os.umask(before)
    assert 0o600 == way.kept.stat().st_mode & 0o777


async def test_an_accepted_command_is_delivered_with_the_reply(peer: EmailPeer) -> None:
    """The receipt holds the server's reply with its queue id, and the moment of acceptance."""
    async with peer.accepting() as (channel, _):
        receipt = await channel.deliver(a_command())
    assert Delivered(at=NOON, reply="250 2.0.0 Ok: queued as 4F00B4R") == replace(receipt, content=b"")


async def test_one_command_is_one_message_to_one_recipient(peer: EmailPeer) -> None:
    """Nothing else arrives, and nobody else gets it."""
    async with peer.accepting() as (channel, mailbox):
        await channel.deliver(a_command())
    assert [["it@tanphat.example"]] == mailbox.recipients


async def test_a_second_attempt_carries_the_same_bytes(peer: EmailPeer) -> None:
    """A repeat after a crash is recognisable: same Message-ID, same content."""
    async with peer.accepting() as (channel, mailbox):
        await channel.deliver(a_command())
        await channel.deliver(a_command())
    first, second = mailbox.messages
    message = message_from_bytes(first, policy=SMTP_POLICY)
    assert first == second
    assert "<cw-0000000000000001@modoro.example>" == message["Message-ID"]


async def test_several_commands_may_be_under_way_at_once(peer: EmailPeer) -> None:
    """Attempts do not share a connection."""
    async with peer.accepting() as (channel, mailbox):
        mailbox.pause = 0.05
        receipts = await asyncio.gather(*(channel.deliver(a_command(number)) for number in range(5)))
    assert [Delivered] * 5 == [type(receipt) for receipt in receipts]


async def test_a_refusal_is_final_and_says_why(peer: EmailPeer) -> None:
    """A permanent answer becomes Refused with the server's words."""
    async with peer.refusing() as channel:
        assert Refused("550 5.1.1 no such user", by_server=True) == await channel.deliver(a_command())


async def test_a_postponement_is_retried(peer: EmailPeer) -> None:
    """A temporary answer becomes Retry with the server's words."""
    async with peer.postponing() as channel:
        assert Retry("450 4.2.1 greylisted") == await channel.deliver(a_command())


async def test_a_slow_server_is_given_up_in_time(peer: EmailPeer) -> None:
    """An attempt ends within a bounded time, as Retry."""
    async with peer.slow() as channel:
        receipt = await asyncio.wait_for(channel.deliver(a_command()), 2.5)
    assert isinstance(receipt, Retry)


async def test_nonsense_is_retried(peer: EmailPeer) -> None:
    """A server that speaks something else raises nothing."""
    async with peer.nonsense() as channel:
        assert isinstance(await channel.deliver(a_command()), Retry)


async def test_a_dead_server_is_retried(peer: EmailPeer) -> None:
    """A connection that cannot be made raises nothing."""
    assert isinstance(await peer.gone().deliver(a_command()), Retry)


async def test_a_command_that_cannot_be_rendered_is_refused(peer: EmailPeer) -> None:
    """A poisoned command is an outcome, not an exception."""
    async with peer.accepting() as (channel, mailbox):
        receipt = await channel.deliver(a_command(template="no_such_template"))
    assert isinstance(receipt, Refused)
    assert [] == mailbox.messages
