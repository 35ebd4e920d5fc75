"""What happens while the mail server takes nothing: a second relay for everybody, other ways for the operators."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import structlog
from msgspec import Struct

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.errors import StoreError
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox.interface import Channel

log = structlog.get_logger(__name__)

AT_ONCE = 20
"""How many escalations are told in one go."""


class Untold(Protocol):
    """What the other ways ask of the store. Each method is one transaction and raises StoreError."""

    def untold(self, kind: CommandKind, limit: int, *, waiting: bool) -> Sequence[Command]:
        """List the refused commands of a kind that no other way has told yet, oldest first; `waiting` ones too."""
        ...

    def told(self, ids: Iterable[str], now: datetime, reply: str) -> None:
        """Note that another way has told them; they wait for mail all the same."""
        ...


class Heard(Struct, frozen=True):
    """What one of the other ways made of an escalation, for metrics."""

    way: str
    """command, file or wall."""
    succeeded: bool
    """Whether it took it."""


class Fallback:
    """Holds the second relay and the other ways; each of them keeps the contract of `Channel`."""

    def __init__(
        self,
        second: Channel | None = None,
        ways: Mapping[str, Channel] | None = None,
        on_heard: Callable[[Heard], None] = lambda _heard: None,
    ) -> None:
        self._second = second
        self._ways = dict(ways or {})
        self._on_heard = on_heard
        self._telling: asyncio.Task[None] | None = None

    async def instead(self, command: Command, receipt: Receipt, *, mail_is_down: bool) -> Receipt:
        """Have the second relay try what the first did not take for a reason of its own; else return the receipt."""
        match receipt:
            case Retry(of_the_way=True):
                pass
            case Refused(by_server=True) if mail_is_down:
                pass
            case _:
                return receipt
        if self._second is None:
            return receipt
        other = await self._second.deliver(command)
        return Delivered(other.at, f"second relay: {other.reply}") if isinstance(other, Delivered) else receipt

    def tell_soon(self, store: Untold, clock: Clock, *, waiting: bool) -> None:
        """Have the other ways tell what the operators' mailboxes refused, and what waits for them while mail is down.

        Nothing happens where they are at it already.
        """
        if self._ways and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell(store, clock, waiting), name="tell operators")

    async def stop(self) -> None:
        """Break off what is being told; it is told again at the next start."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

    async def _tell(self, store: Untold, clock: Clock, waiting: bool) -> None:
        with suppress(StoreError):  # whoever waits is told a turn later
            commands = await asyncio.to_thread(store.untold, CommandKind.ESCALATE, AT_ONCE, waiting=waiting)
            for alike in _alike(commands):
                replies = await self._tell_one(alike[0])
                if replies:
                    ids = [command.id for command in alike]
                    await asyncio.to_thread(store.told, ids, clock(), "; ".join(replies))

    async def _tell_one(self, command: Command) -> list[str]:
        """Have every way tell one escalation; returns the replies of those that took it."""
        replies = []
        for name, way in self._ways.items():
            receipt = await _delivered(way, command)
            succeeded = isinstance(receipt, Delivered)
            if isinstance(receipt, Delivered):
                replies.append(f"{name}: {receipt.reply}")
            else:
                log.error("outbox.way_failed", way=name, command=command.id, error=receipt.reason)
            self._on_heard(Heard(name, succeeded))
        return replies


async def _delivered(way: Channel, command: Command) -> Receipt:
    try:
        return await way.deliver(command)
    except Exception as error:  # noqa: BLE001  # a defect in one way must not keep the others from telling
        return Retry(f"the way failed: {type(error).__name__}")


def _alike(commands: Iterable[Command]) -> Iterable[list[Command]]:
    """Put together what says the same to several operators, for a file or a terminal has one reader."""
    groups: dict[str, list[Command]] = {}
    for command in commands:
        values = sorted((name, str(value)) for name, value in command.payload.context.items() if name != "code")
        groups.setdefault(f"{command.payload.template} {command.incident} {values}", []).append(command)
    return groups.values()
