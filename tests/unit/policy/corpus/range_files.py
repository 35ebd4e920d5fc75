"""Builders for the public ranges: files of hashes whose passwords the test knows."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from credwatch.policy.corpus.building import build_corpus
from credwatch.policy.corpus.corpus import Corpus
from credwatch.policy.corpus.ranges import ranges_at


def sha1(password: str) -> str:
    """Return a password's SHA-1 in hexadecimal digits."""
    return hashlib.sha1(password.encode()).hexdigest().upper()


def write_file(path: Path, counts: Mapping[str, int], end: str = "\r\n") -> Path:
    """Write one file of whole hashes, `HASH:COUNT`, in their order."""
    path.write_bytes("".join(f"{digest}:{count}{end}" for digest, count in sorted(counts.items())).encode())
    return path


def write_folder(folder: Path, counts: Mapping[str, int], *, packed: bool = False) -> Path:
    """Write a file for each range that has hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, digests in groupby(sorted(counts), key=lambda digest: digest[:5]):
        text = "\r\n".join(f"{digest[5:]}:{counts[digest]}" for digest in digests).encode()
        path = folder / (f"{prefix}.gz" if packed else f"{prefix}.txt")
        path.write_bytes(gzip.compress(text) if packed else text)
    return folder


def a_corpus(folder: Path, passwords: Iterable[str] = ("giraffe houses", "con mèo đen")) -> Path:
    """Build a corpus of some passwords, and return its file."""
    source = write_file(folder / "pwned.txt", {sha1(password): 3 for password in passwords})
    build_corpus(ranges_at(source), folder / "breached.corpus")
    return folder / "breached.corpus"


def held(path: Path, digests: Iterable[str]) -> list[bool]:
    """Tell of each hash whether a corpus holds it."""
    with Corpus(path) as corpus:
        return [corpus.holds(int(digest[:15], 16)) for digest in digests]
