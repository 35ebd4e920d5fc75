"""Who answers for an account: the address of its user, and that of the user's manager, by the registers."""

from __future__ import annotations

from msgspec import Struct

from credwatch.kernel.account import compared
from credwatch.kernel.mailbox import mailbox
from credwatch.world.register import Registers


class Person(Struct, frozen=True):
    """Who may be written to about one account."""

    address: str = ""
    """The user's address; empty where no register has one."""
    manager: str = ""
    """The address of whoever the user answers to; empty where no register has one."""


_NOBODY = Person()


class People:
    """The users and staff of the registers, by login name and address."""

    def __init__(self, registers: Registers) -> None:
        self._people: dict[str, Person] = {}
        self._domains = {domain.lower() for it in registers.customers for domain in it.recognise.email_domains}
        for member in registers.staff.staff:
            self._add(member.accounts, Person(_first_address(member.accounts), member.manager or ""))
        for user in registers.users:
            names = tuple(filter(None, (user.email, user.name)))
            self._add(names, Person(_first_address(names), user.manager or ""))

    def of(self, account: str) -> Person:
        """Say who answers for an account; an address of a customer's own domain is its user's."""
        name = compared(account)
        if name in self._people:
            return self._people[name]
        is_theirs = name.partition("@")[2] in self._domains
        return Person(_first_address((account,))) if is_theirs else _NOBODY

    def _add(self, names: tuple[str, ...], person: Person) -> None:
        for name in names:
            self._people.setdefault(compared(name), person)


def _first_address(names: tuple[str, ...]) -> str:
    return next((name for name in names if _is_address(name)), "")


def _is_address(name: str) -> bool:
    try:
        return mailbox(name) == name
    except ValueError:
        return False
