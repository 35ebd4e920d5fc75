"""Holds each register file to being read strictly, with errors that name file, entry and key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from credwatch.kernel.errors import ConfigurationError, ProblemsFound
from credwatch.kernel.resources import shipped
from credwatch.world.authorisations import read_authorisations
from credwatch.world.customers import read_customers
from credwatch.world.staff import read_staff
from credwatch.world.users import read_users
from unit.world.entries import an_entry

READ: dict[str, Callable[[str, str], object]] = {
    "customer": read_customers,
    "user": read_users,
    "staff": read_staff,
    "authorisation": read_authorisations,
}

WRONG = [
    ("customer", {"nme": '"x"'}, "customer.0.nme", "unknown key", "did you mean 'name'?"),
    ("customer", {"notice_addresses": None}, "customer.0.notice_addresses", "missing", "add notice_addresses"),
    ("customer", {"notice_addresses": '["a@acme.example"]'}, "notice_addresses", "at least 2", ""),
    ("customer", {"notice_addresses": '["a@acme.example", "A@acme.example"]'}, "notice_addresses", "differ", ""),
    (
        "customer",
        {"notice_addresses": '["a@b.vn", "c@b.vn", "Lan <l@b.vn>"]'},
        "addresses.2",
        "e-mail",
        "",
    ),
    (
        "customer",
        {"notice_addresses": '["a@b.vn", "c@b.vn", "d@b.vn\\r\\nBcc: e@f.vn"]'},
        "2",
        "e-mail",
        "",
    ),
    ("customer", {"language": '"fr"'}, "customer.0.language", "'vi' or 'en'", ""),
    ("customer", {"id": '"a b"'}, "customer.0.id", "pattern", ""),
    ("customer", {"recognise": '{ email_domains = ["@acme.example"] }'}, "email_domains.0", "domain such as", ""),
    ("customer", {"recognise": "{ email_domain = [] }"}, "recognise.email_domain", "", "'email_domains'"),
    ("user", {"email": '"lan"'}, "user.0.email", "e-mail address", ""),
    ("user", {"privileged": '"maybe"'}, "user.0.privileged", "boolean", ""),
    ("staff", {"accounts": "[]"}, "staff.0.accounts", "at least 1", ""),
    ("staff", {"departement": '"x"'}, "staff.0.departement", "unknown key", "'department'"),
    ("authorisation", {"basis": '"favour"'}, "authorisation.0.basis", "'customer_request'", ""),
    ("authorisation", {"basis": '"court_order"'}, "authorisation.0", "issuer is missing", ""),
    ("authorisation", {"document_sha256": '"abc"'}, "document_sha256", "pattern", ""),
    ("authorisation", {"valid_until": "2026-03-02T18:00:00"}, "valid_until", "timezone", ""),
    ("authorisation", {"valid_until": "2026-03-02T01:00:00Z"}, "authorisation.0", "later than valid_from", ""),
    ("authorisation", {"valid_until": "2026-07-02T01:00:00Z"}, "authorisation.0", "90 days", ""),
    ("authorisation", {"approvers": '["s-2", "s-2"]'}, "authorisation.0", "must differ", ""),
    ("authorisation", {"approvers": '["s-2"]'}, "authorisation.0.approvers", "at least 2", ""),
    ("authorisation", {"approvers": '["s-2", "s-1"]'}, "authorisation.0", "both actor and approver", ""),
    ("authorisation", {"actions": "[]"}, "authorisation.0.actions", "at least 1", ""),
]


@pytest.mark.parametrize("table", READ)
def test_a_valid_entry_is_read(table: str) -> None:
    """The builders' entries pass, and an empty file is an empty register."""
    READ[table](an_entry(table), "file.toml")
    READ[table]("", "file.toml")


@pytest.mark.parametrize(("table", "changes", "key", "said", "hint"), WRONG)
def test_a_wrong_key_is_named(table: str, changes: dict[str, str | None], key: str, said: str, hint: str) -> None:
    """Each mistake is one problem with file, entry, key and what would be right."""
    with pytest.raises(ProblemsFound) as caught:
        READ[table](an_entry(table, **changes), "file.toml")
    (problem,) = caught.value.problems
    assert problem.where.startswith("file.toml: ")
    assert key in problem.where
    assert said in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("table", "second", "named"),
    [
        ("customer", {}, "'acme' is given 2 times"),
        ("user", {"name": '"LAN"', "email": None}, "'lan' is given 2 times"),
        ("user", {"name": '"other"'}, "'lan@acme.example' is given 2 times"),
        ("staff", {"accounts": '["other"]'}, "'s-1' is given 2 times"),
        ("staff", {"id": '"s-2"'}, "'support1' is given 2 times"),
        ("authorisation", {}, "'A-1' is given 2 times"),
    ],
)
def test_a_name_given_twice_is_refused(table: str, second: dict[str, str | None], named: str) -> None:
    """Names differ by more than their case."""
    with pytest.raises(ProblemsFound, match=named):
        READ[table](an_entry(table) + an_entry(table, **second), "file.toml")


@pytest.mark.parametrize("table", READ)
def test_text_that_is_not_toml_is_refused_with_its_line(table: str) -> None:
    """The error says where in the file."""
    with pytest.raises(ConfigurationError, match="line 2") as caught:
        READ[table]("# a comment\nid = = 1\n", "file.toml")
    assert caught.value.where == "file.toml"


@pytest.mark.parametrize(
    ("changes", "privileged"),
    [
        ({}, False),
        ({"roles": '["Admin"]'}, True),
        ({"roles": '["support"]'}, False),
        ({"roles": '["admin"]', "privileged": "false"}, False),
        ({"privileged": "true"}, True),
    ],
)
def test_roles_make_staff_privileged_where_the_entry_says_nothing(changes: dict[str, str], privileged: bool) -> None:
    """What the entry says wins over its roles."""
    (member,) = read_staff(an_entry("staff", **changes), "staff.toml").staff
    assert member.is_privileged == privileged


def test_the_examples_are_valid() -> None:
    """What is shipped to be copied can be read."""
    for table, name in (
        ("customer", "customers"),
        ("user", "users"),
        ("staff", "staff"),
        ("authorisation", "authorisations"),
    ):
        path = shipped("config") / "examples" / f"{name}.toml"
        READ[table](path.read_text(encoding="utf-8"), path.name)
