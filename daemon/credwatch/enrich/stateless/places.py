"""Adds where an address is and what kind of network it belongs to."""

from __future__ import annotations

from typing import Protocol

import polars as pl
from msgspec import Struct

from credwatch.enrich.columns import has_values
from credwatch.enrich.stateless.networks import Networks
from credwatch.kernel.dtypes import dtype_of

MOST_CACHED = 65_536
"""So many addresses are remembered from one batch to the next."""

ROUGHEST_KM = 500
"""A position that its database knows no better than this is none: it is the middle of a country."""

_ADDRESS = "source.ip"
_PLACE = ("source.geo.country_iso_code", "source.geo.city_name", "source.geo.location.lat", "source.geo.location.lon")
_SYSTEM = ("source.as.number", "source.as.organization.name")
_KIND = "credwatch.network.kind"
_SCHEMA = {name: dtype_of(name) for name in (_ADDRESS, *_PLACE, *_SYSTEM, _KIND)}
_ANONYMISERS = (
    "is_anonymous_vpn",
    "is_public_proxy",
    "is_residential_proxy",
    "is_tor_exit_node",
)
_CONNECTIONS = {"Cellular": "mobile", "Cable/DSL": "fixed", "Corporate": "fixed", "Dialup": "fixed"}

_Place = tuple[str | None, str | None, float | None, float | None]
_System = tuple[int | None, str | None]


class AddressDatabase(Protocol):
    """Knows something of addresses, as a MaxMind DB file does (https://maxmind.github.io/MaxMind-DB/)."""

    def get(self, address: str) -> object:
        """Give the record of an address, None where there is none; never raises."""


class AddressDatabases(Struct, frozen=True):
    """The operator's databases, each in the layout of the GeoIP2 database of its kind."""

    city: AddressDatabase | None = None
    """GeoIP2 City, Country or Enterprise."""
    asn: AddressDatabase | None = None
    """GeoLite2 ASN."""
    anonymous: AddressDatabase | None = None
    """GeoIP2 Anonymous IP."""
    connection: AddressDatabase | None = None
    """GeoIP2 Connection Type."""


class Places:
    """Looks every distinct address of a batch up once, and remembers up to MOST_CACHED of them.

    Any thread may use it: what two threads look up at once is merely looked up twice.
    """

    def __init__(self, databases: AddressDatabases | None = None, networks: Networks | None = None) -> None:
        self._databases = databases or AddressDatabases()
        self._networks = networks or Networks()
        self._knows_nothing = self._databases == AddressDatabases() and self._networks.is_empty
        self._cache = pl.DataFrame(schema=_SCHEMA)

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add `source.geo.*`, `source.as.*` and `credwatch.network.kind`, null where nothing is known.

        Without databases and without listed networks, the events stay as they are.
        """
        if self._knows_nothing or not has_values(events, _ADDRESS):
            return events
        places = self._places_of(events.select(pl.col(_ADDRESS).unique()).drop_nulls())
        return events.join(places, on=_ADDRESS, how="left", maintain_order="left")

    def kind_of(self, address: str) -> str:
        """Tell the kind of network that an address belongs to; empty where nothing is known."""
        system, _ = _system(self._databases.asn.get(address) if self._databases.asn else None)
        return self._kind(address, system) or ""

    def _places_of(self, addresses: pl.DataFrame) -> pl.DataFrame:
        cache = self._cache
        places = cache.join(addresses, on=_ADDRESS, how="semi")
        if places.height < addresses.height:
            unknown = addresses.join(places, on=_ADDRESS, how="anti")[_ADDRESS].to_list()
            fresh = pl.DataFrame([self._about(address) for address in unknown], schema=_SCHEMA, orient="row")
            places = pl.concat([places, fresh])
            is_full = cache.height + fresh.height > MOST_CACHED
            self._cache = places.head(MOST_CACHED) if is_full else pl.concat([cache, fresh])
        return places

    def _about(self, address: str) -> tuple[object, ...]:
        databases = self._databases
        place = _place(databases.city.get(address) if databases.city else None)
        system = _system(databases.asn.get(address) if databases.asn else None)
        return address, *place, *system, self._kind(address, system[0])

    def _kind(self, address: str, system: int | None) -> str | None:
        """Ask the nearest knowledge first: the operator's list, the databases, the shipped list."""
        databases, networks = self._databases, self._networks
        return (
            networks.listed(address, system)
            or _anonymiser(databases.anonymous.get(address) if databases.anonymous else None)
            or _connection(databases.connection.get(address) if databases.connection else None)
            or networks.shipped(system)
        )


def _place(record: object) -> _Place:
    country, city = _text(_at(record, "country", "iso_code")), _text(_at(record, "city", "names", "en"))
    north, east = _at(record, "location", "latitude"), _at(record, "location", "longitude")
    radius = _at(record, "location", "accuracy_radius")
    is_rough = isinstance(radius, int | float) and radius > ROUGHEST_KM
    if is_rough or not _within(north, 90) or not _within(east, 180):
        return country, city, None, None
    return country, city, float(str(north)), float(str(east))


def _system(record: object) -> _System:
    number = _at(record, "autonomous_system_number")
    name = _text(_at(record, "autonomous_system_organization"))
    return (number if isinstance(number, int) else None), name


def _anonymiser(record: object) -> str | None:
    if any(_at(record, sign) is True for sign in _ANONYMISERS):
        return "anonymiser"
    if _at(record, "is_hosting_provider") is True:
        return "hosting"
    return "anonymiser" if _at(record, "is_anonymous") is True else None


def _connection(record: object) -> str | None:
    return _CONNECTIONS.get(str(_at(record, "connection_type")))


def _at(record: object, *path: str) -> object:
    """Follow keys into a record of unknown shape."""
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _within(value: object, most: int) -> bool:
    return isinstance(value, int | float) and -most <= value <= most
