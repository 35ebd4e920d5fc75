"""Picks the successful logins out of a batch, and writes what each shows of its account's habits as seeded hashes."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.enrich.columns import column, computed, values_of
from credwatch.enrich.travel import NO_PLACE, place_code

Keys = NDArray[np.uint64]

_ASKED = (
    *("@timestamp", "event.action", "credwatch.attempt.role", "user.name", "organization.id", "source.ip"),
    *("source.geo.country_iso_code", "source.geo.location.lat", "source.geo.location.lon", "source.as.number"),
    *("credwatch.network.kind", "credwatch.key.fingerprint", "user_agent.original"),
)
"""The fields that are read of a login."""

_DAY = timedelta(days=1)
_VERSIONS = r"[0-9]+(?:[._][0-9]+)*"
_GOLDEN = 0x9E3779B97F4A7C15
_UPPER = np.uint64(0xFFFFFFFF00000000)

PLACE, NETWORK, COUNTRY, SYSTEM, DEVICE, HOUR, HOUR_BEFORE, HOUR_AFTER = range(1, 9)
"""The kinds of values, by their row in `Logins.keys`; row 0 is the account itself."""

_TEXTS = ((NETWORK, "network"), (COUNTRY, "country"), (SYSTEM, "system"), (DEVICE, "device"))


@dataclass(frozen=True, slots=True, eq=False)
class Logins:
    """The successful logins of a batch, those of one account behind one another, and else in their order."""

    rows: NDArray[np.intp]
    """Their rows in the events frame."""
    times: NDArray[np.int64]
    """Their event times, microseconds since 1970."""
    places: NDArray[np.int32]
    """Where they came from, as `travel.place_code` writes it."""
    keys: Keys
    """Seeded hashes of account, kind and value: a row for each kind, a column for each login."""
    shown: NDArray[np.bool_]
    """Of the same shape: whether the login shows such a value. The hours beside its own are asked for only."""


def logins_in(events: pl.DataFrame, seed: bytes, received_at: datetime) -> Logins | None:
    """Pick the successful logins that name an account; None where there are none.

    A line that only says again what another line of the attempt says is none. The account is `organization.id` and
    `user.name`, in small letters; the device is the key's fingerprint, else the client's name without its versions.
    Logins stamped more than a day after `received_at` are passed over, for they would hide all that comes before them.
    """
    rows, logins = _successes(events, received_at + _DAY)
    if not len(rows):
        return None
    facts = _facts(logins)
    account = _hashed(facts["account"], seed)
    order = np.argsort(account, kind="stable")
    rows, account, facts = rows[order], account[order], facts[order]
    places = place_code(facts["north"].to_numpy(), facts["east"].to_numpy())
    hour = facts["hour"].to_numpy().astype(np.uint64)
    beside = ((hour + np.uint64(23)) % np.uint64(24), (hour + np.uint64(1)) % np.uint64(24))
    keys = [account, _key(account, PLACE, np.zeros_like(account))]
    keys += [_key(account, kind, _hashed(facts[name], seed)) for kind, name in _TEXTS]
    keys += [_key(account, HOUR, each) for each in (hour, *beside)]
    shown = np.zeros((len(keys), len(rows)), np.bool_)
    shown[[0, HOUR]] = True
    shown[PLACE] = places != NO_PLACE
    for kind, name in _TEXTS:
        shown[kind] = facts[name].is_not_null().to_numpy()
    return Logins(rows, facts["time"].to_numpy(), places, np.stack(keys), shown)


def _successes(events: pl.DataFrame, before: datetime) -> tuple[NDArray[np.intp], pl.DataFrame]:
    """Find the rows of the logins that count, and give what is asked of them."""
    # Most batches have few or none: what is rare is looked for first, and the rest of those alone.
    has_succeeded = computed(events, succeeded=(column(events, "event.outcome") == "success").fill_null(False))
    rows = np.flatnonzero(has_succeeded["succeeded"].to_numpy())
    if not len(rows):
        return rows, events
    some = events.select(name for name in _ASKED if name in events.columns)[rows]
    is_echo = column(some, "credwatch.attempt.role").eq_missing(pl.lit("echo"))
    counts = (column(some, "event.action") == "login") & column(some, "user.name").is_not_null() & ~is_echo
    counts &= column(some, "@timestamp") < before
    is_login = computed(some, counts=counts.fill_null(False))["counts"]
    return np.asarray(rows[is_login.to_numpy()]), some.filter(is_login)


def _facts(logins: pl.DataFrame) -> pl.DataFrame:
    organization = column(logins, "organization.id").fill_null("")
    client = column(logins, "user_agent.original").str.replace_all(_VERSIONS, "")
    # Who comes through one's own network is not where that is.
    is_own = column(logins, "credwatch.network.kind").eq_missing(pl.lit("own"))
    north, east = (column(logins, f"source.geo.location.{part}") for part in ("lat", "lon"))
    return computed(
        logins,
        account=pl.concat_str(organization, column(logins, "user.name"), separator="\0").str.to_lowercase(),
        time=column(logins, "@timestamp").dt.timestamp("us"),
        network=pl.lit(_blocks(values_of(logins, "source.ip"))),
        country=column(logins, "source.geo.country_iso_code"),
        system=column(logins, "source.as.number").cast(pl.String),
        device=pl.coalesce(column(logins, "credwatch.key.fingerprint"), client),
        hour=column(logins, "@timestamp").dt.hour(),
        north=pl.when(~is_own).then(north).fill_null(float("nan")),
        east=pl.when(~is_own).then(east).fill_null(float("nan")),
    )


def _blocks(addresses: pl.Series) -> pl.Series:
    """Shorten addresses to their /24 or /64, each distinct one once."""
    distinct = addresses.unique().drop_nulls()
    if not len(distinct):
        return addresses
    blocks = pl.Series([_block(address) for address in distinct.to_list()], dtype=pl.String)
    return addresses.replace_strict(distinct, blocks, default=None, return_dtype=pl.String)


def _block(address: str) -> str:
    if ":" not in address:
        return address.rpartition(".")[0]
    return f"{int(ipaddress.IPv6Address(address)) >> 64:x}::"


def _hashed(texts: pl.Series, seed: bytes) -> Keys:
    """Hash texts, each distinct one once, the same on every machine and in every version; null is 0."""
    distinct = texts.unique().drop_nulls()
    if not len(distinct):
        return np.zeros(len(texts), np.uint64)
    digests = [hashlib.blake2b(text.encode(), digest_size=8, key=seed).digest() for text in distinct.to_list()]
    hashes = pl.Series(np.frombuffer(b"".join(digests), "<u8"))
    return texts.replace_strict(distinct, hashes, default=0, return_dtype=pl.UInt64).fill_null(0).to_numpy()


def _key(account: Keys, kind: int, value: Keys) -> Keys:
    """Join account, kind and value to a key that begins as the account's does, so that its rows lie together."""
    mixed = _mixed(account ^ _mixed(value + np.uint64(kind * _GOLDEN % 2**64)))
    return (account & _UPPER) | (mixed >> np.uint64(32))


def _mixed(numbers: Keys) -> Keys:
    """Spread the bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)), np.uint64)
