"""Mail servers that do not keep to the protocol: each attempt ends as a receipt, and no message stays under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, a_channel, a_command, by
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.outbox.dispatcher import Dispatcher
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, queue

GOOD = {
    "CONNECT": b"220 mail.example ESMTP\r\n",
    "EHLO": b"250 mail.example\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 queued as 4F00B4R\r\n",
    "QUIT": b"221 bye\r\n",
}
"""What a server says after each step that goes well."""
NO_UTF8 = b"\xff\xfe\xe9\xa0 refus\xe9"
STEERING = b"\x1b[2J\x9b\xc2\x9b\xe2\x80\xae\x00"
ENDLESS = b"250-" + b"x" * 1000 + b"\r\n"


@asynccontextmanager
async def a_server(**replies: bytes | None) -> AsyncIterator[int]:
    """Run a server that answers each step as told; None closes the connection in its place."""
    spoken = GOOD | {name.replace("END", "."): reply for name, reply in replies.items()}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(reader, writer, spoken)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoken: dict[str, bytes | None]
) -> None:
    verb, in_data = "CONNECT", False
    while True:
        if (reply := spoken.get(verb, b"502 unknown\r\n")) is None:
            return
        while reply is ENDLESS:
            writer.write(reply)
            await writer.drain()
        writer.write(reply)
        await writer.drain()
        in_data = verb == "DATA" and reply.startswith(b"354")
        while in_data and (line := await reader.readline()) not in (b".\r\n", b""):
            pass
        if in_data:
            verb, in_data = ".", False
            continue
        line = await reader.readline()
        if not line:
            return
        verb = line.split()[0].decode().upper() if line.split() else "?"


STAGES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END")
HOSTILE = {
    "no UTF-8": b"550 " + NO_UTF8 + b"\r\n",
    "no UTF-8 for now": b"451 " + NO_UTF8 + b"\r\n",
    "steering": b"554 " + STEERING + b"\r\n",
    "no code": NO_UTF8 + b"\r\n",
    "no such code": b"999 what\r\n",
    "small code": b"1 what\r\n",
    "many lines": b"550-" + NO_UTF8 + b"\r\n550-two\r\n550 three\r\n",
    "long line": b"550 " + b"y" * 100_000 + b"\r\n",
    "endless": ENDLESS,
    "half a line": b"55",
    "closing": b"421 4.3.2 shutting down\r\n",
    "empty": b"\r\n",
    "gone": None,
}


@pytest.fixture
def database(tmp_path: Path):
    made = Database(tmp_path / "store.db")
    made.migrate()
    with made.writing() as connection:
        queue(connection, [a_command(1)])
    yield made
    made.close()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", HOSTILE)
async def test_whatever_it_says_ends_as_a_stored_receipt(stage: str, kind: str, database: Database) -> None:
    """The reason is one printable line in the store, and the message waits or is refused, never under way."""
    settled = []
    async with a_server(**{stage: HOSTILE[kind]}) as port:
        channel = a_channel(port, timeout_seconds=0.3)
        dispatcher = Dispatcher(
            OutboxStore(database), by(channel), lambda: NOON, lambda *_: (), on_settled=settled.append
        )
        task = asyncio.create_task(dispatcher.run())
        await _until(lambda: settled)
        dispatcher.stop()
        await asyncio.wait_for(task, 60)
    (stored,) = OutboxStore(database).listed()
    assert stored.state in {"queued", "refused"}
    assert stored.last_reason
    assert stored.last_reason.isprintable()
    assert len(stored.last_reason) <= 500


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL"])
async def test_a_refusal_before_a_recipient_is_named_is_the_servers_own_trouble(stage: str) -> None:
    """550 to the connection, the greeting or our sender says nothing about any reader."""
    async with a_server(**{stage: b"550 5.7.1 not you\r\n"}) as port:
        receipt = await a_channel(port).deliver(a_command())
    assert isinstance(receipt, Retry)
    assert receipt.of_the_way


@pytest.mark.parametrize("stage", ["RCPT", "END"])
async def test_a_refusal_of_recipient_or_message_is_the_servers_word(stage: str) -> None:
    """It is final for this message, unless the server says it to everybody."""
    async with a_server(**{stage: b"550 5.1.1 no such user\r\n"}) as port:
        assert Refused("550 5.1.1 no such user", by_server=True) == await a_channel(port).deliver(a_command())


@pytest.mark.parametrize("goodbye", [b"221 " + NO_UTF8 + b"\r\n", b"\xff\xff\r\n", b"550 no\r\n", ENDLESS, None])
async def test_what_comes_after_acceptance_takes_nothing_back(goodbye: bytes | None) -> None:
    """A message that was accepted is not sent again because of a rude goodbye."""
    async with a_server(QUIT=goodbye) as port:
        receipt = await a_channel(port, timeout_seconds=3).deliver(a_command())
    assert Delivered(NOON, "250 2.0.0 queued as 4F00B4R") == replace(receipt, content=b"")


@pytest.mark.parametrize(
    ("recipient", "sent"),
    [("it@tânphát.example", True), ("lan.trần@tanphat.example", False), ("a b@x.example", False), ("nobody", False)],
)
async def test_addresses_beyond_ascii(recipient: str, sent: bool) -> None:
    """A domain is written in ASCII; a local part that few servers carry is refused before anything is sent."""
    async with a_server() as port:
        receipt = await a_channel(port).deliver(a_command(1, recipient=recipient))
    assert isinstance(receipt, Delivered if sent else Refused)
    assert sent or receipt == Refused(receipt.reason, by_server=False)


async def test_an_attempt_that_is_broken_off_waits_again(database: Database) -> None:
    """Cancelled in the middle, as at a stop that cannot wait, a message is queued, not under way."""
    begun = asyncio.Event()

    class Hanging:
        async def deliver(self, _command: object) -> Delivered:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    dispatcher = Dispatcher(OutboxStore(database), by(Hanging()), lambda: NOON, lambda *_: ())
    running = asyncio.create_task(dispatcher.run())
    await asyncio.wait_for(begun.wait(), 5)
    for task in asyncio.all_tasks():
        if task.get_name() == f"deliver {a_command(1).id}":
            task.cancel()
    await _until(lambda: "queued" == OutboxStore(database).listed()[0].state)
    dispatcher.stop()
    await asyncio.wait_for(running, 5)


@pytest.mark.parametrize("part", ["on_refused", "on_settled"])
async def test_a_defect_beside_the_channel_leaves_no_message_under_way(part: str, database: Database) -> None:
    """What fails while a receipt is settled puts the message back, or leaves it settled."""

    class Refusing:
        async def deliver(self, _command: object) -> Refused:
            return Refused("not sent: no")

    def fail(*_: object) -> tuple[()]:
        raise RuntimeError(part)

    hooks = {"on_refused": lambda *_: (), "on_settled": lambda _: None} | {part: fail}
    given = (OutboxStore(database), by(Refusing()), lambda: NOON, hooks["on_refused"])
    dispatcher = Dispatcher(*given, on_settled=hooks["on_settled"])
    running = asyncio.create_task(dispatcher.run())
    await _until(lambda: OutboxStore(database).listed()[0].last_reason)
    dispatcher.stop()
    await asyncio.wait_for(running, 5)
    assert ("queued" if part == "on_refused" else "refused") == OutboxStore(database).listed()[0].state


async def test_a_stored_command_that_cannot_be_read_holds_up_no_other(database: Database) -> None:
    """It is listed as refused, and the next one goes out."""
    with database.writing() as connection:
        queue(connection, [a_command(2, recipient="kt@tanphat.example")])
        connection.exec_driver_sql("UPDATE commands SET context = '{' WHERE id = ?", (a_command(1).id,))
    store = OutboxStore(database)
    assert [a_command(2).id] == [item.command.id for item in store.due(NOON, 10)]
    with database.reading() as connection:
        states = connection.exec_driver_sql("SELECT state FROM commands ORDER BY id").scalars().all()
    assert ["refused", "queued"] == states


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # the state lives in a database, which sets no event
            await asyncio.sleep(0.005)
