"""Tells addresses from host names, and writes each address one way."""

from __future__ import annotations

import ipaddress

import polars as pl

_IPV4 = r"^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$"


def place_addresses(events: pl.DataFrame) -> pl.DataFrame:
    """Keep valid addresses in `source.ip`, IPv6 in its short form (RFC 5952), and move all else to `source.domain`.

    An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`) becomes IPv4, so one client has one address; a zone index
    is dropped. What sshd writes for an unknown client, `UNKNOWN`, is neither.
    """
    if "source.ip" not in events.columns:
        return events
    addresses = events["source.ip"]
    words = addresses.unique().drop_nulls()
    words = words.filter(~words.str.contains(_IPV4))
    if words.is_empty():
        return events
    other = addresses.is_in(words.implode()).fill_null(False)
    table = pl.DataFrame(
        {"source.ip": words, "address": [_address(word) for word in words]},
        schema={"source.ip": pl.String, "address": pl.String},
    )
    events = events.join(table, on="source.ip", how="left", maintain_order="left")
    is_name = other & events["address"].is_null() & (addresses != "UNKNOWN")
    domain = pl.col("source.domain") if "source.domain" in events.columns else pl.lit(None, pl.String)
    return events.with_columns(
        pl.when(other).then("address").otherwise("source.ip").alias("source.ip"),
        pl.when(is_name).then("source.ip").otherwise(domain).alias("source.domain"),
    ).drop("address")


def _address(word: str) -> str | None:
    try:
        address = ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
