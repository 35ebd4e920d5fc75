"""The dispatcher: at least once, in order for each recipient, whatever the channel and the store do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct, field

from builders_outbox import NOON, Mailbox, a_channel, a_command, a_mail_server, by
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.errors import StoreError
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox import dispatcher as module
from credwatch.outbox.dispatcher import Dispatcher, Settled
from credwatch.outbox.fallback import Fallback
from credwatch.outbox.outage import Outage
from credwatch.outbox.retry import ENOUGH, GIVE_UP
from credwatch.store.commands import commands
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, queue

ACCEPTED = Delivered(NOON, "250 ok")


class Script(Struct):
    """A channel that answers as it is told, by recipient, and notes what it was given."""

    answers: dict[str, list[Receipt | Exception]] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    gate: asyncio.Event | None = None

    async def deliver(self, command: Command) -> Receipt:
        """Give the next answer for this recipient; accepted where none is told."""
        self.given.append(command.id)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self.gate:
                await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        answer = (self.answers.get(command.recipient) or [ACCEPTED]).pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Watch(Struct):
    """A clock that the test moves."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db")
    database.migrate()
    yield database
    database.close()


def _queue(database: Database, *given: Command) -> None:
    with database.writing() as connection:
        queue(connection, given)


def _refused(command: Command, reply: str, now: datetime) -> tuple[Command, ...]:
    if command.id.endswith("9"):
        return ()
    return (a_command(int(command.id[3:]) + 9, recipient="ops@x.example", created_at=now),)


@asynccontextmanager
async def _running(database: Database, channel, watch: Watch | None = None, **more) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(OutboxStore(database), by(channel), watch or Watch(), _refused, **more)
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        dispatcher.stop()
        await asyncio.wait_for(task, 60)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # the state lives in a database, which sets no event
            await asyncio.sleep(0.005)


def _states(database: Database) -> dict[str, str]:
    every = ("queued", "sending", "delivered", "refused")
    return {item.command.id[-1]: item.state for item in OutboxStore(database).listed(every)}


async def test_what_is_queued_is_delivered(database: Database) -> None:
    """Commands found at the start go out, and each is settled."""
    _queue(database, a_command(1), a_command(2))
    seen: list[Settled] = []
    async with _running(database, Script(), on_settled=seen.append):
        await _until(lambda: {"1": "delivered", "2": "delivered"} == _states(database))
    assert [Settled(a_command(1), ACCEPTED), Settled(a_command(2), ACCEPTED)] == seen


async def test_a_wake_delivers_what_came_since(database: Database) -> None:
    """A command queued while it runs goes out on `wake`, without waiting for the timer."""
    async with _running(database, Script()) as dispatcher:
        await asyncio.sleep(0.05)
        _queue(database, a_command(1))
        dispatcher.wake()
        await _until(lambda: _states(database) == {"1": "delivered"})


async def test_one_recipient_gets_messages_in_order_one_at_a_time(database: Database) -> None:
    """Twenty commands to one address never overlap and keep their order."""
    given = [a_command(number, created_at=NOON + timedelta(microseconds=number)) for number in range(20)]
    _queue(database, *reversed(given))
    script, watch = Script(), Watch(NOON + timedelta(seconds=1))
    async with _running(database, script, watch):
        await _until(lambda: len(script.given) == 20)
    assert [command.id for command in given] == script.given
    assert 1 == script.most


async def test_attempts_at_once_are_bounded(database: Database) -> None:
    """Ten recipients, three at a time."""
    _queue(database, *(a_command(number, recipient=f"r{number}@x.example") for number in range(10)))
    script = Script(gate=asyncio.Event())
    async with _running(database, script, concurrency=3):
        await _until(lambda: script.under_way == 3)
        script.gate.set()
        await _until(lambda: len(script.given) == 10)
    assert 3 == script.most


async def test_a_crowd_for_one_recipient_does_not_starve_another(database: Database) -> None:
    """A hundred older commands for a hanging recipient leave room for the next one."""
    crowd = [a_command(number) for number in range(100)]
    _queue(database, *crowd, a_command(555, recipient="kt@tanphat.example", created_at=NOON))
    script = Script(gate=asyncio.Event())
    async with _running(database, script):
        await _until(lambda: a_command(555).id in script.given)
        script.gate.set()


async def test_a_notice_behind_two_thousand_others_leaves_among_the_first(database: Database) -> None:
    """Four customers have five hundred each, a slow relay takes four at once: the fifth customer's leaves next."""
    crowd = [
        a_command(number, organization=f"customer-{number % 4}", recipient=f"r{number}@x.example")
        for number in range(2000)
    ]
    _queue(database, *crowd)
    script = Script(gate=asyncio.Event())
    async with _running(database, script) as dispatcher:
        await _until(lambda: script.under_way == 4)
        _queue(database, a_command(5555, organization="fifth", recipient="fifth@x.example"))
        dispatcher.wake()
        script.gate.set()
        await _until(lambda: a_command(5555).id in script.given)
        dispatcher.stop()
    assert a_command(5555).id in script.given[:20]


async def test_a_failing_server_is_tried_again_later(database: Database) -> None:
    """Retry waits for its moment and then delivers; nothing is sent in between."""
    _queue(database, a_command(1))
    script, watch = Script({"it@tanphat.example": [Retry("450"), ACCEPTED]}), Watch()
    async with _running(database, script, watch) as dispatcher:
        await _until(lambda: OutboxStore(database).listed()[0].last_reason == "450")
        dispatcher.wake()
        await asyncio.sleep(0.05)
        assert 1 == len(script.given)
        watch.now += timedelta(seconds=31)
        dispatcher.wake()
        await _until(lambda: _states(database) == {"1": "delivered"})


@pytest.mark.parametrize("back", [timedelta(minutes=30), timedelta(hours=3), timedelta(days=5 * 365)])
async def test_a_clock_set_back_holds_up_no_message(database: Database, back: timedelta) -> None:
    """A message that waits for half a minute is tried at once when the clock is set back, and not that much later."""
    _queue(database, a_command(1))
    script, watch = Script({"it@tanphat.example": [Retry("450"), ACCEPTED]}), Watch()
    async with _running(database, script, watch) as dispatcher:
        await _until(lambda: OutboxStore(database).listed()[0].last_reason == "450")
        watch.now -= back
        dispatcher.wake()
        await _until(lambda: _states(database) == {"1": "delivered"})


async def test_a_clock_set_back_during_an_attempt_holds_up_no_message(database: Database) -> None:
    """An attempt that read the clock before it was set, and is stored after, is doubted like the others."""
    _queue(database, a_command(1))
    watch = Watch()

    class Late(OutboxStore):
        def settle(self, *given, **more) -> None:
            if watch.now == NOON:
                watch.now -= timedelta(hours=3)
                dispatcher.wake()
                time.sleep(0.2)  # the loop has looked at the clock meanwhile
            super().settle(*given, **more)

    script = Script({"it@tanphat.example": [Retry("450"), ACCEPTED]})
    dispatcher = Dispatcher(Late(database), by(script), watch, _refused)
    task = asyncio.create_task(dispatcher.run())
    await _until(lambda: _states(database) == {"1": "delivered"})
    dispatcher.stop()
    await asyncio.wait_for(task, 60)


@pytest.mark.parametrize("back", [timedelta(minutes=30), timedelta(hours=3), timedelta(days=5 * 365)])
async def test_a_clock_set_back_while_nothing_ran_holds_up_no_message(database: Database, back: timedelta) -> None:
    """A stored moment that lies further ahead than any wait is doubted at the start."""
    _queue(database, a_command(1))
    OutboxStore(database).begin(a_command(1).id, NOON)
    OutboxStore(database).settle(a_command(1).id, Retry("450"), NOON, NOON + timedelta(seconds=30))
    async with _running(database, Script(), Watch(NOON - back)):
        await _until(lambda: _states(database) == {"1": "delivered"})


async def test_a_queued_message_of_the_future_is_not_waited_for(database: Database) -> None:
    """Queued under a clock five years ahead, it goes out under the right one."""
    _queue(database, a_command(1, created_at=NOON + timedelta(days=5 * 365)))
    async with _running(database, Script()):
        await _until(lambda: _states(database) == {"1": "delivered"})


async def test_a_refused_command_escalates_in_the_same_breath(database: Database) -> None:
    """The escalation is queued with the refusal and delivered."""
    _queue(database, a_command(1))
    async with _running(database, Script({"it@tanphat.example": [Refused("550")]})):
        await _until(lambda: _states(database) == {"1": "refused", "0": "delivered"})


async def test_days_without_success_escalate_and_stay_listed(database: Database) -> None:
    """After five days the operators hear of it, and the command is still there."""
    _queue(database, a_command(1))
    with database.writing() as connection:
        connection.execute(commands.update().values(attempts=ENOUGH))
    script, watch = Script({"it@tanphat.example": [Retry("no route")]}), Watch(NOON + GIVE_UP)
    async with _running(database, script, watch):
        await _until(lambda: _states(database) == {"1": "refused", "0": "delivered"})
    assert ["no route"] == [item.last_reason for item in OutboxStore(database).listed()]


async def test_a_poisoned_command_does_not_block_others(database: Database) -> None:
    """A channel that raises on one command delivers the others, and that one is tried again."""
    _queue(database, a_command(1), a_command(2), a_command(3, recipient="kt@tanphat.example"))
    script = Script({"it@tanphat.example": [RuntimeError("defect"), ACCEPTED]})
    async with _running(database, script):
        await _until(lambda: _states(database) == {"1": "queued", "2": "delivered", "3": "delivered"})
    assert ["the channel failed: RuntimeError"] == [i.last_reason for i in OutboxStore(database).listed()]


async def test_stop_settles_what_is_under_way(database: Database) -> None:
    """Stopping lets attempts end and begins no other."""
    _queue(database, a_command(1), a_command(2))
    script = Script(gate=asyncio.Event())
    async with _running(database, script) as dispatcher:
        await _until(lambda: script.under_way == 1)
        dispatcher.stop()
        script.gate.set()
    assert {"1": "delivered", "2": "queued"} == _states(database)


def _elsewhere(**ways: Script) -> Fallback:
    return Fallback(None, ways)


def _mail_turned(is_down: bool, reply: str, _last: datetime | None, now: datetime) -> tuple[Command, ...]:
    number = 700 if is_down else 800
    recipients = ("ops@x.example", "ops2@x.example")
    context = {**a_command().payload.context, "reason": "mail_down" if is_down else "mail_back", "reply": reply}
    return tuple(
        a_command(number + at, kind=CommandKind.ESCALATE, recipient=recipient, context=context, created_at=now)
        for at, recipient in enumerate(recipients)
    )


async def test_a_relay_that_refuses_everybody_refuses_no_reader(database: Database) -> None:
    """All wait; the operators are told once by the other way, and once it takes messages everything goes out."""
    _queue(database, *(a_command(number, recipient=f"r{number}@x.example") for number in range(1, 6)))
    is_mended = False

    class Relay(Script):
        async def deliver(self, command: Command) -> Receipt:
            self.given.append(command.id)
            return ACCEPTED if is_mended else Refused("554 5.7.1 denied", by_server=True)

    pager, watch = Script(), Watch()
    more = {"fallback": _elsewhere(command=pager), "on_outage": _mail_turned, "outage": Outage(time.monotonic, 0.05)}
    async with _running(database, Relay(), watch, **more) as dispatcher:
        await _until(lambda: any(name.endswith("700") for name in pager.given))
        await _until(lambda: {"queued"} == {*_states(database).values()})
        is_mended = True
        watch.now += timedelta(hours=1)
        dispatcher.wake()
        await _until(lambda: {"delivered"} == {*_states(database).values()})
    told = [name[-3:] for name in pager.given]
    assert 1 == told.count("700")
    assert 0 == told.count("701"), "a pager has one reader, however many operators there are"


async def test_what_the_operators_own_mailbox_refuses_is_told_otherwise(database: Database) -> None:
    """Mail works, and theirs does not: the escalation goes by the other way, once."""
    _queue(database, a_command(1, kind=CommandKind.ESCALATE), a_command(2, recipient="kt@tanphat.example"))
    script = Script({"it@tanphat.example": [Refused("550 5.1.1 no", by_server=True)]})
    pager, seconds = Script(), [0.0]
    more = {"fallback": _elsewhere(file=pager), "steady": lambda: seconds[0]}
    async with _running(database, script, **more) as dispatcher:
        await _until(lambda: {"1": "refused", "2": "delivered"}.items() <= _states(database).items())
        async with asyncio.timeout(10):
            while not pager.given:
                seconds[0] += 31
                dispatcher.wake()
                await asyncio.sleep(0.02)
        for _ in range(5):
            seconds[0] += 31
            dispatcher.wake()
            await asyncio.sleep(0.02)
    assert [a_command(1).id] == pager.given


async def test_one_refused_mailbox_among_others_is_final_and_mail_is_not_down(database: Database) -> None:
    """What follows is accepted, so the refusal is the reader's; nobody hears of an outage."""
    _queue(database, a_command(1), a_command(2, recipient="kt@tanphat.example"))
    turned: list[bool] = []

    def on_outage(is_down: bool, *_: object) -> tuple[()]:
        turned.append(is_down)
        return ()

    script = Script({"it@tanphat.example": [Refused("550 5.1.1 no", by_server=True)]})
    async with _running(database, script, on_outage=on_outage, concurrency=1):
        await _until(lambda: _states(database) == {"1": "refused", "2": "delivered", "0": "delivered"})
    assert [] == turned
    assert 1 == script.given.count(a_command(1).id)


async def test_a_second_relay_takes_what_the_first_cannot(database: Database) -> None:
    """Nothing waits, and the receipt says which relay it was."""
    _queue(database, a_command(1))
    broken = Script({"it@tanphat.example": [Retry("connection refused", of_the_way=True)]})
    second = Script()
    async with _running(database, broken, fallback=Fallback(second)):
        await _until(lambda: _states(database) == {"1": "delivered"})
    assert ["second relay: 250 ok"] == [item.last_reason for item in OutboxStore(database).listed(("delivered",))]


async def test_a_second_relay_is_not_asked_about_a_readers_refusal(database: Database) -> None:
    """What one mailbox refuses is not sent past it, nor what is postponed."""
    _queue(database, a_command(1), a_command(2, recipient="kt@tanphat.example"))
    answers = {
        "it@tanphat.example": [Refused("550 5.1.1 no", by_server=True)],
        "kt@tanphat.example": [Retry("450 greylisted")],
    }
    second = Script()
    async with _running(database, Script(answers), fallback=Fallback(second)):
        await _until(lambda: {"1": "refused", "2": "queued"}.items() <= _states(database).items())
    assert [] == second.given


async def test_a_way_that_fails_is_tried_again_and_the_others_tell(database: Database) -> None:
    """One way that took it is enough; while none does, each turn asks all of them again."""
    answers = [Retry("no pager"), Retry("no pager"), ACCEPTED]
    pager = Script({"ops@x.example": [*answers]})
    refusing = Script({f"r{number}@x.example": [Refused("550", by_server=True)] * 9 for number in (1, 2)})
    refusing.answers |= {f"ops{more}@x.example": [Refused("550", by_server=True)] * 9 for more in ("", "2")}
    _queue(database, *(a_command(number, recipient=f"r{number}@x.example") for number in (1, 2)))
    more = {"fallback": _elsewhere(command=pager), "on_outage": _mail_turned, "outage": Outage(time.monotonic, 0.05)}
    async with _running(database, refusing, **more) as dispatcher:
        async with asyncio.timeout(60):
            while len([name for name in pager.given if name.endswith("700")]) < 3:
                dispatcher.wake()
                await asyncio.sleep(0.02)


async def test_a_crash_after_sending_repeats_the_same_message(database: Database) -> None:
    """Killed between acceptance and settling, the next start sends the same bytes with the same Message-ID."""
    _queue(database, a_command(1))
    mailbox = Mailbox()
    async with a_mail_server(mailbox) as port:
        store = OutboxStore(database)
        store.begin(a_command(1).id, NOON)
        await a_channel(port).deliver(a_command(1))
        async with _running(database, a_channel(port)):
            await _until(lambda: _states(database) == {"1": "delivered"})
    first, second = mailbox.messages
    assert first == second


async def test_a_server_that_comes_back_gets_everything_once(database: Database) -> None:
    """Down at first, up later: each notice arrives once, across a restart of the dispatcher."""
    _queue(database, *(a_command(number, recipient=f"r{number}@x.example") for number in range(5)))
    mailbox, watch = Mailbox(), Watch()
    async with a_mail_server(mailbox) as port:
        pass
    async with _running(database, a_channel(port), watch):
        await _until(lambda: all(item.attempts for item in OutboxStore(database).listed()))
    watch.now += timedelta(minutes=1)
    async with a_mail_server(mailbox, port=port), _running(database, a_channel(port), watch):
        await _until(lambda: set(_states(database).values()) == {"delivered"})
    assert 5 == len(set(mailbox.messages)) == len(mailbox.messages)


class _Failing(OutboxStore):
    """A store that fails a few times when a receipt is to be settled."""

    failures = 2

    def settle(self, *given, **more) -> None:
        """Fail, then settle."""
        if self.failures:
            self.failures -= 1
            raise StoreError("disk full")
        super().settle(*given, **more)


async def test_a_failing_store_forgets_no_receipt(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receipt is kept until the store takes it; the message is not sent again."""
    monkeypatch.setattr(module, "_STORE_PAUSE", 0.01)
    _queue(database, a_command(1))
    script = Script()
    dispatcher = Dispatcher(_Failing(database), by(script), Watch(), _refused)
    task = asyncio.create_task(dispatcher.run())
    await _until(lambda: _states(database) == {"1": "delivered"})
    dispatcher.stop()
    await task
    assert 1 == len(script.given)


async def test_a_failing_store_does_not_keep_it_from_stopping(database: Database) -> None:
    """With a store that stays broken, `stop` still ends it; the attempt counts as interrupted."""
    _queue(database, a_command(1))
    store, script = _Failing(database), Script(gate=asyncio.Event())
    store.failures = 1_000_000
    dispatcher = Dispatcher(store, by(script), Watch(), _refused)
    task = asyncio.create_task(dispatcher.run())
    await _until(lambda: script.under_way == 1)
    dispatcher.stop()
    script.gate.set()
    await asyncio.wait_for(task, 60)
    assert {"1": "sending"} == _states(database)
