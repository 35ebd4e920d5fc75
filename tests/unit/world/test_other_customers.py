"""What names another customer is told from what does not, in whatever way a line or a person writes it."""

from __future__ import annotations

import pytest

from credwatch.world.customers import Customer, Recognition
from credwatch.world.other_customers import OtherCustomers
from credwatch.world.register import Registers
from credwatch.world.users import User

OWN = Customer(
    id="tanphat",
    name="Công ty Tân Phát",
    notice_addresses=("it@tanphat.example", "kt@tanphat.example"),
    recognise=Recognition(email_domains=("tanphat.example",)),
)
OTHER = Customer(
    id="lockwood",
    name="Nhà máy Lộc Vừng",
    notice_addresses=("sec@lockwood.example", "it@lockwood.example"),
    phone="+84 258 7770 0222",
    recognise=Recognition(
        organizations=("9917",), email_domains=("lockwood.example",), users=("svc",), hosts=("lwd-*",)
    ),
)
USERS = (
    User(name="hoa", customer="lockwood", email="hoa@private.example"),
    User(name="admin", customer="lockwood"),
    User(name="LOC\\minh", customer="lockwood"),
)
OTHERS = OtherCustomers(Registers(customers=(OWN, OTHER), users=USERS), "tanphat", beside=("a stranger",))


@pytest.mark.parametrize(
    "text",
    [
        "user=hoa ip=203.0.113.7",
        "USER=HOA",
        "hoa@tanphat.test",
        "HOA@PRIVATE.EXAMPLE logged in",
        "tenant:lockwood",
        "app-lockwood-1 restarted",
        "xLockwood/lockwood.log",
        "mail to x@vpn.lockwood.example",
        "nhà máy lộc vừng",
        "Nha\u0300 máy Lộc Vừng",
        "org 9917",
        "svc: started",
        "lwd-web01 sshd",
        "call 0258 777 00222",
        "+84.258.7770.0222",
        "LOC\\minh",
        "it was a stranger",
    ],
)
def test_another_customer_is_named(text: str) -> None:
    """By name, id, account, address, domain, machine or telephone number, whatever the case, form and blanks."""
    assert OTHERS.are_named_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accepted lan@tanphat.example from 203.0.113.7",
        "it@tanphat.example",
        "admin logged in",
        "Công ty Tân Phát",
        "hoang logged in",
        "99170 bytes",
        "call +84 28 5550 0100",
        "2026-11-20T05:00:10Z",
        "hoa@tanphat.example",
    ],
)
def test_nobody_else_is_named(text: str) -> None:
    """What is the reader's own, what everybody has, and what only looks like it in part is no other's."""
    assert not OTHERS.are_named_in(text)
