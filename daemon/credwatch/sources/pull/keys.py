"""What items are known again by, within the span that is asked for more than once."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from credwatch.sources.pull.interface import Item

_KEY_BYTES = 12
_KEY_LENGTH = 16
_MOST_KEYS = 200_000
"""So many are known; beyond it the oldest are let go, and might be told twice."""


def key_of(identity: bytes) -> str:
    """Digest what identifies an item to 16 characters.

    96 bits: to make two items of one key takes 2^48 tries, to make one of a given key 2^96.
    """
    return base64.b64encode(blake2b(identity, digest_size=_KEY_BYTES).digest()).decode()


class KnownKeys:
    """The keys of items that were given, in buckets by their order, so that old ones are let go together.

    A bucket is one text, the keys one behind the other: a cursor with thousands of them is written with each commit.
    """

    def __init__(self, width: float) -> None:
        """Take how wide a bucket is, in the unit of `Item.order`."""
        self._width = width
        self._buckets: dict[int, str] = {}
        self._keys: set[str] = set()

    @classmethod
    def from_json(cls, stored: Any, width: float) -> KnownKeys:
        """Read what `to_json` gave; the width is the one it was written with."""
        restored = cls(float(stored.get("width", width)))
        restored._buckets = {int(bucket): str(keys) for bucket, keys in stored.get("keys", {}).items()}
        restored._keys = {key for keys in restored._buckets.values() for key in _split(keys)}
        return restored

    def to_json(self) -> dict[str, Any]:
        """Give them as JSON values."""
        return {"width": self._width, "keys": {str(bucket): keys for bucket, keys in self._buckets.items()}}

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def add(self, items: Iterable[Item]) -> None:
        """Know items from now on."""
        fresh: dict[int, list[str]] = {}
        for item in items:
            if item.key not in self._keys:
                self._keys.add(item.key)
                fresh.setdefault(self._bucket(item.order), []).append(item.key)
        for bucket, keys in fresh.items():
            self._buckets[bucket] = self._buckets.get(bucket, "") + "".join(keys)
        while len(self._keys) > _MOST_KEYS and len(self._buckets) > 1:
            self._drop(min(self._buckets))

    def forget_before(self, floor: float) -> None:
        """Let go those that stand before an order."""
        oldest = self._bucket(floor)
        for bucket in [bucket for bucket in self._buckets if bucket < oldest]:
            self._drop(bucket)

    def _bucket(self, order: float) -> int:
        return math.floor(order / self._width)

    def _drop(self, bucket: int) -> None:
        self._keys.difference_update(_split(self._buckets.pop(bucket)))


def _split(keys: str) -> Iterable[str]:
    return (keys[at : at + _KEY_LENGTH] for at in range(0, len(keys), _KEY_LENGTH))
