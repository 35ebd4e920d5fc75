"""Where addresses are and what their networks are, by databases of any shape and by lists."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec import Struct, field

from credwatch.enrich.stateless import places as places_module
from credwatch.enrich.stateless.networks import Networks
from credwatch.enrich.stateless.places import AddressDatabases, Places
from credwatch.kernel.dtypes import dtype_of
from credwatch.world.networks import Network
from unit.enrich.known_world import a_frame, an_event

FIELDS = (
    *("source.geo.country_iso_code", "source.geo.city_name", "source.geo.location.lat", "source.geo.location.lon"),
    *("source.as.number", "source.as.organization.name", "credwatch.network.kind"),
)


class Records(Struct):
    """A database that says the same of every address, and counts who was asked for."""

    record: object
    asked: Counter[str] = field(default_factory=Counter)

    def get(self, address: str) -> object:
        """Give the record."""
        self.asked[address] += 1
        return self.record


def about(address: str | None, places: Places) -> dict[str, object]:
    """Enrich one event and give what was added and is not null."""
    row = places.enrich(a_frame(an_event(source__ip=address))).to_dicts()[0]
    return {name: row[name] for name in FIELDS if row.get(name) is not None}


def kind_of(address: str, *networks: Network, system: int | None = None, **databases: object) -> object:
    """Tell the kind of an address's network by lists and databases."""
    asn = Records({"autonomous_system_number": system})
    known = AddressDatabases(asn=asn, **{name: Records(record) for name, record in databases.items()})
    shipped = Network(name="shipped", kind="mobile", systems=(64500, 64501))
    return about(address, Places(known, Networks(networks, [shipped]))).get("credwatch.network.kind")


def test_a_record_becomes_columns() -> None:
    """Every part of a place and a system, with the types of the schema."""
    city = {
        "country": {"iso_code": "VN"},
        "city": {"names": {"en": "Hanoi", "de": "Hanoi"}},
        "location": {"latitude": 21.03, "longitude": 105, "accuracy_radius": 20},
    }
    asn = {"autonomous_system_number": 64500, "autonomous_system_organization": "Home Net"}
    places = Places(AddressDatabases(city=Records(city), asn=Records(asn)))
    found = about("203.0.113.9", places)
    assert dict(zip(FIELDS, ("VN", "Hanoi", 21.03, 105.0, 64500, "Home Net"), strict=False)) == found
    frame = places.enrich(a_frame(an_event(source__ip="203.0.113.9")))
    assert {name: dtype_of(name) for name in FIELDS} == {name: frame.schema[name] for name in FIELDS}


@pytest.mark.parametrize(
    "record",
    [
        None,
        "text",
        [],
        {"country": "VN", "city": {"names": []}, "location": {"latitude": "21", "longitude": None}},
        {"country": {"iso_code": 7}, "location": {"latitude": 91.0, "longitude": 0.0}},
        {"location": {"latitude": 38.0, "longitude": -97.0, "accuracy_radius": 1000}},
    ],
    ids=["none", "text", "list", "wrong types", "no place on Earth", "the middle of a country"],
)
def test_a_record_of_another_shape_is_unknown(record: object) -> None:
    """Nothing in an operator's file makes an event fail."""
    databases = AddressDatabases(*(Records(record) for _ in range(4)))
    assert {} == about("203.0.113.9", Places(databases))


def test_without_knowledge_events_stay_as_they_are() -> None:
    """No database and no list: no column, no cost."""
    frame = a_frame(an_event(source__ip="203.0.113.9"))
    assert Places(networks=Networks(shipped=[Network(name="s", kind="hosting", systems=(1,))])).enrich(frame) is frame


def test_rows_keep_their_order_and_each_address_is_asked_for_once() -> None:
    """Distinct addresses of a batch are looked up once, and remembered for the next; no address is null."""
    city = Records({"country": {"iso_code": "VN"}})
    places = Places(AddressDatabases(city=city))
    addresses = ["203.0.113.9", None, "203.0.113.8", "203.0.113.9"]
    for _ in range(2):
        frame = places.enrich(a_frame(*(an_event(source__ip=each) for each in addresses)))
        assert addresses == frame["source.ip"].to_list()
        assert ["VN", None, "VN", "VN"] == frame["source.geo.country_iso_code"].to_list()
    assert {"203.0.113.9": 1, "203.0.113.8": 1} == city.asked


def test_the_memory_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is full, only the addresses of the present batch are remembered."""
    monkeypatch.setattr(places_module, "MOST_CACHED", 2)
    city = Records({"country": {"iso_code": "VN"}})
    places = Places(AddressDatabases(city=city))
    for last in (1, 2, 3, 3, 1):
        about(f"203.0.113.{last}", places)
    assert {"203.0.113.1": 2, "203.0.113.2": 1, "203.0.113.3": 1} == city.asked


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("203.0.113.7", "own"),
        ("203.0.113.77", "hosting"),
        ("2001:db8:1:2::9", "own"),
        ("2001:4860::1", None),
        ("8.8.8.8", None),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("::1", "private"),
    ],
)
def test_the_smallest_block_decides(address: str, kind: str | None) -> None:
    """Listed blocks first, the smallest of them; then what cannot come over the Internet."""
    listed = (
        Network(name="a", kind="hosting", addresses=("203.0.113.0/24",)),
        Network(name="b", kind="own", addresses=("203.0.113.0/28", "2001:db8:1::/48")),
    )
    assert kind == kind_of(address, *listed)


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({"system": 64500}, "mobile"),
        ({"system": 64502}, None),
        ({"system": 64501}, "hosting"),
        ({"anonymous": {"is_tor_exit_node": True, "is_hosting_provider": True}}, "anonymiser"),
        ({"anonymous": {"is_anonymous": True, "is_hosting_provider": True}}, "hosting"),
        ({"anonymous": {"is_anonymous": True}}, "anonymiser"),
        ({"anonymous": {"is_anonymous": False}, "system": 64500}, "mobile"),
        ({"connection": {"connection_type": "Cellular"}}, "mobile"),
        ({"connection": {"connection_type": "Cable/DSL"}, "system": 64500}, "fixed"),
        ({"connection": {"connection_type": "Satellite"}}, None),
    ],
)
def test_the_nearest_knowledge_decides(known: dict[str, object], kind: str | None) -> None:
    """The operator's systems, then the databases, then the shipped systems."""
    listed = Network(name="own list", kind="hosting", systems=(64501,))
    assert kind == kind_of("8.8.8.8", listed, **known)
