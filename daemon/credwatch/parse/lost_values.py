"""Finds the values of lines that their fields could not hold, so that nothing is lost without a word."""

from __future__ import annotations

import polars as pl

from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.parse.addresses import stands_for_none
from credwatch.parse.objects.odd_values import UNREAD

_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


def lost_values(captured: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Compare what lines said with what became of it, row by row; both frames have one row for each event.

    Gives `row`, `field` and `reason`: `no_number`, `out_of_range`, `no_address` for what is neither an address nor a
    name, and `placeholder` for what writers put where they know no address.
    """
    names = [name for name in captured.columns if name in BY_NAME and BY_NAME[name].type in _NUMBERS]
    parts = [_lost_numbers(captured, events, name) for name in names]
    if "source.ip" in captured.columns:
        parts.append(_lost_addresses(captured, events))
    return pl.concat(parts) if parts else pl.DataFrame(schema=UNREAD)


def _lost_numbers(captured: pl.DataFrame, events: pl.DataFrame, name: str) -> pl.DataFrame:
    is_whole = pl.col(name).cast(pl.Int64, strict=False).is_not_null()
    reason = pl.when(is_whole).then(pl.lit("out_of_range")).otherwise(pl.lit("no_number"))
    return _listed(captured, _is_lost(captured[name], events, (name,)), name, reason)


def _lost_addresses(captured: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    lost = _is_lost(captured["source.ip"], events, ("source.ip", "source.domain"))
    reason = pl.when(stands_for_none(pl.col("source.ip"))).then(pl.lit("placeholder")).otherwise(pl.lit("no_address"))
    return _listed(captured, lost, "source.ip", reason)


def _is_lost(texts: pl.Series, events: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    lost = texts.is_not_null() & (texts != "") if texts.dtype == pl.String else texts.is_not_null()
    for name in names:
        if name in events.columns:
            lost = lost & events[name].is_null()
    return lost


def _listed(captured: pl.DataFrame, lost: pl.Series, name: str, reason: pl.Expr) -> pl.DataFrame:
    if not lost.any():
        return pl.DataFrame(schema=UNREAD)
    return captured.filter(lost).select("row", pl.lit(name).alias("field"), reason.alias("reason"))
