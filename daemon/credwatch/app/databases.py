"""Opens the databases of addresses that the operator supplies, and finds what is wrong with them."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path

import maxminddb

from credwatch.app.settings import EnrichmentOptions
from credwatch.enrich.stateless.places import AddressDatabase, AddressDatabases
from credwatch.kernel.errors import ConfigurationError, CredwatchError, Problem, ProblemsFound

_PROBED = 1000
_KEYS: dict[str, frozenset[str]] = {
    "city": frozenset({"country", "location", "city"}),
    "asn": frozenset({"autonomous_system_number"}),
    "anonymous": frozenset({"is_anonymous", "is_hosting_provider", "is_tor_exit_node", "is_anonymous_vpn"}),
    "connection": frozenset({"connection_type"}),
}
"""By which keys the records of a database are known."""


def open_databases(options: EnrichmentOptions) -> AddressDatabases:
    """Open every database that the settings name; raises ProblemsFound with each that cannot be used.

    They are mapped into memory: a file must be replaced by renaming a new one, never written into.
    """
    opened: dict[str, AddressDatabase] = {}
    problems: list[Problem] = []
    for kind, path in options.databases.items():
        try:
            opened[kind] = _opened(path, kind)
        except CredwatchError as error:
            problems.append(Problem.of(error))
    if problems:
        raise ProblemsFound(problems)
    return AddressDatabases(**opened)


class _Database:
    """A database file whose damaged records are unknown ones."""

    def __init__(self, reader: maxminddb.Reader) -> None:
        self._reader = reader

    def get(self, address: str) -> object:
        try:
            return self._reader.get(address)
        except (maxminddb.InvalidDatabaseError, ValueError):
            # A record that cannot be decoded, or an IPv6 address where the file has IPv4 alone.
            return None


def _opened(path: Path, kind: str) -> AddressDatabase:
    where = f"enrichment.{kind}_database: {path}"
    try:
        reader = maxminddb.open_database(path)
    except OSError as error:
        hint = "check the path and its permissions; docs/enrichment.md says where such files come from"
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=where, hint=hint) from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ConfigurationError("is no MMDB file", where=where, hint="fetch it again, unpacked") from error
    if not _KEYS[kind] & _keys_in(reader):
        raise ConfigurationError(
            f"is a database of another kind: {reader.metadata().database_type}",
            where=where,
            hint=f"expected records with one of: {', '.join(sorted(_KEYS[kind]))}",
        )
    return _Database(reader)


def _keys_in(reader: maxminddb.Reader) -> set[str]:
    """Gather the keys of the first records."""
    keys: set[str] = set()
    with suppress(maxminddb.InvalidDatabaseError):
        for _, record in islice(reader, _PROBED):
            keys |= set(record) if isinstance(record, dict) else set()
    return keys
