"""One client's addresses are one block."""

from __future__ import annotations

import polars as pl

from credwatch.enrich.stateless.blocks import AddressBlocks


def test_addresses_of_one_client_are_one_block() -> None:
    """IPv6 addresses of one /64 share their block, IPv4 addresses are their own, and no address is none."""
    addresses = ["192.0.2.7", "2001:db8:0:1::5", "2001:db8:0:1:ffff::", "2001:db8:0:2::5", None]
    found = AddressBlocks().enrich(pl.DataFrame({"source.ip": addresses}))
    expected = ["192.0.2.7", "2001:db8:0:1::/64", "2001:db8:0:1::/64", "2001:db8:0:2::/64", None]
    assert expected == found["credwatch.source.block"].to_list()


def test_a_batch_without_addresses_stays_as_it_is() -> None:
    """Nothing is added where no event came from an address."""
    events = pl.DataFrame({"source.ip": [None]}, schema={"source.ip": pl.String})
    assert events.equals(AddressBlocks().enrich(events))
