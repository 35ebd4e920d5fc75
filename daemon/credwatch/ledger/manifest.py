"""The manifest of an archive of evidence: what is in it, with the SHA-256 of each file, as a signed note."""

from __future__ import annotations

import re

from credwatch.ledger.note import NotGenuine, PublicKey, opened

MANIFEST = "MANIFEST"
"""Its name in the archive."""
STAMPED = "audit/stamped-checkpoint"
"""The name, less its ending, of a checkpoint that an authority has stamped (.txt), and of the stamp (.tsr)."""
_FORMAT = "credwatch-evidence@v1"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def manifest(number: str, sums: str) -> str:
    """Write its text, from the number of the case and lines as sha256sum writes them."""
    return f"{_FORMAT}\n{number}\n{sums}"


def read_manifest(note: str, key: PublicKey) -> tuple[dict[str, str], str]:
    """Return the digest of each file, and who signed it for which case; raises NotGenuine."""
    text, name = opened(note, key)
    lines = text.splitlines()
    matches = [_LINE.fullmatch(line) for line in lines[2:]]
    if lines[:1] != [_FORMAT] or not all(matches):
        raise NotGenuine("is no manifest of evidence", where=MANIFEST, hint=f"expected {_FORMAT}")
    return {match[2]: match[1] for match in matches if match}, f"{name}, case {lines[1]}"
