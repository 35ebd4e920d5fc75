"""Whose an account is: one rule for the enricher, the workflows and the gate."""

from __future__ import annotations

import pytest

from credwatch.world.owners import Owners
from credwatch.world.register import Registers
from credwatch.world.users import User
from unit.enrich.known_world import CUSTOMERS, STAFF, USERS

OWN_SYSTEM = User(name="backup", email="backup@acme.example")
OWNERS = Owners(Registers(customers=CUSTOMERS, users=(*USERS, OWN_SYSTEM), staff=STAFF))


@pytest.mark.parametrize(
    ("account", "kind", "customer"),
    [
        ("lan", "customer", "acme"),
        ("LAN@acme.example", "customer", "acme"),
        ("nobody.listed@acme.example", "customer", "acme"),
        ("acme-batch", "customer", "acme"),
        ("ha@modoro.example", "staff", None),
        ("root", None, None),
        ("backup@acme.example", None, None),
    ],
)
def test_a_listed_account_is_its_registers(account: str, kind: str | None, customer: str | None) -> None:
    """A register's word goes before the domain of an address, and letter case is no difference."""
    owner = OWNERS.owner_of(account)
    assert owner is not None
    assert (owner.kind, owner.customer) == (kind, customer)


@pytest.mark.parametrize("account", ["", "@", "stranger", "lan@sub.acme.example", "acme.example", "lan@"])
def test_a_stranger_has_no_owner(account: str) -> None:
    """Who is in no register and no domain is nobody's; a sub-domain is another domain."""
    assert OWNERS.owner_of(account) is None
    assert OWNERS.customer_of(account) == ""


def test_an_account_of_ones_own_is_no_customers() -> None:
    """Its address in a customer's domain does not make a listed account of one's own that customer's."""
    assert OWNERS.customer_of("backup@acme.example") == ""
    assert OWNERS.customer_of("ha@modoro.example") == ""
