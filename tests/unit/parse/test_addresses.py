"""An address is read however a writer puts it."""

from __future__ import annotations

import polars as pl
import pytest

from credwatch.parse.addresses import place_addresses


@pytest.mark.parametrize(
    ("text", "address", "port", "domain"),
    [
        ("203.0.113.7", "203.0.113.7", None, None),
        ("203.0.113.7:50000", "203.0.113.7", 50000, None),
        ("[2001:db8::7]:50000", "2001:db8::7", 50000, None),
        ("[2001:DB8:0::7]", "2001:db8::7", None, None),
        ("::ffff:192.0.2.1", "192.0.2.1", None, None),
        ("::ffff:192.0.2.1:50000", "192.0.2.1", 50000, None),
        ("203.0.113.7, 10.0.0.1, 10.0.0.2", "203.0.113.7", None, None),
        ("203.0.113.7:1234, 10.0.0.1", "203.0.113.7", 1234, None),
        ('"203.0.113.7"', "203.0.113.7", None, None),
        ("ipv4:203.0.113.7:50000", "203.0.113.7", 50000, None),
        ("ipv6:2001:db8::7:50000", "2001:db8::7", 50000, None),
        ("IPv6:2001:db8::7", "2001:db8::7", None, None),
        ("null", None, None, None),
        ("UNKNOWN", None, None, None),
        ("-", None, None, None),
        ("host.example", None, None, "host.example"),
        ("203.0.113.7:99999", "203.0.113.7", None, None),
    ],
)
def test_addresses(text: str, address: str | None, port: int | None, domain: str | None) -> None:
    """Address and port are told apart, a list gives its first, and what is no address is a name or nothing."""
    (event,) = place_addresses(pl.DataFrame({"source.ip": [text]})).to_dicts()
    assert (address, port, domain) == (event["source.ip"], event.get("source.port"), event.get("source.domain"))


def test_a_port_that_is_told_stays() -> None:
    """The event's own port goes before the one beside the address."""
    (event,) = place_addresses(pl.DataFrame({"source.ip": ["203.0.113.7:1"], "source.port": [22]})).to_dicts()
    assert 22 == event["source.port"]
