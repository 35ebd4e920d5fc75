"""Adds whether an act of staff on a customer's account is authorised, by what, or why not."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from polars._typing import PolarsDataType

from credwatch.enrich.columns import accounts, column, values_of
from credwatch.enrich.stateless.identity import Identity
from credwatch.kernel.account import compared
from credwatch.world.authorisations import Permit
from credwatch.world.register import Registers

ACTIONS_DUE = (
    "account_changed",
    "account_created",
    "account_deleted",
    "account_disabled",
    "account_enabled",
    "account_locked",
    "account_unlocked",
    "data_export",
    "factor_added",
    "factor_removed",
    "password_change",
    "password_reset",
    "role_granted",
    "role_revoked",
    "staff_access",
    "token_created",
    "token_revoked",
)
"""What staff may do to a customer's account only with an authorisation."""

REASONS = (
    "expired",
    "not_yet_valid",
    "wrong_department",
    "wrong_actor",
    "wrong_account",
    "wrong_action",
    "no_authorisation",
)
"""Why no authorisation covers an act, from the nearest miss to the farthest."""

_PAIRS_AT_ONCE = 500_000

_COVERED = 0
_ANY = "*"
_MOMENT = pl.Datetime("us", "UTC")
_ENTRY: dict[str, PolarsDataType] = {
    "customer": pl.String,
    "entry": pl.String,
    "basis": pl.String,
    "accounts": pl.List(pl.String),
    "actors": pl.List(pl.String),
    "actions": pl.List(pl.String),
    "approvers": pl.List(pl.String),
    "valid_from": _MOMENT,
    "valid_until": _MOMENT,
}
_DUE = "credwatch.authorisation.due"
_FOUND = [
    "credwatch.authorisation.id",
    "credwatch.authorisation.basis",
    "credwatch.authorisation.reason",
    "credwatch.authorisation.difference",
]


class Authorisations:
    """Holds acts of staff against the authorisations it was compiled from; a value that any thread may use."""

    def __init__(self, registers: Registers, identity: Identity, permits: Iterable[Permit] = ()) -> None:
        """Take the registers, and what people have granted beside their files."""
        self._registers = registers
        self._identity = identity
        self._customers = [customer.id for customer in registers.customers]
        self._barred = sorted(registers.staff.barred)
        every = [*(entry.permit for entry in registers.authorisations), *permits]
        self._entries = pl.DataFrame([_row(permit) for permit in every], schema=_ENTRY)

    def with_permits(self, permits: Iterable[Permit]) -> Authorisations:
        """Return the same with these beside those of the register, in place of any before."""
        return Authorisations(self._registers, self._identity, permits)

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add `credwatch.authorisation.due`, and for acts that are due one its `id` and `basis`, or why there is none.

        `reason` says it in a word, `difference` how the act and the nearest authorisation differ.

        `due` is null for actions that never need one. An act that failed needs none.
        """
        nothing = [pl.lit(None, pl.String).alias(name) for name in _FOUND]
        events = events.with_columns_seq(self._due(events).alias(_DUE), *nothing)
        if not events[_DUE].any():
            return events
        rows = events.drop(_FOUND).with_row_index("row")
        verdicts = self._nearest(rows.filter(_DUE))
        return rows.join(verdicts, on="row", how="left", maintain_order="left").drop("row")

    def _due(self, events: pl.DataFrame) -> pl.Expr:
        action, actor = column(events, "event.action"), column(events, "credwatch.actor.kind")
        target = column(events, "credwatch.target.kind")
        on_customer = (target == "customer") | column(events, "organization.id").is_in(self._customers)
        by_staff = (actor == "staff") & on_customer.fill_null(False)
        # Whoever uses the staff's way in and is no customer's account counts as staff, registered or not.
        by_stranger = (action == "staff_access") & (actor != "customer").fill_null(True)
        happened = (column(events, "event.outcome") != "failure").fill_null(True)
        on_another = ~column(events, "credwatch.actor.self").fill_null(False) & (target != "staff").fill_null(True)
        due = happened & on_another & (by_staff.fill_null(False) | by_stranger)
        return pl.when(action.is_in(ACTIONS_DUE)).then(due)

    def _nearest(self, acts: pl.DataFrame) -> pl.DataFrame:
        """Give each act the authorisation that covers it, or else the reason of the one that comes nearest."""
        facts = acts.select(
            "row",
            customer=column(acts, "organization.id"),
            action=pl.col("event.action"),
            actor=column(acts, "credwatch.actor.id"),
            at=pl.col("@timestamp"),
            account=pl.coalesce(column(acts, "user.target.name"), column(acts, "user.target.email"), pl.lit("?")),
            target=accounts(values_of(acts, "user.target.name")),
            target_email=accounts(values_of(acts, "user.target.email")),
            target_id=accounts(self._identity.account_ids(values_of(acts, "user.target.name"))),
        )
        # Acts times authorisations may be many, so they are held against each other in parts.
        size = max(1, _PAIRS_AT_ONCE // max(1, self._entries.height))
        return pl.concat([self._held(part) for part in facts.iter_slices(size)])

    def _held(self, facts: pl.DataFrame) -> pl.DataFrame:
        held = facts.join(self._entries, on="customer", how="left").with_columns(miss=self._miss())
        held = held.with_columns(apart=_apart())
        nearest = held.sort("row", "miss", "apart", "entry").unique("row", keep="first", maintain_order=True)
        is_covered = pl.col("miss") == _COVERED
        reason = (pl.col("miss") - 1).replace_strict(range(len(REASONS)), REASONS, default=None, return_dtype=pl.String)
        values = [pl.when(is_covered).then("entry"), pl.when(is_covered).then("basis"), reason, _difference()]
        columns = zip(_FOUND, values, strict=True)
        return nearest.select("row", *(value.alias(name) for name, value in columns))

    def _miss(self) -> pl.Expr:
        """Number the farthest reason why an authorisation does not cover an act: 1 + its place in REASONS, or 0."""
        is_account = pl.any_horizontal(_holds("accounts", name) for name in ("target", "target_email", "target_id"))
        agreed = _contains("approvers", pl.col("actor"))
        is_actor = pl.col("actor").is_not_null() & _holds("actors", "actor") & ~agreed
        misses = [
            ("no_authorisation", pl.col("entry").is_null()),
            ("wrong_action", ~_holds("actions", "action")),
            ("wrong_account", ~is_account),
            ("wrong_actor", ~is_actor),
            ("wrong_department", pl.col("actor").is_in(self._barred)),
            ("not_yet_valid", pl.col("at") < pl.col("valid_from")),
            ("expired", pl.col("at") >= pl.col("valid_until")),
        ]
        number = pl.lit(_COVERED)
        for reason, is_missed in reversed(misses):
            number = pl.when(is_missed).then(pl.lit(REASONS.index(reason) + 1)).otherwise(number)
        return number


def _difference() -> pl.Expr:
    """Say how an act and the nearest authorisation of its customer differ; null where one covers it or none is."""
    written = "%Y-%m-%dT%H:%M:%SZ"
    actors = pl.col("actors").list.join(", ")
    granted_to = pl.format("granted to {} ({})", actors, "entry")
    agreed = pl.format("approved by {}, who may not act on it ({})", "actor", "entry")
    sentences = {
        "expired": pl.format("ended at {} ({})", pl.col("valid_until").dt.strftime(written), "entry"),
        "not_yet_valid": pl.format("begins at {} ({})", pl.col("valid_from").dt.strftime(written), "entry"),
        "wrong_department": pl.format("granted to {}, whose department may not act ({})", "actor", "entry"),
        "wrong_actor": pl.when(_contains("approvers", pl.col("actor"))).then(agreed).otherwise(granted_to),
        "wrong_account": pl.format("outside its scope: account {} ({})", "account", "entry"),
        "wrong_action": pl.format("outside its scope: action {} ({})", "action", "entry"),
    }
    said = pl.lit(None, pl.String)
    for reason, sentence in sentences.items():
        said = pl.when(pl.col("miss") == REASONS.index(reason) + 1).then(sentence).otherwise(said)
    return said


def _apart() -> pl.Expr:
    """Say how far an act lies from the time of an authorisation that does not cover it, microseconds."""
    after, before = pl.col("at") - pl.col("valid_until"), pl.col("valid_from") - pl.col("at")
    return pl.when(pl.col("miss") != _COVERED).then(pl.max_horizontal(after, before).dt.total_microseconds())


def _row(permit: Permit) -> dict[str, object]:
    return {
        "customer": permit.customer,
        "entry": permit.id,
        "basis": permit.basis,
        "accounts": [compared(account) for account in permit.accounts],
        "actors": list(permit.actors),
        "actions": list(permit.actions),
        "approvers": list(permit.approvers),
        "valid_from": permit.valid_from,
        "valid_until": permit.valid_until,
    }


def _holds(names: str, name: str) -> pl.Expr:
    return _contains(names, pl.lit(_ANY)) | _contains(names, pl.col(name))


def _contains(names: str, value: pl.Expr) -> pl.Expr:
    return pl.col(names).list.contains(value).fill_null(False) & value.is_not_null()
