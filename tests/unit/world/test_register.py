"""Holds the registers to fitting together."""

from __future__ import annotations

import pytest

from credwatch.kernel.resources import shipped
from credwatch.world.authorisations import read_authorisations
from credwatch.world.customers import read_customers
from credwatch.world.register import Registers, check_registers
from credwatch.world.staff import read_staff
from credwatch.world.users import read_users
from unit.world.entries import an_entry

STAFF = "".join(
    an_entry("staff", id=f'"s-{number}"', accounts=f'["support{number}"]', department=f'"{department}"')
    for number, department in ((1, "support"), (2, "support"), (3, "legal"))
)
TWO_CUSTOMERS = an_entry("customer") + an_entry("customer", id='"other"')


def some_registers(
    customers: str = an_entry("customer"),
    users: str = an_entry("user"),
    staff: str = STAFF,
    authorisations: str = an_entry("authorisation"),
) -> Registers:
    """Build registers that fit together unless a text is given."""
    return Registers(
        read_customers(customers, "customers.toml"),
        read_users(users, "users.toml"),
        read_staff(staff, "staff.toml"),
        read_authorisations(authorisations, "authorisations.toml"),
    )


def _customer(number: int, recognise: str) -> str:
    return an_entry("customer", id=f'"c{number}"', recognise=f"{{ {recognise} }}")


WRONG = [
    ({"customers": an_entry("customer", profile='"defualt"')}, "customer 'acme': profile", "did you mean 'default'?"),
    ({"users": an_entry("user", customer='"acmee"')}, "user 'lan': customer", "did you mean 'acme'?"),
    (
        {"authorisations": an_entry("authorisation", customer='"nobody"')},
        "authorisation 'A-1': customer",
        "known are: acme",
    ),
    ({"authorisations": an_entry("authorisation", actors='["s-9"]')}, "'A-1': actors", "did you mean"),
    ({"authorisations": an_entry("authorisation", approvers='["s-2", "x"]')}, "'A-1': approvers", "known are: s-1"),
    ({"authorisations": an_entry("authorisation", actions='["staff_acces"]')}, "'A-1': actions", "'staff_access'"),
    ({"staff": STAFF + '[departments]\nmay_touch_customers = ["legal"]\n'}, "'A-1': actors", "add the department"),
    (
        {"customers": an_entry("customer") + _customer(2, 'organizations = ["ACME"]')},
        "customer 'acme': recognise.organizations",
        "leave it to one",
    ),
    (
        {"customers": an_entry("customer") + _customer(1, 'hosts = ["a*"]') + _customer(2, 'hosts = ["A*"]')},
        "customer 'c1': recognise.hosts",
        "leave it to one",
    ),
    ({"users": an_entry("user", name='"support1"')}, "account 'support1'", "keep the account in one register"),
    (
        {"customers": an_entry("customer") + _customer(1, 'users = ["lan"]')},
        "account 'lan'",
        "keep the account in one register",
    ),
]


def test_registers_that_fit_have_no_problem() -> None:
    """The builders' registers pass, and so do empty ones."""
    assert check_registers(some_registers(), profiles=["default"], actions=["staff_access"]) == []
    assert check_registers(Registers(), profiles=[]) == []


@pytest.mark.parametrize(("texts", "where", "hint"), WRONG)
def test_what_does_not_fit_is_a_problem(texts: dict[str, str], where: str, hint: str) -> None:
    """Each names the entry and key, and what would be right."""
    problems = check_registers(some_registers(**texts), profiles=["default"], actions=["staff_access"])
    (problem,) = problems
    assert where in problem.where
    assert hint in problem.hint


def test_any_actor_and_action_are_known() -> None:
    """The star stands for all and is no name."""
    text = an_entry("authorisation", actors='["*"]', actions='["*"]')
    assert check_registers(some_registers(authorisations=text), profiles=["default"], actions=["login"]) == []


def test_the_examples_fit_together() -> None:
    """What is shipped to be copied has no problem."""
    texts = {
        name: (shipped("config") / "examples" / f"{name}.toml").read_text(encoding="utf-8")
        for name in ("customers", "users", "staff", "authorisations")
    }
    assert check_registers(some_registers(**texts), profiles=["default"]) == []
