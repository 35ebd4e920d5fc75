"""Tells which customer an event concerns, by what its writer says and by the host it is from."""

from __future__ import annotations

import re

import polars as pl

from credwatch.enrich.columns import folded
from credwatch.world.register import Registers


class Organizations:
    """The customers by the writer's organisation ids and by host patterns."""

    def __init__(self, registers: Registers) -> None:
        self._writers = {
            name.lower(): customer.id
            for customer in registers.customers
            for name in (*customer.recognise.organizations, customer.id)
        }
        self._hosts = [
            (_pattern(glob), customer.id) for customer in registers.customers for glob in customer.recognise.hosts
        ]

    def by_writer(self, writers: pl.Series) -> pl.Series | None:
        """Find customers by what stands in `organization.id`; None where there is nothing to look up."""
        if not self._writers:
            return None
        names, ids = list(self._writers), list(self._writers.values())
        customer = folded("text").replace_strict(names, ids, default=None, return_dtype=pl.String)
        return _mapped(writers, customer)

    def by_host(self, hosts: pl.Series) -> pl.Series | None:
        """Find customers by `host.name`; None likewise. The first customer whose pattern fits has it."""
        if not self._hosts:
            return None
        candidates = [
            pl.when(folded("text").str.contains(pattern)).then(pl.lit(customer)) for pattern, customer in self._hosts
        ]
        return _mapped(hosts, pl.coalesce(candidates))


def _mapped(values: pl.Series, customer: pl.Expr) -> pl.Series | None:
    """Evaluate an expression over the distinct values, named `text`, and give each row its result."""
    if values.null_count() == len(values):
        return None
    rows = pl.LazyFrame({"text": values})
    distinct = pl.LazyFrame({"text": values.unique()}).with_columns(customer=customer)
    return rows.join(distinct, on="text", how="left", maintain_order="left").select("customer").collect()["customer"]


def _pattern(glob: str) -> str:
    """Write a glob as a regular expression for the whole, folded name."""
    wild = {"*": ".*", "?": "."}
    return "^" + "".join(wild.get(letter, re.escape(letter)) for letter in glob.lower()) + "$"
