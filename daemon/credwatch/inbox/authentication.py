"""Whether our own mail server found a sender proven: its Authentication-Results field, read strictly (RFC 8601).

Anybody may write such a field into a mail. Those with the name of our server in them count, and no others; that server
takes such fields away from what comes from outside (section 5; docs/mail.md has the line for Postfix).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_WORD = r'(?:"(?:[^"\\]|\\.)*"|[^\s;=()"\\]+)'
_PAIR = re.compile(rf"\s*({_WORD})\s*=\s*({_WORD})")
_PLAIN = re.compile(r'[^\s;=()"\\]+')
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[()]|"|\\|[^"\\()]+')
_LONGEST = 8_000


class _Result(Struct, frozen=True):
    """What one method found."""

    method: str
    outcome: str
    properties: dict[str, str]


def is_proven(domain: str, fields: Iterable[str], server: str) -> bool:
    """Say whether a server of this name found mails from a domain proven: by DMARC, or by a signature of the domain.

    A signature counts that is of the From domain itself or of one above it (RFC 7489, section 3.1.1, without a list
    of public suffixes: nobody signs for one).
    """
    if not domain or not server:
        return False
    return any(_proves(result, domain.lower()) for field in fields for result in _results(field, server.lower()))


def _proves(result: _Result, domain: str) -> bool:
    if result.outcome != "pass":
        return False
    if result.method == "dmarc":
        return result.properties.get("header.from", "") == domain
    signer = result.properties.get("header.d", "") or result.properties.get("header.i", "").rpartition("@")[2]
    return result.method == "dkim" and "." in signer and (domain == signer or domain.endswith(f".{signer}"))


def _results(field: str, server: str) -> list[_Result]:
    """Read a field of this server; nothing where it is another's, or not written as the standard says."""
    bare = _without_comments(field[:_LONGEST])
    head, *rest = _parts(bare) if bare is not None else [""]
    words = head.lower().split()
    if not words or words[0].strip('"') != server or words[1:] not in ([], ["1"]):
        return []
    results = [_result(part) for part in rest if part.strip()]
    return [] if None in results else [result for result in results if result is not None]


def _result(part: str) -> _Result | None:
    """Read `method[/version]=result [reason=…] *(ptype.property=value)`; None where it is something else."""
    if part.strip().lower() == "none":
        return _Result("none", "", {})
    pairs, at = [], 0
    while part[at:].strip():
        match = _PAIR.match(part, at)
        if match is None:
            return None
        pairs.append((match[1].lower(), _unquoted(match[2]).lower()))
        at = match.end()
    if not pairs:
        return None
    method, outcome = pairs[0]
    # Of a property that is named twice nobody knows which one was meant.
    names = [name for name, _ in pairs[1:]]
    return _Result(method.partition("/")[0], outcome, {n: v for n, v in pairs[1:] if names.count(n) == 1})


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _parts(text: str) -> list[str]:
    """Split a field at its semicolons, those within quotation marks left alone."""
    return [part for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^;"])+', text)] or [""]


def _without_comments(text: str) -> str | None:
    """Take the comments out, which may hold others (RFC 5322, section 3.2.2); None where one does not end."""
    kept, depth = [], 0
    for piece in _PIECES.findall(text):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if depth < 0 or piece == '"':
            return None
        if not depth:
            kept.append(" " if piece == ")" else piece)
    return None if depth else "".join(kept)
