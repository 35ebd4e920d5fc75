"""Checkpoints (c2sp.org/tlog-checkpoint): which log, how long it is, and the root of its tree, signed."""

from __future__ import annotations

import re
from base64 import b64encode

from msgspec import Struct

from credwatch.ledger.note import NotGenuine, PublicKey, SigningKey, decoded, opened

_TEXT = re.compile(r"(\S+)\n(0|[1-9][0-9]{0,18})\n(\S{44})\n(?:.+\n)*")
CUSTOMERS = "/customers/"
"""What stands in the name of a customer's log between the installation and the customer."""


class Checkpoint(Struct, frozen=True):
    """What a log was at a moment."""

    origin: str
    """Which log: the installation's, or one customer's."""
    size: int
    """How many entries it had."""
    root: bytes
    """The root of their tree."""

    def signed(self, key: SigningKey) -> str:
        """Sign it under the name of the log."""
        return key.sign(self.origin, f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n")

    @classmethod
    def read(cls, note: str, key: PublicKey) -> Checkpoint:
        """Read a checkpoint that a key has signed under the name of the log; raises NotGenuine."""
        text, name = opened(note, key)
        match = _TEXT.fullmatch(text)
        if match is None or match[1] != name:
            raise NotGenuine("is no checkpoint", where="checkpoint", hint="expected origin, size and root")
        if name.partition(CUSTOMERS)[0] != key.name.partition(CUSTOMERS)[0]:
            raise NotGenuine(f"is of another installation: {name}", where="checkpoint", hint=f"the key is {key}")
        return cls(name, int(match[2]), decoded(match[3]))


def origin_of(public: bytes, customer: str = "") -> str:
    """Name a log by the key that signs it: the installation's, or that of one of its customers."""
    installation = f"credwatch/{public.hex()[:16]}"
    return f"{installation}{CUSTOMERS}{customer}" if customer else installation
