"""Adds the block of addresses that one client has to choose from: an IPv4 address, or the /64 of an IPv6 one."""

from __future__ import annotations

import ipaddress

import polars as pl

from credwatch.enrich.columns import has_values

_ADDRESS = "source.ip"
_BLOCK = "credwatch.source.block"
_CLIENT_BITS = 64
"""A client has an interface identifier of 64 bits to itself (RFC 4291, section 2.5.1; RFC 6177)."""


class AddressBlocks:
    """Writes each distinct IPv6 address of a batch as its block; IPv4 addresses stay as they are."""

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add `credwatch.source.block`, such as `192.0.2.7` or `2001:db8::/64`; null where there is no address."""
        if not has_values(events, _ADDRESS):
            return events
        addresses = events[_ADDRESS]
        distinct = addresses.drop_nulls().unique().to_list()
        blocks = {address: _block(address) for address in distinct if ":" in address}
        return events.with_columns((addresses.replace(blocks) if blocks else addresses).alias(_BLOCK))


def _block(address: str) -> str:
    return str(ipaddress.ip_network((address, _CLIENT_BITS), strict=False))
