"""The registers together, and what must hold between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from msgspec import Struct, field

from credwatch.kernel.errors import Problem, nearest
from credwatch.world.authorisations import Authorisation
from credwatch.world.calendars import CalendarDay
from credwatch.world.customers import Customer
from credwatch.world.entries import ANY, folded
from credwatch.world.exemptions import Exemption
from credwatch.world.networks import Network
from credwatch.world.staff import Staff
from credwatch.world.users import User

K = TypeVar("K")


class Registers(Struct, frozen=True):
    """Everything that is known beforehand; empty where nothing is."""

    customers: tuple[Customer, ...] = ()
    """The customers."""
    users: tuple[User, ...] = ()
    """The users known by name."""
    staff: Staff = field(default_factory=Staff)
    """The staff and its departments."""
    authorisations: tuple[Authorisation, ...] = ()
    """The authorisations, also those that have run out."""
    networks: tuple[Network, ...] = ()
    """The kinds of networks."""
    days: tuple[CalendarDay, ...] = ()
    """The days that are no holidays, or working days, as the library knows them."""
    exemptions: tuple[Exemption, ...] = ()
    """The accounts that need not keep a rule for a while, also those whose time is over."""


def check_registers(
    registers: Registers, *, profiles: Collection[str], actions: Collection[str] = (), rules: Collection[str] = ()
) -> list[Problem]:
    """Find what does not fit together: references to nothing, and marks that two entries claim.

    `profiles` are the names of the policy profiles; `actions`, where given, the values `event.action` may take, and
    `rules` what accounts are held to.
    """
    return [
        *_unknown_profiles(registers, profiles),
        *_unknown_customers(registers),
        *_unknown_staff(registers),
        *_unknown_actions(registers, actions),
        *_unfit_exemptions(registers, rules),
        *_forbidden_actors(registers),
        *_claimed_twice(registers),
        *_owned_twice(registers),
    ]


def _unknown(where: str, what: str, name: str, names: Collection[str]) -> Problem:
    hint = nearest(name, names) or f"known are: {', '.join(sorted(names)) or 'none'}"
    return Problem(where, f"{what} {name!r} is not known", hint)


def _unknown_profiles(registers: Registers, profiles: Collection[str]) -> Iterator[Problem]:
    for customer in registers.customers:
        named = {"profile": customer.profile}
        named |= {f"role_profiles.{role}": name for role, name in customer.role_profiles.items()}
        for key, name in named.items():
            if name not in profiles:
                yield _unknown(f"customers.toml: customer {customer.id!r}: {key}", "policy profile", name, profiles)


def _unknown_customers(registers: Registers) -> Iterator[Problem]:
    ids = {customer.id for customer in registers.customers}
    for user in registers.users:
        if user.customer is not None and user.customer not in ids:
            yield _unknown(f"users.toml: user {user.name!r}: customer", "customer", user.customer, ids)
    for entry in registers.authorisations:
        if entry.customer not in ids:
            where = f"authorisations.toml: authorisation {entry.id!r}: customer"
            yield _unknown(where, "customer", entry.customer, ids)


def _unknown_staff(registers: Registers) -> Iterator[Problem]:
    ids = {member.id for member in registers.staff.staff}
    for entry in registers.authorisations:
        for key, names in (("actors", entry.actors), ("approvers", entry.approvers)):
            where = f"authorisations.toml: authorisation {entry.id!r}: {key}"
            yield from (_unknown(where, "staff member", name, ids) for name in names if name not in {*ids, ANY})


def _unknown_actions(registers: Registers, actions: Collection[str]) -> Iterator[Problem]:
    for entry in registers.authorisations if actions else ():
        where = f"authorisations.toml: authorisation {entry.id!r}: actions"
        yield from (_unknown(where, "action", name, actions) for name in entry.actions if name not in {*actions, ANY})


def _unfit_exemptions(registers: Registers, rules: Collection[str]) -> Iterator[Problem]:
    """Find exemptions from nothing, and those that nobody, or the account's own user, has approved."""
    accounts = {member.id: {folded(account) for account in member.accounts} for member in registers.staff.staff}
    for entry in registers.exemptions:
        where = f"exemptions.toml: exemption of {entry.account!r}"
        yield from (
            _unknown(f"{where}: rules", "rule", name, rules) for name in entry.rules if rules and name not in rules
        )
        if entry.approver not in accounts:
            yield _unknown(f"{where}: approver", "staff member", entry.approver, accounts)
        elif folded(entry.account) in accounts[entry.approver]:
            hint = "name another approver"
            yield Problem(
                f"{where}: approver", "it is the account of the approver; nobody approves for themselves", hint
            )


def _forbidden_actors(registers: Registers) -> Iterator[Problem]:
    for entry in registers.authorisations:
        for name in sorted(registers.staff.barred.intersection(entry.actors)):
            yield Problem(
                f"authorisations.toml: authorisation {entry.id!r}: actors",
                f"the department of {name!r} may not act on customers' accounts",
                "add the department to departments.may_touch_customers in staff.toml, or name another actor",
            )


def _claimed_twice(registers: Registers) -> Iterator[Problem]:
    """Find marks by which an event would be taken for two customers' at once."""
    marks = ((mark, customer.id) for customer in registers.customers for mark in _marks(customer))
    for (key, value), customers in _grouped(marks):
        yield Problem(
            f"customers.toml: customer {customers[0]!r}: recognise.{key}",
            f"{value!r} is claimed by {' and '.join(repr(name) for name in customers)}",
            "leave it to one of them",
        )


def _marks(customer: Customer) -> Iterator[tuple[str, str]]:
    recognise = customer.recognise
    yield from {("organizations", folded(value)) for value in (customer.id, *recognise.organizations)}
    for key in ("users", "email_domains", "hosts"):
        yield from {(key, folded(value)) for value in getattr(recognise, key)}


def _owned_twice(registers: Registers) -> Iterator[Problem]:
    """Find accounts that two registers give to different owners."""
    for account, owners in _grouped(_owners(registers)):
        yield Problem(
            f"account {account!r}",
            f"it is given to {' and '.join(owners)}",
            "keep the account in one register: staff.toml, users.toml or recognise.users in customers.toml",
        )


def _owners(registers: Registers) -> Iterator[tuple[str, str]]:
    for member in registers.staff.staff:
        yield from ((folded(account), f"staff member {member.id!r}") for account in member.accounts)
    for user in registers.users:
        owner = f"customer {user.customer!r}" if user.customer else "no customer (users.toml)"
        yield from ((folded(account), owner) for account in (user.name, user.email) if account)
    for customer in registers.customers:
        yield from ((folded(account), f"customer {customer.id!r}") for account in customer.recognise.users)


def _grouped(pairs: Iterable[tuple[K, str]]) -> Iterator[tuple[K, list[str]]]:
    """Give the keys that stand with more than one value, and the values."""
    groups: defaultdict[K, dict[str, None]] = defaultdict(dict)
    for key, value in pairs:
        groups[key][value] = None
    yield from ((key, list(values)) for key, values in groups.items() if len(values) > 1)
