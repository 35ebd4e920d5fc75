"""Recognises stored passwords: crypt(5), LDAP (RFC 2307), PHC strings, frameworks, databases, bare digests.

The patterns stand from the most to the least particular, and the first one that fits counts. What nothing fits is
taken for the password itself where it looks as people write them, and for unknown otherwise.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from credwatch.posture.hashes import families, floors
from credwatch.posture.hashes.scheme import StoredPassword, Weakness

LONGEST = 4096
"""No stored password is longer; what is, is none."""
_LONGEST_PLAIN = 64
_NUMBER = r"[0-9]{1,9}"
_BROKEN, _UNSALTED, _FAST = Weakness.BROKEN, Weakness.UNSALTED, Weakness.FAST
_Reader = Callable[[re.Match[str]], StoredPassword]

_NONE = StoredPassword("none")
_EMPTY = StoredPassword("empty", weakness=Weakness.EMPTY)
_PLAIN = StoredPassword("plain", weakness=Weakness.PLAIN)
_UNKNOWN = StoredPassword("unknown")

_ARGON2 = rf"\$argon2(?P<variant>id|i|d)\$(?:v=\d\d\$)?m=(?P<m>{_NUMBER}),t=(?P<t>{_NUMBER}),p=(?P<p>{_NUMBER})"
_UNSALTED_SHA2 = families.named("unsalted_sha2", _UNSALTED)

_PATTERNS: tuple[tuple[str, _Reader], ...] = (
    # PHC strings and crypt(5)
    (_ARGON2, families.argon2),
    (r"(?:\$wp)?\$2[abxy]?\$(?P<cost>[0-9]{2})\$", families.bcrypt),
    (rf"\$bcrypt-sha256\$(?:v={_NUMBER},)?(?:t=)?2[aby],(?:r=)?(?P<cost>[0-9]{{1,2}})\$", families.bcrypt),
    (rf"\$(?P<id>[56])\$(?:rounds=(?P<rounds>{_NUMBER})\$)?", families.sha_crypt),
    (r"\$g?y\$", families.named("yescrypt")),
    (r"\$7\$(?P<n>[./0-9A-Za-z])(?P<r>[./0-9A-Za-z]{5})(?P<p>[./0-9A-Za-z]{5})", families.scrypt_of_crypt),
    (r"\$(?:1|apr1)\$", families.named("md5_crypt", _BROKEN)),
    (r"\$md5[,$]", families.named("sun_md5", _BROKEN)),
    (r"\$sha1\$", families.named("sha1_crypt", _BROKEN)),
    (r"\$3\$", families.named("ntlm", _UNSALTED)),
    (r"\$[PH]\$", families.named("phpass_md5", _BROKEN)),
    (r"\$S\$", families.named("drupal_sha512")),
    (r"\$A\$[0-9]{3}\$", families.named("mysql_caching_sha2")),
    # PBKDF2 and scrypt, as frameworks and servers write them
    (rf"\$pbkdf2(?:-(?P<digest>sha\d+))?\$(?P<rounds>{_NUMBER})\$", families.pbkdf2),
    (rf"pbkdf2_(?P<digest>[a-z0-9]{{3,8}})\$(?P<rounds>{_NUMBER})\$", families.pbkdf2),
    (rf"pbkdf2:(?P<digest>[a-z0-9]{{3,8}}):(?P<rounds>{_NUMBER})\$", families.pbkdf2),
    (rf"\{{PBKDF2_SHA256\}}(?!{_NUMBER}\$)(?P<packed>[A-Za-z0-9+/]{{8}})", families.packed_pbkdf2),
    (rf"\{{PBKDF2(?:[-_](?P<digest>SHA-?\d+))?\}}(?P<rounds>{_NUMBER})\$", families.pbkdf2),
    (rf"SCRAM-(?P<digest>SHA-256)\$(?P<rounds>{_NUMBER}):", families.pbkdf2),
    (rf"\$scrypt\$ln=(?P<ln>[0-9]{{1,2}}),r=(?P<r>{_NUMBER}),p=(?P<p>{_NUMBER})\$", families.scrypt),
    (rf"scrypt:(?P<n>{_NUMBER}):(?P<r>{_NUMBER}):(?P<p>{_NUMBER})\$", families.scrypt),
    (rf"scrypt\$[^$]*\$(?P<n>{_NUMBER})\$(?P<r>{_NUMBER})\$(?P<p>{_NUMBER})\$", families.scrypt),
    # Old frameworks
    (r"unsalted_md5\$|unsalted_sha1\$", families.named("unsalted_digest", _UNSALTED)),
    (r"md5\$", families.named("salted_md5", _BROKEN)),
    (r"sha1\$", families.named("salted_sha1", _BROKEN)),
    (r"sha(?:224|256|384|512)\$", families.named("salted_sha2", _FAST)),
    # LDAP servers
    (r"\{(?:SHA|MD5)\}", families.named("unsalted_digest", _UNSALTED)),
    (r"\{(?:SHA256|SHA384|SHA512)\}", families.named("unsalted_sha2", _UNSALTED)),
    (r"\{SMD5\}", families.named("salted_md5", _BROKEN)),
    (r"\{SSHA\}", families.named("salted_sha1", _BROKEN)),
    (r"\{SSHA(?:256|384|512)\}", families.named("salted_sha2", _FAST)),
    (r"\{(?:NT|NTLM|NTHASH|LANMAN)\}", families.named("ntlm", _UNSALTED)),
    (r"\{(?:CLEARTEXT|PLAIN|CLEAR)\}", families.named("plain", Weakness.PLAIN)),
    (r"\{(?:SASL|KERBEROS|RADIUS)\}", families.named("delegated")),
    # Databases, Windows, and bare digests
    (r"\*[0-9A-F]{40}\Z", families.named("mysql_native", _UNSALTED)),
    (r"md5[0-9a-f]{32}\Z", families.named("postgresql_md5", _BROKEN)),
    (r"[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}\Z", families.named("ntlm", _UNSALTED)),
    (r"[0-9A-Fa-f]{32}\Z", families.named("md5_or_ntlm", _UNSALTED)),
    (r"[0-9A-Fa-f]{40}\Z", families.named("sha1", _UNSALTED)),
    (r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})\Z", _UNSALTED_SHA2),
    (r"[0-9A-Fa-f]{32}:.", families.named("salted_md5", _BROKEN)),
    (r"[0-9A-Fa-f]{40}:.", families.named("salted_sha1", _BROKEN)),
    (r"(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{128}):.", families.named("salted_sha2", _FAST)),
    (r"_[./0-9A-Za-z]{19}\Z", families.named("bsdi_des", _BROKEN)),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), reader) for pattern, reader in _PATTERNS)
_DES = re.compile(r"[./0-9A-Za-z]{13}\Z")
_WRAPPED = re.compile(
    r"(?:\{(?:CRYPT|ARGON2(?:ID|I)?|BLF-CRYPT|BCRYPT|(?:MD5|SHA256|SHA512|DES)-CRYPT)\}|argon2(?=\$)|bcrypt(?:_sha256)?\$)",
    re.IGNORECASE,
)
"""What LDAP servers, Dovecot and Django put before a hash of crypt(5) or a PHC string."""
_SCHEME = re.compile(r"\{[A-Za-z0-9-]{1,20}\}")
"""The name of a scheme, which is in any case (RFC 2307, section 5.3)."""
_LOCKED = re.compile(r"!+|\*(?:LK|NP|login)?\*?|x\Z", re.IGNORECASE)
_DIGEST_BYTES = (16, 20, 32, 64)
_ASPNET = {0: "sha1", 1: "sha256", 2: "sha512"}


def recognise(stored: str | None) -> StoredPassword:
    """Tell what a stored password is made with; None is an account that has none, as one that logs in elsewhere.

    Never raises, and what it returns holds no part of what it was given.
    """
    if stored is None:
        return _NONE
    if not stored:
        return _EMPTY
    if len(stored) > LONGEST:
        return _UNKNOWN
    scheme = _by_pattern(stored)
    if scheme is None and (lock := _LOCKED.match(stored)):
        return _locked(stored[lock.end() :])
    return scheme or _packed(stored) or _without_scheme(stored)


def _by_pattern(stored: str) -> StoredPassword | None:
    if wrapper := _WRAPPED.match(stored):
        return _wrapped(wrapper.group().upper(), stored[wrapper.end() :])
    stored = _SCHEME.sub(lambda scheme: scheme.group().upper(), stored, count=1) if stored[:1] == "{" else stored
    for pattern, reader in _COMPILED:
        if match := pattern.match(stored):
            return reader(match)
    return StoredPassword("des_crypt", weakness=_BROKEN) if _is_des(stored) else None


def _wrapped(wrapper: str, inner: str) -> StoredPassword | None:
    """Recognise what stands behind a wrapper; behind that of crypt(5), locks are as in shadow(5)."""
    if wrapper not in ("{CRYPT}", "{DES-CRYPT}"):
        return _by_pattern(inner)
    if _DES.match(inner):
        return StoredPassword("des_crypt", weakness=_BROKEN)
    scheme = _by_pattern(inner)
    lock = _LOCKED.match(inner) if scheme is None else None
    return _locked(inner[lock.end() :]) if lock else scheme


def _is_des(stored: str) -> bool:
    """Tell DES from a word of thirteen letters: two of the three kinds of signs stand in nearly every hash."""
    kinds = sum(any(test(sign) for sign in stored) for test in (str.islower, str.isupper, str.isdigit))
    return bool(_DES.match(stored)) and kinds >= 2


def _locked(inner: str) -> StoredPassword:
    """Tell of an account that no password opens; the hash behind the lock would hold again without it."""
    behind = _by_pattern(inner)
    return StoredPassword("locked", is_locked=True) if behind is None else _with_lock(behind)


def _with_lock(behind: StoredPassword) -> StoredPassword:
    return StoredPassword(behind.scheme, behind.cost, is_locked=True)


def _packed(stored: str) -> StoredPassword | None:
    """Recognise what is written as base64: ASP.NET Core Identity, or the digest of a hash function alone."""
    try:
        packed = base64.b64decode(stored, validate=True)
    except (binascii.Error, ValueError):
        return None
    if stored.endswith("=") and len(packed) in _DIGEST_BYTES:
        return StoredPassword("unsalted_digest", weakness=_UNSALTED)
    return _aspnet(packed)


def _aspnet(packed: bytes) -> StoredPassword | None:
    """Read version, digest, rounds and length of the salt."""
    if len(packed) == 49 and packed[0] == 0:
        return StoredPassword("pbkdf2_sha1", "rounds=1000", Weakness.LOW_COST)
    digest = _ASPNET.get(int.from_bytes(packed[1:5], "big")) if len(packed) >= 45 and packed[0] == 1 else None
    if digest is None:
        return None
    rounds = int.from_bytes(packed[5:9], "big")
    weakness = Weakness.NOTHING if floors.pbkdf2_is_enough(digest, rounds) else Weakness.LOW_COST
    return StoredPassword(f"pbkdf2_{digest}", f"rounds={rounds}", weakness)


def _without_scheme(stored: str) -> StoredPassword:
    looks_written = len(stored) <= _LONGEST_PLAIN and stored.isprintable() and stored[0] not in "${"
    return _PLAIN if looks_written else _UNKNOWN
