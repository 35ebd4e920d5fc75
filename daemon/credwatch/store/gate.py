"""Keeps what the gate remembers: hashes of past passwords and sealed second factors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import fields
from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Index, Table, Text, select

from credwatch.kernel.account import Account
from credwatch.kernel.clock import Clock, system_clock
from credwatch.kernel.errors import StoreError
from credwatch.kernel.factor import Factor
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import audit
from credwatch.store.audited import factor_acts
from credwatch.store.columns import Number
from credwatch.store.database import Database, metadata
from credwatch.store.moments import from_micros, to_micros

T = TypeVar("T")

past_passwords = Table(
    "past_passwords",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organization", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
    Index("past_passwords_account", "organization", "user"),
    Index("past_passwords_age", "kept_at"),
)
"""One row for each remembered password of an account: an argon2id hash, never the password."""

factors = Table(
    "factors",
    metadata,
    Column("organization", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("revision", Number, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("digits", Number, nullable=False),
    Column("step_seconds", Number, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("failures", Number, nullable=False),
    Column("forgiven", Number, nullable=False),
    Column("wait_until", BigInteger),
    Column("locked_at", BigInteger),
    Column("used_steps", Text, nullable=False, server_default="[]"),
    Column("recovery_salt", Text, nullable=False, server_default=""),
    Column("recovery_codes", Text, nullable=False, server_default="[]"),
)
"""One row for each account's TOTP factor; `revision` counts its changes."""

_LISTS = ("used_steps", "recovery_codes")
_MOMENTS = ("enrolled_at", "confirmed_at", "wait_until", "locked_at")


class PasswordHashes:
    """Past passwords in the store; keeps the contract of `policy.history.PastPasswords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hashes(self, account: Account) -> tuple[str, ...]:
        """Return the hashes of one account, newest first."""
        table = past_passwords
        newest_first = select(table.c.hash).where(*_of(table, account)).order_by(table.c.id.desc())
        with self._database.reading() as connection:
            return tuple(connection.scalars(newest_first))

    def newest(self, account: Account) -> datetime | None:
        """Say when the newest of an account's remembered passwords was set; None where none is remembered."""
        table = past_passwords
        newest = select(table.c.kept_at).where(*_of(table, account)).order_by(table.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            kept_at = connection.scalar(newest)
        return None if kept_at is None else from_micros(kept_at)

    def keep(self, account: Account, newest: str, *, most: int, now: datetime) -> int:
        """Put a hash before the others and drop all behind the `most` newest; return how many there are now."""
        table = past_passwords
        row = {"organization": account.organization, "user": account.user, "hash": newest, "kept_at": to_micros(now)}
        with self._database.writing() as connection:
            if most > 0:
                connection.execute(table.insert().values(**row))
            ids = select(table.c.id).where(*_of(table, account)).order_by(table.c.id.desc())
            past = list(connection.scalars(ids))
            connection.execute(table.delete().where(table.c.id.in_(past[most:])))
            customers = (account.organization,) if account.organization else ()
            details: dict[str, object] = {"account": account.user}
            audit.append(connection, Act(now, ActKind.PASSWORD_CHANGED, "gate", customers=customers, details=details))
            return min(len(past), most)


class FactorRows:
    """Second factors in the store; keeps the contract of `policy.totp.Factors`."""

    def __init__(self, database: Database, clock: Clock = system_clock) -> None:
        self._database = database
        self._clock = clock

    def is_confirmed(self, account: Account) -> bool:
        """Say whether an account has a factor that counts."""
        return self.confirmed(account) is not None

    def confirmed(self, account: Account) -> Factor | None:
        """Return an account's factor that counts; None where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(factors).where(*_of(factors, account))).mappings().first()
        factor = _factor(dict(row)) if row is not None else None
        return factor if factor and factor.confirmed_at else None

    def change(self, account: Account, decide: Callable[[Factor | None], tuple[Factor | None, T]]) -> T:
        """Replace the account's factor by what `decide` makes of it, in one transaction that holds the write lock.

        The row is written only over the revision that `decide` saw, so a database with a weaker lock refuses the
        second of two changes (StoreError) and a code still counts once.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(factors).where(*_of(factors, account))).mappings().first()
            before = _factor(dict(row)) if row is not None else None
            after, answer = decide(before)
            if after != before:
                _replace(connection, account, row["revision"] if row is not None else 0, after)
                audit.append(connection, *factor_acts(account, before, after, self._clock()))
            return answer


def _replace(connection: Connection, account: Account, revision: int, after: Factor | None) -> None:
    seen = (*_of(factors, account), factors.c.revision == revision)
    if after is not None and revision == 0:
        key = {"organization": account.organization, "user": account.user, "revision": 1}
        connection.execute(factors.insert().values(**key, **_values(after)))
        return
    if after is None:
        changed = connection.execute(factors.delete().where(*seen)).rowcount
    else:
        values = {"revision": revision + 1, **_values(after)}
        changed = connection.execute(factors.update().where(*seen).values(**values)).rowcount
    if changed != 1:
        raise StoreError("the second factor was changed at the same time", where="factors", hint="ask again")


def _of(table: Table, account: Account) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.organization == account.organization, table.c.user == account.user


def _values(factor: Factor) -> dict[str, Any]:
    values = {field.name: getattr(factor, field.name) for field in fields(Factor)}
    values |= {name: json.dumps(values[name]) for name in _LISTS}
    return values | {name: _micros(values[name]) for name in _MOMENTS}


def _factor(row: dict[str, Any]) -> Factor:
    values = {field.name: row[field.name] for field in fields(Factor)}
    moments = {name: None if row[name] is None else from_micros(row[name]) for name in _MOMENTS}
    used = tuple((first, last) for first, last in json.loads(row["used_steps"]))
    codes = tuple(json.loads(row["recovery_codes"]))
    return Factor(**(values | moments | {"used_steps": used, "recovery_codes": codes}))


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
