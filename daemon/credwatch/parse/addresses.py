"""Tells addresses from host names, and writes each address one way."""

from __future__ import annotations

import ipaddress
import re

import polars as pl

_IPV4 = r"^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$"

_WITH_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<v4>(?:::[Ff]{4}:)?[0-9.]+))(?::(?P<port>\d{1,5}))?")
_FORWARDED = re.compile(r"(?i)(?:^|;)\s*for\s*=\s*(?P<client>[^;]+)")
"""The client of the header `Forwarded`, RFC 7239."""
_TYPED = re.compile(r"(?P<kind>[Ii][Pp][Vv][46]):(?P<rest>.+)")
"""Samba writes `ipv4:192.0.2.1:50000` and `ipv6:2001:db8::7:50000`, Heimdal `IPv4:192.0.2.1` and `IPv6:2001:db8::7`."""
LAST_PORT = 65_535
_NONE = r"(?i)^\s*\"?(?:unknown|null|\(null\)|none|nil|undefined|n/?a|-|::?\d*(?:\.\d+)?|local|unix:?)?\"?\s*$"
"""What stands for no address; `:0` is a display of the machine itself."""
_NAME = r"^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}._-]*[\p{L}\p{N}_.])?$"
_NUMBERS = r"^[\d.]+$"


def place_addresses(events: pl.DataFrame) -> pl.DataFrame:
    """Keep valid addresses in `source.ip`, IPv6 in its short form (RFC 5952), and move names to `source.domain`.

    An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`) becomes IPv4, so one client has one address; a zone index
    is dropped. `192.0.2.1:50000`, `::ffff:192.0.2.1:50000` and `[2001:db8::7]:50000` give a `source.port` too, where
    the event has none; of a list as proxies write it (`client, proxy, proxy`, or `for=client;proto=https`) the client
    counts; `ipv4:` or `IPv6:` before it is taken off. What writers put where they know no address (`UNKNOWN`, `null`,
    `-`) is neither, nor is what could be no host's name.
    """
    if "source.ip" not in events.columns:
        return events
    addresses = events["source.ip"]
    words = addresses.unique().drop_nulls()
    words = words.filter(~words.str.contains(_IPV4))
    if words.is_empty():
        return events
    other = addresses.is_in(words.implode()).fill_null(False)
    parts = [_parted(word) for word in words]
    table = pl.DataFrame(
        {"source.ip": words, "address": [part[0] for part in parts], "port": [part[1] for part in parts]},
        schema={"source.ip": pl.String, "address": pl.String, "port": pl.Int64},
    )
    events = events.join(table, on="source.ip", how="left", maintain_order="left")
    named = pl.col("source.ip").str.contains(_NAME) & ~pl.col("source.ip").str.contains(_NUMBERS)
    is_name = (
        other & events["address"].is_null() & events.select(named & ~stands_for_none(pl.col("source.ip"))).to_series()
    )
    domain = pl.col("source.domain") if "source.domain" in events.columns else pl.lit(None, pl.String)
    port = pl.col("source.port") if "source.port" in events.columns else pl.lit(None, pl.Int64)
    ports = [pl.coalesce(port, "port").alias("source.port")] if table["port"].count() else []
    return events.with_columns(
        pl.when(other).then("address").otherwise("source.ip").alias("source.ip"),
        pl.when(is_name).then("source.ip").otherwise(domain).alias("source.domain"),
        *ports,
    ).drop("address", "port")


def stands_for_none(word: pl.Expr) -> pl.Expr:
    """Say of a String expression whether it is what writers put where they know no address."""
    return word.str.contains(_NONE)


def _parted(word: str) -> tuple[str | None, int | None]:
    """Read an address, perhaps the first of a list, and its port where it has one."""
    first = word.partition(",")[0].strip()
    forwarded = _FORWARDED.search(first)
    first = _untyped((forwarded["client"] if forwarded else first).strip().strip('"'))
    match = _WITH_PORT.fullmatch(first)
    if match and (address := _address(match["v6"] or match["v4"])):
        port = int(match["port"]) if match["port"] else None
        return address, port if port is None or port <= LAST_PORT else None
    return _address(first), None


def _untyped(word: str) -> str:
    """Take off the kind of address that stands before it; in small letters a port follows, which is set apart."""
    typed = _TYPED.fullmatch(word)
    if typed is None:
        return word
    if typed["kind"] != "ipv6":
        return typed["rest"]
    address, _, port = typed["rest"].rpartition(":")
    return f"[{address}]:{port}"


def _address(word: str) -> str | None:
    try:
        address = ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
