"""The contract of `Channel`, held against every channel with a real server at the other end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, Mailbox, a_channel, a_command, a_mail_server
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.outbox.interface import Channel


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


async def test_an_accepted_command_is_delivered_with_the_reply(peer: EmailPeer) -> None:
    """The receipt holds the server's reply with its queue id, and the moment of acceptance."""
    async with peer.accepting() as (channel, _):
        receipt = await channel.deliver(a_command())
    assert Delivered(at=NOON, reply="250 2.0.0 Ok: queued as 4F00B4R") == receipt


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
        receipt = await channel.deliver(replace(a_command(), template="no_such_template"))
    assert isinstance(receipt, Refused)
    assert [] == mailbox.messages
