"""Seals the personal fields of archived events with a key for each customer, so that the key's end is theirs.

AES-SIV (RFC 5297) gives the same value of a field the same seal under the same key: whoever has the key finds a value
by its seal, without opening any other. The name of the field is sealed with it, so that an account's name in two
fields does not look alike. That values are equal, and about how long they are, stays to be seen.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from msgspec import Struct

from credwatch.archive.form import SEAL
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret

CUSTOMER = "organization.id"
"""The column that says whose key seals a row."""
ERASED = "(erased)"
"""What is shown for a value whose key is gone."""
_MARK = "~"
_KEY_BYTES, _NONCE_BYTES, _ID_BYTES = 64, 12, 6


class SealingKey(Struct, frozen=True):
    """The key of one customer's events."""

    id: str
    """Its name, which rows carry."""
    customer: str
    """The customer; empty for events of none."""
    secret: Secret
    """The key, base64."""

    def sealed(self, field: str, values: Iterable[str]) -> dict[str, str]:
        """Seal values of a field."""
        cipher, bound = self._cipher(), [field.encode()]
        return {
            value: _MARK + base64.urlsafe_b64encode(cipher.encrypt(value.encode(), bound)).decode() for value in values
        }

    def opened(self, field: str, values: Iterable[str]) -> dict[str, str]:
        """Open values of a field; what this key has not sealed stays as it is."""
        cipher = self._cipher()
        return {value: _opened(cipher, field, value) for value in values}

    def _cipher(self) -> AESSIV:
        return AESSIV(base64.b64decode(self.secret.reveal()))


class MasterKey:
    """The key of the installation, which seals those of the customers in the store."""

    def __init__(self, secret: Secret) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"credwatch archive key\0" + secret.reveal().encode()).digest())

    def make(self, customer: str, random_bytes: Callable[[int], bytes] = os.urandom) -> SealingKey:
        """Make the key of a customer."""
        secret = Secret(base64.b64encode(random_bytes(_KEY_BYTES)).decode())
        return SealingKey(random_bytes(_ID_BYTES).hex(), customer, secret)

    def seal(self, key: SealingKey, random_bytes: Callable[[int], bytes] = os.urandom) -> str:
        """Seal the key of a customer, bound to its name and the customer."""
        nonce = random_bytes(_NONCE_BYTES)
        bound = f"{key.id} {key.customer}".encode()
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, key.secret.reveal().encode(), bound)).decode()

    def open(self, id_: str, customer: str, sealed: str) -> SealingKey:
        """Open the key of a customer; raises ConfigurationError where another master key has sealed it."""
        raw = base64.b64decode(sealed)
        try:
            secret = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], f"{id_} {customer}".encode())
        except InvalidTag as error:
            raise ConfigurationError(
                "the store's keys of the archive were sealed with another key",
                where="the archive's key",
                hint="put archive.key or the credential archive-key back as it was",
            ) from error
        return SealingKey(id_, customer, Secret(secret.decode()))


def customers_in(rows: pl.DataFrame) -> set[str]:
    """Say whose events these are; an empty name stands for nobody's."""
    if CUSTOMER not in rows.columns:
        return {""} if rows.height else set()
    return {customer or "" for customer in rows[CUSTOMER].unique()}


def sealed(rows: pl.DataFrame, keys: Mapping[str, SealingKey], personal: Iterable[str]) -> pl.DataFrame:
    """Seal the personal fields of rows with the keys of their customers, by id, which must all be there."""
    whose = pl.col(CUSTOMER).fill_null("") if CUSTOMER in rows.columns else pl.lit("")
    rows = rows.with_columns(whose.alias(SEAL))
    for field in personal:
        if field in rows.columns:
            rows = _replaced(rows, field, lambda whose, field, values: keys[whose].sealed(field, values))
    names = {customer: key.id for customer, key in keys.items()}
    return rows.with_columns(pl.col(SEAL).replace_strict(names, return_dtype=pl.String))


def opened(rows: pl.DataFrame, keys: Mapping[str, SealingKey]) -> pl.DataFrame:
    """Open what the keys, by their names, open; what was sealed with one that is gone is ERASED."""
    if SEAL not in rows.columns or not rows[SEAL].count():
        return rows

    def open_all(name: str, field: str, values: Iterable[str]) -> Mapping[str, str]:
        return _all_opened(keys.get(name), field, values)

    for column in rows.iter_columns():
        if column.dtype == pl.String and column.str.starts_with(_MARK).any():
            rows = _replaced(rows, column.name, open_all)
    return rows


def _all_opened(key: SealingKey | None, field: str, values: Iterable[str]) -> dict[str, str]:
    if key is not None:
        return key.opened(field, values)
    return {value: ERASED if value.startswith(_MARK) else value for value in values}


def _opened(cipher: AESSIV, field: str, value: str) -> str:
    if not value.startswith(_MARK):
        return value
    try:
        return cipher.decrypt(base64.urlsafe_b64decode(value.removeprefix(_MARK)), [field.encode()]).decode()
    except (InvalidTag, ValueError):
        return value


def _replaced(
    rows: pl.DataFrame, field: str, replace: Callable[[str, str, Iterable[str]], Mapping[str, str]]
) -> pl.DataFrame:
    """Put other values into a field, where SEAL says with which key; each value that occurs is worked out once."""
    pairs = rows.select(SEAL, field).drop_nulls().unique()
    if not pairs.height:
        return rows
    others = pl.concat(
        [
            pl.DataFrame({SEAL: [whose] * len(words), field: list(words), "": list(words.values())}, orient="col")
            for (whose,), part in pairs.group_by(SEAL)
            for words in [replace(str(whose), field, part[field].to_list())]
        ]
    )
    other = rows.join(others, on=[SEAL, field], how="left", maintain_order="left")[""]
    # Rows without SEAL are not sealed, and stay.
    return rows.with_columns(pl.when(pl.col(SEAL).is_null()).then(pl.col(field)).otherwise(other).alias(field))
