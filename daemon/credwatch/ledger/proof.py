"""One file that proves one entry (c2sp.org/tlog-proof): its place, its bytes, the hashes beside it, a checkpoint."""

from __future__ import annotations

import re
from base64 import b64encode

from msgspec import Struct

from credwatch.ledger.checkpoint import Checkpoint
from credwatch.ledger.note import NotGenuine, PublicKey, decoded
from credwatch.ledger.tree import included_root, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
"""The first line of such a file."""
_MOST_HASHES = 63
_HASH_BYTES = 32
_PROOF = re.compile(rf"{re.escape(HEADER)}\nextra (\S+)\nindex (0|[1-9][0-9]{{0,18}})\n((?:\S+\n)*)\n(.+)", re.S)


class EntryProof(Struct, frozen=True):
    """A proof that a log has an entry; `extra` of the file has the entry itself."""

    entry: bytes
    """The bytes of the entry."""
    index: int
    """Its place in the log, from 0."""
    hashes: tuple[bytes, ...]
    """The hashes beside its way to the root, from the leaf upwards."""
    checkpoint: str
    """The signed checkpoint."""

    def written(self) -> str:
        """Write the file."""
        hashes = "".join(f"{b64encode(one).decode()}\n" for one in self.hashes)
        extra = b64encode(self.entry).decode()
        return f"{HEADER}\nextra {extra}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def read(cls, text: str) -> EntryProof:
        """Read the file; raises NotGenuine where it is none."""
        match = _PROOF.fullmatch(text)
        hashes = tuple(decoded(line) for line in match[3].splitlines()) if match else ()
        if match is None or len(hashes) > _MOST_HASHES or any(len(one) != _HASH_BYTES for one in hashes):
            raise NotGenuine("is no proof of an entry", where="proof", hint=f"expected a file that begins {HEADER}")
        return cls(decoded(match[1]), int(match[2]), hashes, match[4])

    def check(self, key: PublicKey) -> Checkpoint:
        """Return the checkpoint whose tree has the entry; raises NotGenuine where it has not."""
        checkpoint = Checkpoint.read(self.checkpoint, key)
        root = included_root(self.index, checkpoint.size, leaf_hash(self.entry), self.hashes)
        if root != checkpoint.root:
            raise NotGenuine("the log has no such entry there", where=f"entry {self.index}", hint="ask for a new proof")
        return checkpoint
