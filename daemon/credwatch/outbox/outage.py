"""Tells a reader's refusal from a relay's trouble, and says when mail as a whole does not go out.

A 5yz to one recipient is the reader's: the mailbox is gone, or wants nothing of us. The same to everybody is the
relay's: it has lost our route, our login, its disk or its faith in us. One refusal looks like the other. So a refusal
is doubted at first, and the message waits. The next acceptance of any other message by the same relay proves that the
relay works, and the refusal is the reader's. Two recipients refused, and nobody accepted for some seconds, prove the
opposite: then an acceptance says that the relay works again, and nothing about what it refused before.

A policy code (5.7.x, RFC 3463, section 3.8: relaying denied, blocked, not authorised) that recipients of two domains
get alike is about us, even while a recipient of a third domain, such as the relay's own, is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from credwatch.kernel.clock import Steady
from credwatch.kernel.command import Command
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry

POSTPONING_SECONDS = 1200.0
"""How long 4yz to everybody is taken for greylisting, which asks for a quarter of an hour at most."""
ALIKE_SECONDS = 5.0
"""How long two recipients may be refused alike before mail is down: time enough for one acceptance to clear it up."""
MOST_DOUBTS = 1000
"""So many refusals are remembered at once; an older one waits, and is doubted anew when it is tried again."""
_POLICY = re.compile(r"5\d\d[ -]+(5\.7\.\d{1,3})\b")


class Doubt(Struct, frozen=True):
    """A refusal of which nobody knows yet whose it is."""

    command: Command
    """What was refused."""
    reason: str
    """What the relay said."""

    @property
    def domain(self) -> str:
        """The domain of the recipient, in small letters."""
        return _domain(self.command)

    @property
    def policy(self) -> str:
        """The code that names a policy; empty where it names none."""
        match = _POLICY.match(self.reason)
        return match[1] if match else ""


class Ruling(Struct, frozen=True):
    """Whose refusals are, as one attempt has shown."""

    readers: Sequence[Doubt] = ()
    """Doubted until now, and their readers' own."""
    relays: Sequence[Doubt] = ()
    """Taken for their readers' until now, and the relay's after all."""


class Outage:
    """Hears what comes of each attempt by one relay; pure but for the steady clock that is handed in."""

    def __init__(self, steady: Steady, after_seconds: float) -> None:
        self._steady = steady
        self._after = after_seconds
        self._broken_at: float | None = None
        self._postponed_at: float | None = None
        self._doubts: dict[str, Doubt] = {}
        self._by_policy: dict[str, Doubt] = {}
        self.reason = ""
        """What the relay said last that was no acceptance."""

    @property
    def is_on(self) -> bool:
        """Whether mail does not go out: broken for long enough, or refused to everybody."""
        return self.may_begin_in == 0

    @property
    def may_begin_in(self) -> float | None:
        """How many seconds from now it is on if nothing is accepted meanwhile; None where nothing is amiss."""
        alike = len({doubt.command.recipient for doubt in self._doubts.values()}) > 1
        after = min(self._after, ALIKE_SECONDS) if alike else self._after
        limits = ((self._broken_at, after), (self._postponed_at, POSTPONING_SECONDS))
        ends = [began + limit for began, limit in limits if began is not None]
        return max(0.0, min(ends) - self._steady()) if ends else None

    def hear(self, command: Command, receipt: Receipt) -> Ruling:
        """Take up one attempt's outcome, and say of which refusals it shows whose they are."""
        match receipt:
            case Delivered():
                return self._accepted(command)
            case Refused(reason=reason, by_server=True):
                return self._refused(Doubt(command, reason))
            case Retry(reason=reason, of_the_way=True):
                self._broken(reason)
            case Retry(reason=reason):
                self.reason = reason
                self._postponed_at = self._steady() if self._postponed_at is None else self._postponed_at
        return Ruling()

    @property
    def is_first_doubt(self) -> bool:
        """Whether just one refusal is doubted, so that a message to somebody else would tell whose it is."""
        return len(self._doubts) == 1

    def _broken(self, reason: str) -> None:
        self.reason = reason
        self._broken_at = self._steady() if self._broken_at is None else self._broken_at

    def _refused(self, doubt: Doubt) -> Ruling:
        """Doubt a refusal, and with it those that other domains got by the same policy code and that seemed theirs."""
        self._broken(doubt.reason)
        alike = tuple(
            other for other in self._by_policy.values() if other.policy == doubt.policy and other.domain != doubt.domain
        )
        for refusal in (*alike, doubt):
            self._by_policy.pop(refusal.command.id, None)
            _keep(self._doubts, refusal)
        return Ruling(relays=alike)

    def _accepted(self, command: Command) -> Ruling:
        self._doubts.pop(command.id, None)
        domain = _domain(command)
        self._by_policy = {name: doubt for name, doubt in self._by_policy.items() if doubt.domain != domain}
        ours = self._about_us(command)
        judged = [] if self.is_on else [doubt for name, doubt in self._doubts.items() if name not in ours]
        self._doubts = {name: doubt for name, doubt in self._doubts.items() if name in ours}
        for doubt in judged:
            if doubt.policy and doubt.domain != domain:
                _keep(self._by_policy, doubt)
        if not self._doubts:
            self._broken_at = self._postponed_at = None
        return Ruling(readers=tuple(judged))

    def _about_us(self, accepted: Command) -> set[str]:
        """Name the doubts that this acceptance does not settle: one policy code at two domains, neither its own."""
        domain = _domain(accepted)
        alike: dict[str, list[Doubt]] = {}
        for doubt in self._doubts.values():
            if doubt.policy:
                alike.setdefault(doubt.policy, []).append(doubt)
        return {
            doubt.command.id
            for doubts in alike.values()
            if len(domains := {doubt.domain for doubt in doubts}) > 1 and domain not in domains
            for doubt in doubts
        }


def _domain(command: Command) -> str:
    return command.recipient.rpartition("@")[2].casefold()


def _keep(doubts: dict[str, Doubt], doubt: Doubt) -> None:
    doubts[doubt.command.id] = doubt
    if len(doubts) > MOST_DOUBTS:
        del doubts[next(iter(doubts))]
