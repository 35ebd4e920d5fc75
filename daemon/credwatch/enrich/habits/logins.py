"""Picks the successful logins out of a batch, and writes what each shows of its account's habits as seeded hashes."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.enrich.columns import column, has_values
from credwatch.enrich.habits.profiles import STEP_US
from credwatch.enrich.habits.travel import NO_PLACE, place_code
from credwatch.kernel.account import compared
from credwatch.kernel.ordering import stable_order

Keys = NDArray[np.uint64]
Form = Callable[[pl.Series], pl.Series]
"""Writes distinct texts as they are compared; of two texts with one form, both stand."""

_ASKED = (
    *("@timestamp", "event.action", "event.outcome", "credwatch.attempt.role", "user.name", "organization.id"),
    *("source.ip", "source.geo.country_iso_code", "source.geo.location.lat", "source.geo.location.lon"),
    *("source.as.number", "credwatch.network.kind", "credwatch.key.fingerprint", "user_agent.original"),
)
"""The fields that are read of a login."""

_DAY = timedelta(days=1)
_STEPS_AN_HOUR = 3_600_000_000 // STEP_US
_VERSIONS = r"[0-9]+(?:[._][0-9]+)*"
_GOLDEN = 0x9E3779B97F4A7C15
_UPPER = np.uint64(0xFFFFFFFF00000000)

PLACE, NETWORK, COUNTRY, SYSTEM, DEVICE, HOUR, HOUR_BEFORE, HOUR_AFTER = range(1, 9)
"""The kinds of values, by their row in `Logins.keys`; row 0 is the account itself."""

_TEXTS = [NETWORK, COUNTRY, SYSTEM, DEVICE]
"""The kinds whose values are texts."""


class Logins(Struct, frozen=True, eq=False):
    """The successful logins of a batch, those of one account behind one another, and else in their order.

    Those behind one another that show the same in one step of time are one, for they have one answer.
    """

    rows: NDArray[np.intp]
    """The rows of all of them in the events frame."""
    number: NDArray[np.intp]
    """Which login, counted from 0, each of these rows is."""
    steps: NDArray[np.int64]
    """In which step of time they were, as `profiles.STEP_US` counts them."""
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
    logins = _facts(events, received_at + _DAY) if has_values(events, "user.name") else None
    if logins is None or logins.is_empty():
        return None
    account = _hashed(logins["account"], seed, _compared)
    order = stable_order(account)
    values = [account, _hashed(logins["address"], seed, _blocks), _hashed(logins["country"], seed)]
    values += [_hashed(logins["system"], seed), _devices(logins, seed)]
    shows = np.stack(values)[:, order]
    steps = logins["time"].to_numpy()[order] // STEP_US
    places = place_code(logins["north"].to_numpy(), logins["east"].to_numpy())[order]
    is_new = (shows[:, 1:] != shows[:, :-1]).any(axis=0) | (np.diff(steps) != 0) | (np.diff(places) != 0)
    first = np.append(0, np.flatnonzero(is_new) + 1)
    keys, shown = _keyed(shows[:, first], steps[first], places[first] != NO_PLACE)
    number = np.append(0, np.cumsum(is_new))
    return Logins(logins["row"].to_numpy()[order], number, steps[first], places[first], keys, shown)


def address_hashes(addresses: pl.Series, seed: bytes) -> Keys:
    """Hash addresses, so that they are no accounts' hashes."""
    return _hashed(addresses, seed, lambda distinct: "address\0" + distinct)


def account_hashes(accounts: pl.Series, seed: bytes) -> NDArray[np.int32]:
    """Hash `organization.id`, NUL and `user.name` into 31 bits, which tell the few accounts of one address apart."""
    return (_hashed(accounts, seed, _compared) >> np.uint64(33)).astype(np.int32)


def _keyed(shows: Keys, steps: NDArray[np.int64], has_place: NDArray[np.bool_]) -> tuple[Keys, NDArray[np.bool_]]:
    """Make the keys, and what is shown, of hashes of accounts and of the texts that their logins show."""
    account, texts = shows[0], shows[1:]
    hour = (steps // _STEPS_AN_HOUR % 24).astype(np.uint64)
    keys = [account, _key(account, PLACE, np.zeros_like(account))]
    keys += [_key(account, kind, text) for kind, text in zip(_TEXTS, texts, strict=True)]
    keys += [_key(account, HOUR, (hour + np.uint64(away)) % np.uint64(24)) for away in (0, 23, 1)]
    shown = np.zeros((len(keys), len(account)), np.bool_)
    shown[[0, HOUR]] = True
    shown[PLACE] = has_place
    shown[_TEXTS] = texts != 0
    return np.stack(keys), shown


def _facts(events: pl.DataFrame, before: datetime) -> pl.DataFrame:
    """Find the logins that count, and give what is asked of them, with their rows."""
    has_succeeded = (column(events, "event.outcome") == "success") & (column(events, "event.action") == "login")
    counts = has_succeeded & column(events, "user.name").is_not_null() & (column(events, "@timestamp") < before)
    is_echo = column(events, "credwatch.attempt.role").eq_missing(pl.lit("echo"))
    # Who comes through one's own network is not where that is.
    is_own = column(events, "credwatch.network.kind").eq_missing(pl.lit("own"))
    north, east = (column(events, f"source.geo.location.{part}") for part in ("lat", "lon"))
    columns = events.select(name for name in _ASKED if name in events.columns).with_row_index("row")
    return columns.filter(counts & ~is_echo).select_seq(
        row=pl.col("row").cast(pl.Int64),
        account=pl.concat_str(column(events, "organization.id").fill_null(""), pl.col("user.name"), separator="\0"),
        time=pl.col("@timestamp").dt.timestamp("us"),
        address=column(events, "source.ip"),
        country=column(events, "source.geo.country_iso_code"),
        system=column(events, "source.as.number").cast(pl.String),
        key=column(events, "credwatch.key.fingerprint"),
        client=column(events, "user_agent.original"),
        north=pl.when(~is_own).then(north).fill_null(float("nan")),
        east=pl.when(~is_own).then(east).fill_null(float("nan")),
    )


def _devices(logins: pl.DataFrame, seed: bytes) -> Keys:
    keys, clients = _hashed(logins["key"], seed), _hashed(logins["client"], seed, _without_versions)
    return np.where(keys != 0, keys, clients)


def _hashed(texts: pl.Series, seed: bytes, form: Form = lambda distinct: distinct) -> Keys:
    """Hash texts in the form they are compared in, each distinct one once; null is 0.

    Hashes are the same on every machine and in every version.
    """
    if texts.null_count() == len(texts):
        return np.zeros(len(texts), np.uint64)
    (distinct,) = pl.select(pl.lit(texts).drop_nulls().unique())
    hashes = np.frombuffer(b"".join([*_digests(form(distinct), seed), bytes(8)]), "<u8")
    numbers = texts.cast(pl.Enum(distinct)).to_physical()
    if numbers.null_count():
        numbers = numbers.fill_null(len(distinct))
    return np.asarray(hashes[numbers.to_numpy()])


def _digests(texts: pl.Series, seed: bytes) -> Iterator[bytes]:
    keyed = hashlib.blake2b(digest_size=8, key=seed)
    for text in texts.to_list():
        digest = keyed.copy()  # what the key costs is spent once
        digest.update(text.encode())
        yield digest.digest()


def _compared(names: pl.Series) -> pl.Series:
    """Write customer and account, which are distinct already, as they are compared."""
    return pl.Series(["\0".join(map(compared, name.split("\0"))) for name in names.to_list()], dtype=pl.String)


def _without_versions(clients: pl.Series) -> pl.Series:
    return clients.str.replace_all(_VERSIONS, "")


def _blocks(addresses: pl.Series) -> pl.Series:
    """Shorten addresses to their /24 or /64."""
    return pl.Series([_block(address) for address in addresses.to_list()], dtype=pl.String)


def _block(address: str) -> str:
    if ":" not in address:
        return address.rpartition(".")[0]
    return f"{int(ipaddress.IPv6Address(address)) >> 64:x}::"


def _key(account: Keys, kind: int, value: Keys) -> Keys:
    """Join account, kind and value to a key that begins as the account's does, so that its rows lie together."""
    mixed = _mixed(account ^ _mixed(value + np.uint64(kind * _GOLDEN % 2**64)))
    return (account & _UPPER) | (mixed >> np.uint64(32))


def _mixed(numbers: Keys) -> Keys:
    """Spread the bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)), np.uint64)
