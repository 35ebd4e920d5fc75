"""What a channel promises the dispatcher, and what the dispatcher asks of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.receipt import Receipt, Refused


class Channel(Protocol):
    """Carries one command to its recipient.

    `deliver` makes one attempt and returns what came of it; it does not try again, which is the dispatcher's part.
    Everything the other side can do (refuse, answer nonsense, be slow, be gone) is a receipt and never an
    exception; so is a template that cannot be rendered. It gives up after a bounded time with Retry. A command may
    be delivered again after a crash: each attempt carries the same bytes and the same Message-ID, so that the
    recipient can tell. Several commands may be under way at once, each over a connection of its own that is closed
    before `deliver` returns. Cancelling it closes the connection.
    """

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        ...


class Queued(Protocol):
    """A command that waits, as the store knows it."""

    @property
    def command(self) -> Command:
        """The command."""
        ...

    @property
    def attempts(self) -> int:
        """How many attempts were begun before."""
        ...

    @property
    def since(self) -> datetime:
        """When it was queued, or put back by an operator."""
        ...


class CommandQueue(Protocol):
    """The stored queue. Each method is one transaction, may block for a while, and raises StoreError."""

    def recover(self, now: datetime) -> int:
        """Put back what a crash interrupted and return how many; called once, at the start."""
        ...

    def doubt(self, now: datetime, longest: Callable[[int], timedelta]) -> int:
        """Make due what waits longer than `longest` allows after its attempts, and return how many."""
        ...

    def due(self, now: datetime, limit: int, busy: Sequence[str] = ()) -> Sequence[Queued]:
        """List commands due by `now` in the order of their turns, one of each lane, none to a recipient in `busy`."""
        ...

    def next_at(self) -> datetime | None:
        """Tell when the next queued command is due; None where nothing is queued."""
        ...

    def refuse(self, command_id: str, refused: Refused, now: datetime, escalations: Iterable[Command] = ()) -> bool:
        """Settle as refused what still waits, and queue what follows; says whether it did."""
        ...

    def retry(self, now: datetime, ids: Sequence[str] = ()) -> Sequence[str]:
        """Put refused and waiting commands back, due now, and return their ids."""
        ...

    def last_delivered(self) -> datetime | None:
        """Tell when a command was accepted last; None where none was."""
        ...

    def add(self, commands: Iterable[Command], *, hasten_at: datetime | None = None) -> None:
        """Queue commands; where a moment is given, have all that waits be due then."""
        ...

    def untold(self, kind: CommandKind, limit: int, *, waiting: bool) -> Sequence[Command]:
        """List the refused commands of a kind that no other way has told yet, oldest first; `waiting` ones too."""
        ...

    def told(self, ids: Iterable[str], now: datetime, reply: str) -> None:
        """Note that another way has told them."""
        ...

    def begin(self, command_id: str, now: datetime) -> bool:
        """Note that an attempt begins; False where the command may not leave by now, and nothing is to be sent."""
        ...

    def settle(
        self,
        command_id: str,
        receipt: Receipt,
        now: datetime,
        next_at: datetime | None,
        escalations: Iterable[Command] = (),
    ) -> None:
        """Note what came of it, when it is due again if ever, and queue what follows."""
        ...
