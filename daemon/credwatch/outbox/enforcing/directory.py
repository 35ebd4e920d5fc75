"""Locks accounts of a directory and forces new passwords, over LDAP.

The account is looked up by its name first, and what stands so already is left alone. A change names the value that it
replaces, so that the server refuses it where somebody else was faster. What stood before is told, for the undoing.
"""

from __future__ import annotations

import asyncio
from itertools import islice

from credwatch.directory.session import (
    NO_SUCH_OBJECT,
    AttributeChange,
    DirectoryEntry,
    DirectoryError,
    DirectorySession,
    Leash,
    a_session,
    named,
)
from credwatch.kernel.account import compared
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.directory_options import LdapChannelOptions, Switch
from credwatch.outbox.enforcing.orders import Order

_REFUSALS = frozenset({2, 17, 18, 19, 21, 34, 64, 65, 67, 69, 71})
"""The server will never make this change: syntax, schema and constraints (RFC 4511, appendix A.1)."""
_OVERTAKEN = frozenset({16, 20})
"""The value is not there any more, or there already: somebody else was faster."""


class DirectoryChannel:
    """Changes one attribute of one account for each command; keeps the contract of `Channel`."""

    def __init__(self, options: LdapChannelOptions, secret: Secret, clock: Clock) -> None:
        self._options = options
        self._switches = options.switches
        self._secret = secret
        self._clock = clock
        self._host = options.endpoint.host

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            order = Order.of(command)
            switch = self._switches[order.action]
        except (KeyError, TypeError, ValueError):
            return Refused(f"{self._host}: {self._options.preset} has no such action")
        leash = Leash(self._options.timeout_seconds)
        try:
            async with asyncio.timeout(self._options.timeout_seconds + 1):
                return await asyncio.to_thread(self._attempted, order, switch, leash)
        except TimeoutError:
            return Retry(f"{self._host}: not done after {self._options.timeout_seconds:g} seconds", of_the_way=True)
        finally:
            leash.pull()

    def _attempted(self, order: Order, switch: Switch, leash: Leash) -> Receipt:
        try:
            with a_session(self._options, self._secret, leash) as session:
                return self._carried_out(session, order, switch)
        except DirectoryError as error:
            return Retry(f"{self._host}: {error.reason}", of_the_way=True)

    def _carried_out(self, session: DirectorySession, order: Order, switch: Switch) -> Receipt:
        entry = self._entry(session, order, switch)
        if not isinstance(entry, DirectoryEntry):
            return entry
        current = next(iter(entry.texts(switch.attribute)), "")
        try:
            if switch.is_on(current) is not order.undo:
                return Delivered(self._clock(), f"{self._host}: done (it stands so already)", stood=True)
            change = _change(switch, current, order)
        except ValueError:
            return Refused(f"{self._host}: {switch.attribute} holds no number")
        try:
            session.change(entry.name, change)
        except DirectoryError as error:
            return self._receipt(error, order)
        return Delivered(self._clock(), f"{self._host}: done ({switch.attribute})", before=current)

    def _entry(self, session: DirectorySession, order: Order, switch: Switch) -> DirectoryEntry | Receipt:
        """Look the account up; gives what came of the attempt where there is not exactly one of its name."""
        name = self._options.name_attribute
        filter_ = f"(&{self._options.filter or '(objectClass=*)'}{named(name, order.target)})"
        entries = list(islice(session.entries(filter_, [name, switch.attribute], 2), 2))
        if not entries:
            return self._gone(order)
        if len(entries) > 1:
            return Refused(f"{self._host}: several accounts have this name")
        if compared(order.target) not in map(compared, entries[0].texts(name)):
            return Refused(f"{self._host}: it answers with another account than it is asked for")
        return entries[0]

    def _receipt(self, error: DirectoryError, order: Order) -> Receipt:
        """Say what the refusal of a change comes to."""
        if error.code == NO_SUCH_OBJECT:
            return self._gone(order)
        reply = f"{self._host}: {error.reason}"
        if error.code in _REFUSALS:
            return Refused(reply)
        return Retry(reply, of_the_way=error.code not in _OVERTAKEN)

    def _gone(self, order: Order) -> Receipt:
        if order.undo:
            return Delivered(self._clock(), f"{self._host}: done (the account is gone)")
        return Refused(f"{self._host}: there is no such account")


def _change(switch: Switch, current: str, order: Order) -> AttributeChange:
    """Write the change; what is undone names what it takes away, and what only goes one way need not."""
    after = switch.off(current, order.before) if order.undo else switch.on(current)
    is_blind = order.lasts_seconds == 0 and not order.undo
    return AttributeChange(switch.attribute, current or None, after or None, is_blind)
