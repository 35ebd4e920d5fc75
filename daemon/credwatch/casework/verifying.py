"""Checks a file that an installation has signed, with nothing but the file and the public key."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import IO

from credwatch.kernel.errors import CredwatchError
from credwatch.ledger import export
from credwatch.ledger.export import Checked
from credwatch.ledger.manifest import MANIFEST, STAMPED, read_manifest
from credwatch.ledger.note import NotGenuine, PublicKey
from credwatch.ledger.proof import HEADER, EntryProof
from credwatch.ledger.timestamp import Stamp, check, roots_in

_MOST_PROOF = 10_000_000
_MOST_ARCHIVE = 2_000_000_000


class Unverifiable(CredwatchError):
    """The file cannot be read, or is none that anybody has signed."""


def key_named(text: str) -> PublicKey:
    """Read a key as it was typed, or from the file that was named instead; raises NotGenuine or Unverifiable."""
    path = Path(text)
    try:
        return PublicKey.read(path.read_text(encoding="ascii") if "+" not in text and path.is_file() else text)
    except (OSError, UnicodeDecodeError) as error:
        raise Unverifiable("the key cannot be read", where=str(path), hint="give what `audit key` writes") from error


def stamp_of(file: Path, roots: Path, reply: Path | None = None) -> Stamp | None:
    """Say what an authority has stamped of a proof, or of an archive of evidence; None where it has no stamp.

    `reply` is the stamp of a proof; an archive has its own. Raises NotGenuine where it is none, or no certificate in
    `roots` leads to it, and Unverifiable where something cannot be read.
    """
    try:
        certificates = roots_in(roots.read_bytes(), str(roots))
        if reply is not None:
            note = EntryProof.read(file.read_text(encoding="utf-8", errors="replace")).checkpoint
            return check(reply.read_bytes()[:_MOST_PROOF], note, certificates)
        with zipfile.ZipFile(file) as archive:
            if f"{STAMPED}.tsr" not in archive.namelist():
                return None
            note = archive.read(f"{STAMPED}.txt").decode("utf-8", "replace")
            return check(archive.read(f"{STAMPED}.tsr"), note, certificates)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        hint = "name the stamp that `credwatch audit proof --stamp` wrote, and the authority's certificates"
        raise Unverifiable(f"cannot be read: {error}", where=str(reply or file), hint=hint) from error


def verify(file: Path, key: PublicKey) -> Checked:
    """Say what a file is and what is wrong with it; raises NotGenuine where the key has not signed it, Unverifiable."""
    try:
        with file.open("rb") as content:
            start = content.read(len(HEADER))
            content.seek(0)
            if start == HEADER.encode():
                return _checked_proof(content.read(_MOST_PROOF).decode("utf-8", "replace"), key)
            if start.startswith(b"PK"):
                return _checked_archive(content, key)
            if start.startswith(b"{"):
                return export.check(content, key)
    except (OSError, zipfile.BadZipFile) as error:
        raise Unverifiable(f"cannot be read: {error}", where=str(file), hint="name a file") from error
    hint = "expected an export, a .tlog-proof or an archive of evidence"
    raise Unverifiable("is no file that credwatch signs", where=str(file), hint=hint)


def _checked_proof(text: str, key: PublicKey) -> Checked:
    proof = EntryProof.read(text)
    try:
        checkpoint = proof.check(key)
    except NotGenuine as error:
        return Checked("", 0, (str(error),))
    return Checked(checkpoint.origin, checkpoint.size, ())


def _checked_archive(content: IO[bytes], key: PublicKey) -> Checked:
    """Hold an archive against its manifest, and each proof in it against the key."""
    with zipfile.ZipFile(content) as archive:
        names = archive.namelist()
        if MANIFEST not in names or sum(about.file_size for about in archive.infolist()) > _MOST_ARCHIVE:
            raise Unverifiable("is no archive of evidence, or one too large to be looked through", where=MANIFEST)
        listed, origin = read_manifest(archive.read(MANIFEST).decode("utf-8", "replace"), key)
        problems = [f"{name} is missing" for name in sorted({*listed} - {*names})]
        problems += [f"{name} was put in" for name in sorted({*names} - {*listed, MANIFEST})]
        problems += [f"{name} stands there twice" for name in sorted(set(names)) if names.count(name) > 1]
        for name in sorted({*listed} & {*names}):
            problems += _problems_of(name, archive.read(name), listed[name], key)
    return Checked(origin, len(listed), tuple(problems))


def _problems_of(name: str, content: bytes, digest: str, key: PublicKey) -> list[str]:
    if hashlib.sha256(content).hexdigest() != digest:
        return [f"{name} was changed"]
    if not name.endswith(".tlog-proof"):
        return []
    return [f"{name}: {problem}" for problem in _checked_proof(content.decode("utf-8", "replace"), key).problems]
