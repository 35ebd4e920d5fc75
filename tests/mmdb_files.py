"""MMDB files as an operator would have them, with a few documentation addresses in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def _place(country: str, city: str, north: float, east: float, radius: int = 20) -> dict[str, Any]:
    return {
        "country": {"iso_code": country},
        "city": {"names": {"en": city}},
        "location": {"latitude": north, "longitude": east, "accuracy_radius": radius},
    }


CITY = {
    "203.0.113.0/24": _place("VN", "Hanoi", 21.03, 105.85),
    "198.51.100.0/24": _place("RO", "Bucharest", 44.43, 26.1),
    "192.0.2.0/24": _place("US", "", 37.75, -97.82, radius=1000),
    "2001:db8:1::/48": _place("VN", "Da Nang", 16.07, 108.22),
}
ASN = {
    "203.0.113.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Home Net"},
    "198.51.100.0/24": {"autonomous_system_number": 24940, "autonomous_system_organization": "Hetzner Online GmbH"},
    "192.0.2.0/24": {"autonomous_system_number": 131429, "autonomous_system_organization": "MOBIFONE"},
}
ANONYMOUS = {
    "192.0.2.0/28": {"is_anonymous": True, "is_tor_exit_node": True},
    "192.0.2.16/28": {"is_anonymous": True, "is_hosting_provider": True},
}
CONNECTION = {"203.0.113.0/25": {"connection_type": "Cable/DSL"}, "203.0.113.128/25": {"connection_type": "Cellular"}}


def a_database(path: Path, records: dict[str, Any], *, kind: str = "Test") -> Path:
    """Write a database of these networks."""
    writer = MMDBWriter(ip_version=6, database_type=kind, ipv4_compatible=True)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def the_databases(folder: Path) -> dict[str, Path]:
    """Write one database of each kind, by its key in `[enrichment]`."""
    every = {"city": CITY, "asn": ASN, "anonymous": ANONYMOUS, "connection": CONNECTION}
    return {
        f"{kind}_database": a_database(folder / f"{kind}.mmdb", records, kind=f"Test-{kind}")
        for kind, records in every.items()
    }
