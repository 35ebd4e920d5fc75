"""Adds who acts, on whose account, and which customer it concerns."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from credwatch.enrich.columns import accounts, column, has_values, values_of
from credwatch.enrich.stateless.directory import OWNER, Directory
from credwatch.enrich.stateless.organizations import Organizations
from credwatch.world.owners import Owners
from credwatch.world.register import Registers

_LISTED = ("kind", "id", "department", "privileged", "decoy")


class Identity:
    """Resolves accounts and customers by the registers it was compiled from."""

    def __init__(self, registers: Registers) -> None:
        self._directory = Directory(Owners(registers))
        self._organizations = Organizations(registers)

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add `credwatch.user.*`, `credwatch.actor.*` and `credwatch.target.kind`, and resolve `organization.id`.

        The customer is, in this order: the one the writer names; that of the account acted upon; that of the account
        that acts, unless it is staff; that of the host; and else what the writer said. Columns about an actor or a
        target are null where the event has none. A customer's accounts are listed for that customer alone: in an
        event of another one the same name is a stranger's.
        """
        clues = events.with_columns_seq(
            *self._owner(events, "user", "actor"),
            *self._owner(events, "user.target", "target"),
            writer_customer=_literal(self._organizations.by_writer(values_of(events, "organization.id"))),
            host_customer=_literal(self._organizations.by_host(values_of(events, "host.name"))),
            is_self=_is_self(events),
            has_actor=_has(events, "user"),
            has_target=_has(events, "user.target"),
        )
        clues = clues.with_columns(_organization(events))
        clues = clues.with_columns_seq(*_without_strangers("actor"), *_without_strangers("target"))
        columns = (name for name in events.columns if name != "organization.id")
        return clues.select_seq(*columns, "organization.id", *_about_actor(), *_about_target())

    def account_ids(self, names: pl.Series) -> pl.Series:
        """Find the registers' own id of accounts; null where they are not listed."""
        owners = self._directory.look_up(names)
        return pl.repeat(None, len(names), dtype=pl.String, eager=True) if owners is None else owners["id"]

    def _owner(self, events: pl.DataFrame, who: str, role: str) -> Iterator[pl.Expr]:
        """Give the columns of who owns an account, their names beginning with its role."""
        emails = events[f"{who}.email"] if has_values(events, f"{who}.email") else None
        owners = self._directory.look_up(values_of(events, f"{who}.name"), emails)
        for part, kind in OWNER.items():
            owner = pl.lit(None, kind) if owners is None else pl.lit(owners[part])
            yield owner.alias(f"{role}_{part}")


def _literal(values: pl.Series | None) -> pl.Expr:
    return pl.lit(None, pl.String) if values is None else pl.lit(values)


def _has(events: pl.DataFrame, who: str) -> pl.Expr:
    return column(events, f"{who}.name").is_not_null() | column(events, f"{who}.email").is_not_null()


def _is_self(events: pl.DataFrame) -> pl.Expr:
    """Compare names, addresses and ids of actor and target; any pair that is there and equal makes them one."""
    if not (has_values(events, "user.target.name") or has_values(events, "user.target.email")):
        return pl.lit(False).alias("is_self")
    pairs = [
        (
            pl.lit(accounts(values_of(events, f"user.{key}")))
            == pl.lit(accounts(values_of(events, f"user.target.{key}")))
        )
        for key in ("name", "email")
    ]
    return pl.any_horizontal(pair.fill_null(False) for pair in pairs)


def _without_strangers(who: str) -> list[pl.Expr]:
    """Forget what is listed about an account of one customer where the event concerns another."""
    is_stranger = (pl.col(f"{who}_customer") != pl.col("organization.id")).fill_null(False)
    return [pl.when(~is_stranger).then(f"{who}_{part}").alias(f"{who}_{part}") for part in _LISTED]


def _about_actor() -> list[pl.Expr]:
    has_actor = pl.col("has_actor")
    acts_alone = ~pl.col("has_target") | pl.col("is_self")
    by_writer = pl.when(acts_alone & pl.col("writer_customer").is_not_null()).then(pl.lit("customer"))
    kind = pl.coalesce("actor_kind", by_writer, pl.lit("unknown"))
    return [
        pl.when(has_actor).then(pl.col("actor_privileged").is_not_null()).alias("credwatch.user.known"),
        pl.when(has_actor).then(pl.col("actor_privileged").fill_null(False)).alias("credwatch.user.privileged"),
        pl.when(has_actor).then(pl.col("actor_decoy").fill_null(False)).alias("credwatch.user.decoy"),
        pl.when(has_actor).then(kind).alias("credwatch.actor.kind"),
        pl.col("actor_id").alias("credwatch.actor.id"),
        pl.col("actor_department").alias("credwatch.actor.department"),
    ]


def _about_target() -> list[pl.Expr]:
    same_person = (pl.col("actor_id") == pl.col("target_id")) & (pl.col("actor_kind") == pl.col("target_kind"))
    both = pl.col("has_target") & pl.col("has_actor")
    by_writer = pl.when(pl.col("writer_customer").is_not_null()).then(pl.lit("customer"))
    return [
        pl.when(both).then(pl.col("is_self") | same_person.fill_null(False)).alias("credwatch.actor.self"),
        pl.when("has_target")
        .then(pl.coalesce("target_kind", by_writer, pl.lit("unknown")))
        .alias("credwatch.target.kind"),
    ]


def _organization(events: pl.DataFrame) -> pl.Expr:
    of_actor = pl.when(pl.col("actor_kind") != "staff").then("actor_customer")
    of_event = pl.lit(values_of(events, "organization.id"))
    return pl.coalesce("writer_customer", "target_customer", of_actor, "host_customer", of_event).alias(
        "organization.id"
    )
