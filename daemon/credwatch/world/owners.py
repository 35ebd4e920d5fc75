"""Tells whose an account is: a staff member's, a customer's, one's own system's, or nobody's that is known.

The one rule for it, whoever asks: the enricher for a batch, a workflow for one account, the gate for one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from credwatch.kernel.account import compared
from credwatch.world.register import Registers


class Owner(Struct, frozen=True):
    """Whose an account is, as the registers say it."""

    id: str | None
    """The registers' own id: of the staff member, or the name of the user; None where only a domain speaks for it."""
    kind: Literal["staff", "customer"] | None = None
    """What the owner is; None for an account of one's own systems."""
    department: str | None = None
    """Where a staff member works."""
    privileged: bool | None = None
    """Whether the account may change what others may do; None where it is not listed."""
    customer: str | None = None
    """The id of the customer it belongs to."""
    decoy: bool = False
    """Whether nobody may use it."""
    roles: tuple[str, ...] = ()
    """What it may do, as the register has it."""


class Owners:
    """The accounts of the registers, by login name and address, and the customers' address domains.

    A listed account belongs to whom its register says, and staff goes before users, users before `recognise.users`. One
    that no register lists belongs to the customer of its address's domain.
    """

    def __init__(self, registers: Registers) -> None:
        self.accounts: dict[str, Owner] = {}
        for name, owner in (*_staff(registers), *_users(registers), *_recognised(registers)):
            self.accounts.setdefault(compared(name), owner)
        self.domains = {
            domain.lower(): customer.id
            for customer in registers.customers
            for domain in customer.recognise.email_domains
        }

    def owner_of(self, account: str) -> Owner | None:
        """Find the owner of a login name or address; None where nobody is known."""
        name = compared(account)
        if name in self.accounts:
            return self.accounts[name]
        customer = self.domains.get(name.partition("@")[2])
        return None if customer is None else Owner(None, "customer", customer=customer)

    def customer_of(self, account: str) -> str:
        """Find the id of the customer whose account it is; empty where it is no customer's."""
        owner = self.owner_of(account)
        return (owner.customer if owner else None) or ""


def _staff(registers: Registers) -> Iterator[tuple[str, Owner]]:
    for member in registers.staff.staff:
        owner = Owner(member.id, "staff", member.department, member.is_privileged, roles=member.roles)
        yield from ((account, owner) for account in member.accounts)


def _users(registers: Registers) -> Iterator[tuple[str, Owner]]:
    for user in registers.users:
        kind: Literal["customer"] | None = "customer" if user.customer else None
        owner = Owner(user.name, kind, None, user.privileged, user.customer, user.decoy, user.roles)
        yield from ((account, owner) for account in (user.name, user.email) if account)


def _recognised(registers: Registers) -> Iterator[tuple[str, Owner]]:
    for customer in registers.customers:
        yield from (
            (account, Owner(account, "customer", None, False, customer.id)) for account in customer.recognise.users
        )
