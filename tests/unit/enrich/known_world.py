"""A small world of registers, and builders of events in it that are valid by default."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from credwatch.enrich.enrich import Enricher
from credwatch.kernel.dtypes import dtype_of
from credwatch.world.authorisations import Authorisation
from credwatch.world.customers import Customer, Recognition
from credwatch.world.register import Registers
from credwatch.world.staff import Departments, Staff, StaffMember
from credwatch.world.users import User

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def _customer(id_: str, profile: str, **recognise: tuple[str, ...]) -> Customer:
    addresses = (f"security@{id_}.example", f"it@{id_}.example")
    marks = Recognition.model_validate(recognise)
    return Customer(id=id_, name=id_, notice_addresses=addresses, profile=profile, recognise=marks)


def _member(id_: str, *accounts: str, department: str = "support", roles: Sequence[str] = ()) -> StaffMember:
    return StaffMember(id=id_, name=id_, accounts=accounts, department=department, roles=tuple(roles))


CUSTOMERS = (
    _customer("acme", "strict", email_domains=("acme.example",), users=("acme-batch",), hosts=("acme-*",)),
    _customer(
        "lotus", "default", organizations=("4711", "L-2"), email_domains=("lotus.example",), hosts=("db?.lotus",)
    ),
)
USERS = (
    User(name="root", privileged=True),
    User(name="lan", email="lan@acme.example", customer="acme", privileged=True),
    User(name="minh", email="m.minh@mail.example", customer="lotus"),
)
STAFF = Staff(
    staff=(
        _member("s-1", "support1", "Ha@modoro.example"),
        _member("s-2", "support2"),
        _member("s-3", "khoi", department="operations", roles=("admin",)),
        _member("s-4", "anh", department="legal"),
    ),
    departments=Departments(may_touch_customers=("support", "operations")),
)
PROFILES = {"default": frozenset({"staff", "privileged"}), "strict": frozenset({"all"}), "none": frozenset[str]()}


def an_authorisation(**changes: object) -> Authorisation:
    """Build an authorisation of s-1 for lan's account at acme, valid at `AT`."""
    return Authorisation.model_validate(
        {
            "id": "A-1",
            "basis": "customer_request",
            "reference": "ticket 4711",
            "issuer": "Toà án nhân dân",
            "document_sha256": "a" * 64,
            "customer": "acme",
            "accounts": ("lan",),
            "actors": ("s-1",),
            "actions": ("staff_access",),
            "valid_from": datetime(2026, 3, 2, tzinfo=UTC),
            "valid_until": datetime(2026, 3, 3, tzinfo=UTC),
            "approvers": ("s-3", "s-4"),
            **changes,
        }
    )


def an_enricher(*authorisations: Authorisation, staff_profile: str = "default") -> Enricher:
    """Compile the world, with these authorisations."""
    registers = Registers(customers=CUSTOMERS, users=USERS, staff=STAFF, authorisations=authorisations)
    return Enricher(registers, mfa_required_for=PROFILES, staff_profile=staff_profile)


def an_event(**fields: object) -> dict[str, object]:
    """Build an event's fields; a double underscore stands for a dot, as in `user__name`."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return {"@timestamp": AT, "event.dataset": "test", "event.action": "login", "position": 1, **named}


def a_line(
    role: str | None, outcome: str | None = "failure", *, seconds: float = 0, **fields: object
) -> dict[str, object]:
    """Build a line of sshd about a login attempt."""
    if outcome is not None:
        fields["event__outcome"] = outcome
    return an_event(
        **{
            "host__name": "web1",
            "process__name": "sshd",
            "process__pid": 811,
            "source__ip": "203.0.113.9",
            "credwatch__attempt__role": role,
            **fields,
        }
    ) | {"@timestamp": AT + timedelta(seconds=seconds)}


def a_frame(*events: dict[str, object]) -> pl.DataFrame:
    """Build an events frame that has only the columns some event fills."""
    names = dict.fromkeys(name for event in events for name in event)
    schema = {name: pl.Int64() if name == "position" else dtype_of(name) for name in names}
    return pl.DataFrame([{name: event.get(name) for name in names} for event in events], schema=schema)


def enriched(event: dict[str, object], *authorisations: Authorisation) -> dict[str, object]:
    """Enrich one event alone and give its fields."""
    return an_enricher(*authorisations).enrich(a_frame(event)).to_dicts()[0]
