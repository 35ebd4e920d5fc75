"""Takes due commands from the store, has the channel of their kind deliver them, and settles each with its receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from msgspec import Struct

from credwatch.kernel.clock import Clock, Steady, StepWatch, steady_clock
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.errors import StoreError
from credwatch.kernel.receipt import Receipt, Refused, Retry
from credwatch.outbox import retry
from credwatch.outbox.fallback import Fallback
from credwatch.outbox.interface import Channel, CommandQueue, Queued
from credwatch.outbox.outage import Doubt, Outage, Ruling
from credwatch.outbox.retry import longest_wait, next_attempt

log = structlog.get_logger(__name__)

OnOutage = Callable[[bool, str, datetime | None, datetime], Sequence[Command]]
"""Decides what to queue when mail goes down or up: (is it down, what was said last, last acceptance, now)."""

OnRefused = Callable[[Command, str, datetime], Sequence[Command]]
"""Decides what to queue when a command is refused or was tried for days: (command, reply, now)."""

T = TypeVar("T")
_IDLE = timedelta(seconds=60)
_STORE_PAUSE = 5.0
_OUTAGE_SECONDS = 30.0
_MOMENT = 0.05
_LOOK_SECONDS = 30.0
_DOUBTING_SECONDS = 600.0
"""So long after a step an attempt may still end that had read the clock before it."""


class Settled(Struct, frozen=True):
    """One attempt and what came of it, for metrics and the terminal."""

    command: Command
    """The command."""
    receipt: Receipt
    """What came of it."""
    next_at: datetime | None = None
    """When it is tried again, if it is."""


class Dispatcher:
    """Delivers what is queued, at least once, for as long as it takes.

    An attempt is recorded before the first byte goes out and settled after the last; a crash between the two
    sends the same message again under the same Message-ID. At most `concurrency` attempts run at once and at most
    one to each recipient. Law goes before courtesy before digest, and customers take turns; one that waits to be
    tried again holds nobody up. A store that fails is asked again until it answers: no receipt is forgotten meanwhile.
    """

    def __init__(
        self,
        queue: CommandQueue,
        channels: Mapping[CommandKind, Channel],
        clock: Clock,
        on_refused: OnRefused,
        *,
        concurrency: int = 4,
        on_settled: Callable[[Settled], None] | None = None,
        steady: Steady = steady_clock,
        fallback: Fallback | None = None,
        outage: Outage | None = None,
        on_outage: OnOutage = lambda *_: (),
        watched: Container[CommandKind] = frozenset(CommandKind),
    ) -> None:
        """`watched` are the kinds that leave by the way whose outage is watched, and that the fallback takes over."""
        self._queue = queue
        self._channels = channels
        self._clock = clock
        self._on_refused = on_refused
        self._concurrency = concurrency
        self._on_settled = on_settled or (lambda _settled: None)
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._fallback = fallback or Fallback()
        self._outage = outage or Outage(steady, _OUTAGE_SECONDS)
        self._on_outage = on_outage
        self._watched = watched
        self._is_down = False
        self._down_since: datetime | None = None
        self._convicted: dict[str, Doubt] = {}
        self._steady = steady
        self._steps = StepWatch(clock, steady)
        self._doubting_until = self._look_at = 0.0
        self._stopping = False
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Deliver until `stop` is called; returns when the attempts under way are settled."""
        self._loop = asyncio.get_running_loop()
        try:
            with suppress(StoreError):
                await self._stored(lambda: self._queue.recover(self._clock()))
                await self._doubt()
                while not self._stopping:
                    self._woken.clear()
                    await self._turn()
            await self._fallback.stop()
        finally:
            # Also where it dies: whoever runs it again puts back what is still marked as under way.
            if self._sending:
                await asyncio.wait(self._sending.values())

    def wake(self) -> None:
        """Say that something was queued; may be called from any thread, before `run` and after it too."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    def stop(self) -> None:
        """Begin no further attempt and let `run` return; may be called from any thread, and twice."""
        self._stopping = True
        self.wake()

    async def _turn(self) -> None:
        try:
            if self._steps.step():
                self._doubting_until = self._steady() + _DOUBTING_SECONDS
            if self._steady() < self._doubting_until:
                await self._doubt()
            await self._start_due()
            await self._announce()
            await self._wait()
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  # a defect must not end the delivery of everything else
            log.error("outbox.turn_failed", error=type(error).__name__)
            await asyncio.sleep(_STORE_PAUSE)

    async def _doubt(self) -> None:
        """Have tried at once what would wait for as long as the clock was set back, now or while nothing ran."""
        doubtful = await self._stored(lambda: self._queue.doubt(self._clock(), longest_wait))
        if doubtful:
            log.warning("outbox.clock_set_back", due_now=doubtful)

    async def _start_due(self) -> None:
        while (free := self._concurrency - len(self._sending)) > 0:
            due = await self._stored(partial(self._due, free))
            if not due:
                return
            for queued in due:
                recipient = queued.command.recipient
                if recipient not in self._sending:
                    self._sending[recipient] = asyncio.create_task(self._send(queued), name=_name(queued.command))

    def _due(self, limit: int) -> Sequence[Queued]:
        return self._queue.due(self._clock(), limit, tuple(self._sending))

    async def _wait(self) -> None:
        """Wait for a wake, the end of an attempt, or the next command's time."""
        next_at, now = await self._stored(self._queue.next_at), self._clock()
        # A command that is due and yet not under way waits for its recipient, whose attempt wakes the loop.
        held_up = next_at is not None and next_at <= now and self._sending
        idle = _IDLE if next_at is None or held_up else min(_IDLE, next_at - now)
        seconds = max(0.0, idle.total_seconds())
        if not self._is_down and (soon := self._outage.may_begin_in) is not None:
            seconds = min(seconds, soon + _MOMENT)
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self, queued: Queued) -> None:
        """Make one attempt; whatever happens, it ends as a receipt, or the command waits again."""
        command = queued.command
        try:
            if not await self._stored(lambda: self._queue.begin(command.id, self._clock())):
                return
            receipt, ruling = await self._attempt(command), Ruling()
            if command.kind in self._watched:
                ruling = self._outage.hear(command, receipt)
                receipt = await self._fallback.instead(command, receipt, mail_is_down=self._outage.is_on)
            await self._settle(queued, receipt)
            if (judged := self._convicted.pop(command.id, None)) is not None:  # while its doubt was being stored
                await self._refuse(judged)
            await self._convict(ruling.readers)
            await self._pardon(ruling.relays)
        except StoreError:
            return  # only while stopping: the next start takes the attempt for interrupted and sends again
        except BaseException as error:
            self._put_back(queued, error)
            if not isinstance(error, Exception):
                raise
        finally:
            del self._sending[command.recipient]
            self._woken.set()

    async def _attempt(self, command: Command) -> Receipt:
        channel = self._channels.get(command.kind)
        if channel is None:
            return Refused(f"nothing is configured that carries what is of kind {command.kind}")
        try:
            return await channel.deliver(command)
        except Exception as error:  # noqa: BLE001  # a defect in one channel or message must not stop all notices
            log.error("outbox.channel_failed", command=command.id, error=type(error).__name__)
            return Retry(f"the channel failed: {type(error).__name__}")

    def _put_back(self, queued: Queued, error: BaseException) -> None:
        """Have a command wait whose attempt came to no end: broken off at the stop, or by a defect of ours."""
        name, now = type(error).__name__, self._clock()
        log.error("outbox.attempt_broken_off", command=queued.command.id, error=name)
        later = next_attempt(queued.command.id, queued.attempts + 1, now, now)
        with suppress(StoreError):  # then the next start finds it under way, and takes it for interrupted
            self._queue.settle(queued.command.id, Retry(f"the attempt was broken off: {name}"), now, later)

    async def _settle(self, queued: Queued, receipt: Receipt) -> None:
        command, now = queued.command, self._clock()
        next_at, unanswered = None, ""
        match receipt:
            case Refused(reason=reason, by_server=True) if command.id not in self._convicted:
                next_at = next_attempt(command.id, queued.attempts + 1, queued.since, now)
                next_at = next_at and max(next_at, now + retry.DOUBTED)
                # What tells the operators of it also tries whether the relay takes anything from anybody.
                unanswered = reason if next_at is None or self._outage.is_first_doubt else ""
                receipt = receipt if next_at is None else Retry(reason)
            case Retry(reason=reason, after=after):
                next_at = next_attempt(command.id, queued.attempts + 1, queued.since, now)
                next_at = now + after if next_at and after is not None else next_at
                unanswered = reason if next_at is None else ""
            case Refused(reason=reason):
                unanswered = reason
        self._convicted.pop(command.id, None)
        escalations = self._on_refused(command, unanswered, now) if unanswered else ()
        await self._stored(lambda: self._queue.settle(command.id, receipt, now, next_at, escalations))
        log.info("outbox.settled", command=command.id, incident=command.incident, result=type(receipt).__name__)
        self._tell(Settled(command, receipt, next_at))

    async def _convict(self, judged: Sequence[Doubt]) -> None:
        """Settle as refused what the relay said no to while it takes messages to others."""
        under_way = {task.get_name() for task in self._sending.values()}
        for doubt in judged:
            if _name(doubt.command) in under_way:
                self._convicted[doubt.command.id] = doubt  # its attempt under way says the last word
            else:
                await self._refuse(doubt)
        if judged:
            self._woken.set()

    async def _refuse(self, doubt: Doubt) -> None:
        command, now = doubt.command, self._clock()
        escalations, receipt = self._on_refused(command, doubt.reason, now), Refused(doubt.reason, by_server=True)
        if await self._stored(partial(self._queue.refuse, command.id, receipt, now, escalations)):
            self._tell(Settled(command, receipt))

    async def _pardon(self, doubts: Sequence[Doubt]) -> None:
        """Put back what was settled as refused by its reader, and was refused by the relay to everybody alike."""
        if doubts:
            ids = [doubt.command.id for doubt in doubts]
            await self._stored(lambda: self._queue.retry(self._clock(), ids))
            log.warning("outbox.refused_by_the_relay", commands=ids)

    async def _announce(self) -> None:
        """Say once when mail goes down and once when it is back, and have what waits told or sent."""
        if self._outage.is_on != self._is_down:
            await self._turned(self._outage.is_on)
        # What the operators' own mailboxes refused is looked for at the start and each half minute: it is rare.
        if not self._stopping and (self._is_down or self._steady() >= self._look_at):
            self._look_at = self._steady() + _LOOK_SECONDS
            self._fallback.tell_soon(self._queue, self._clock, waiting=self._is_down)

    async def _turned(self, is_down: bool) -> None:
        now, reason = self._clock(), self._outage.reason
        if is_down:
            self._down_since = await self._stored(self._queue.last_delivered)
            log.error("outbox.mail_down", reason=reason)
        else:
            log.warning("outbox.mail_back")
        commands = self._on_outage(is_down, reason, self._down_since, now)
        await self._stored(lambda: self._queue.add(commands, hasten_at=None if is_down else now))
        self._is_down = is_down
        self._woken.set()

    def _tell(self, settled: Settled) -> None:
        try:
            self._on_settled(settled)
        except Exception as error:  # noqa: BLE001  # what is settled stays so, whoever cannot hear of it
            log.error("outbox.listener_failed", command=settled.command.id, error=type(error).__name__)

    async def _stored(self, call: Callable[[], T]) -> T:
        """Ask the store off the loop, again and again while it fails; raises StoreError only while stopping."""
        while True:
            try:
                return await asyncio.to_thread(call)
            except StoreError as error:
                if self._stopping:
                    raise
                log.error("outbox.store_failed", error=str(error))
                await asyncio.sleep(_STORE_PAUSE)


def _name(command: Command) -> str:
    return f"deliver {command.id}"
