"""Tells whether a word is a stored password: argon2, crypt(5), LDAP, PBKDF2, scrypt, bare digests.

Only with libraries that are here anyway: argon2-cffi, hashlib, and libcrypt of the system, which has bcrypt, yescrypt
and all else of crypt(5). What costs more than a bound for one word is left alone.
"""

from __future__ import annotations

import base64
import binascii
import ctypes
import hashlib
import re
from collections.abc import Callable
from functools import cache
from hmac import compare_digest

from argon2 import low_level
from argon2.exceptions import Argon2Error, VerifyMismatchError

from credwatch.policy.corpus.digests import md4

Trial = Callable[[str], bool]
"""Tells whether a word is the password."""
_Maker = Callable[[re.Match[str], str], Trial | None]

_MOST_ARGON2_KIB, _MOST_ARGON2_PASSES = 256 * 1024, 100
_MOST_ROUNDS, _MOST_BCRYPT, _MOST_SCRYPT_BYTES = 5_000_000, 14, 256 * 1024 * 1024
_NUMBER = r"[0-9]{1,9}"
_LDAP_DIGESTS = {"MD5": "md5", "SMD5": "md5", "SHA": "sha1", "SSHA": "sha1"}
_LDAP_DIGESTS |= {f"{salt}SHA{bits}": f"sha{bits}" for bits in (256, 384, 512) for salt in ("", "S")}
_HEX_DIGESTS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}


class CannotTryError(Exception):
    """The stored password is not what it looks like, or this machine cannot try it; says nothing of it."""


def trial_of(stored: str, user: str) -> Trial | None:
    """Give what tells whether a word is a stored password; None where nobody here can tell.

    The trial raises CannotTryError where the stored password is broken.
    """
    for pattern, maker in _MAKERS:
        if match := pattern.match(stored):
            try:
                return maker(match, user)
            except (ValueError, KeyError, binascii.Error):
                return None
    return None


def _argon2(match: re.Match[str], _user: str) -> Trial | None:
    if int(match["m"]) > _MOST_ARGON2_KIB or int(match["t"]) > _MOST_ARGON2_PASSES:
        return None
    kinds = {"id": low_level.Type.ID, "i": low_level.Type.I, "d": low_level.Type.D}
    kind, stored = kinds[match["kind"]], match["hash"].encode()

    def is_it(word: str) -> bool:
        try:
            return low_level.verify_secret(stored, word.encode(), kind)
        except VerifyMismatchError:
            return False
        except Argon2Error:
            raise CannotTryError from None

    return is_it


def _crypt(match: re.Match[str], _user: str) -> Trial | None:
    stored, library = match["hash"].encode(), _libcrypt()
    if library is None or int(match["cost"] or 0) > _MOST_BCRYPT or int(match["rounds"] or 0) > _MOST_ROUNDS:
        return None

    def is_it(word: str) -> bool:
        result = library(word.encode(), stored)
        if not result or result.startswith(b"*"):
            raise CannotTryError
        return compare_digest(result, stored)

    return is_it


@cache
def _libcrypt() -> Callable[[bytes, bytes], bytes | None] | None:
    """Find crypt(3), which the module of the standard library wrapped until 3.13."""
    try:
        function = ctypes.CDLL("libcrypt.so.1").crypt
    except (OSError, AttributeError):
        return None
    function.argtypes, function.restype = (ctypes.c_char_p, ctypes.c_char_p), ctypes.c_char_p
    return function


def _ldap(match: re.Match[str], _user: str) -> Trial | None:
    """Compare with a digest that the salt stands behind (RFC 2307 and its kin)."""
    name = _LDAP_DIGESTS[match["name"].upper()]
    packed = base64.b64decode(match["packed"], validate=True)
    size = hashlib.new(name, usedforsecurity=False).digest_size
    digest, salt = packed[:size], packed[size:]
    return None if len(digest) < size else lambda word: compare_digest(_digest(name, word.encode() + salt), digest)


def _pbkdf2(match: re.Match[str], _user: str) -> Trial | None:
    parts = match.groupdict()
    name, rounds = (parts["name"] or "sha1").lower().replace("-", ""), int(parts["rounds"])
    if rounds > _MOST_ROUNDS:
        return None
    if "salt" in parts:  # Django and Werkzeug: the salt as it stands
        salt = parts["salt"].encode()
        key = bytes.fromhex(parts["hex"]) if parts.get("hex") else base64.b64decode(parts["packed"], validate=True)
    else:
        salt, key = _unpacked(parts["packed_salt"]), _unpacked(parts["packed"])
    return lambda word: compare_digest(hashlib.pbkdf2_hmac(name, word.encode(), salt, rounds, len(key)), key)


def _scrypt(match: re.Match[str], _user: str) -> Trial | None:
    parts = match.groupdict()
    n, r, p = (int(parts[name]) for name in ("n", "r", "p"))
    if 128 * n * r * max(p, 1) > _MOST_SCRYPT_BYTES:
        return None
    salt = parts["salt"].encode()
    key = bytes.fromhex(parts["hex"]) if parts.get("hex") else base64.b64decode(parts["packed"], validate=True)
    most = 2 * _MOST_SCRYPT_BYTES
    return lambda word: compare_digest(
        hashlib.scrypt(word.encode(), salt=salt, n=n, r=r, p=p, maxmem=most, dklen=len(key)), key
    )


def _salted_hex(match: re.Match[str], _user: str) -> Trial | None:
    name, salt, digest = match["name"], match["salt"].encode(), bytes.fromhex(match["hex"])
    return lambda word: compare_digest(_digest(name, salt + word.encode()), digest)


def _hex(match: re.Match[str], _user: str) -> Trial | None:
    """Compare with a bare digest; one of 32 digits may be MD5 or NTLM."""
    digest = bytes.fromhex(match["hex"])
    name = _HEX_DIGESTS[len(match["hex"])]
    if name == "md5":
        return lambda word: digest in (_digest("md5", word.encode()), md4(word.encode("utf-16-le")))
    return lambda word: compare_digest(_digest(name, word.encode()), digest)


def _ntlm(match: re.Match[str], _user: str) -> Trial | None:
    digest = bytes.fromhex(match["hex"])
    return lambda word: compare_digest(md4(word.encode("utf-16-le")), digest)


def _mysql(match: re.Match[str], _user: str) -> Trial | None:
    digest = bytes.fromhex(match["hex"])
    return lambda word: compare_digest(_digest("sha1", _digest("sha1", word.encode())), digest)


def _postgresql(match: re.Match[str], user: str) -> Trial | None:
    digest = bytes.fromhex(match["hex"])
    return lambda word: compare_digest(_digest("md5", (word + user).encode()), digest)


def _clear(match: re.Match[str], _user: str) -> Trial | None:
    stored = match["text"].encode()
    return lambda word: compare_digest(word.encode(), stored)


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.new(name, content, usedforsecurity=False).digest()


def _unpacked(text: str) -> bytes:
    """Read base64 as passlib writes it: a dot for the plus, and nothing behind."""
    plain = text.replace(".", "+").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


_B64 = r"[A-Za-z0-9+/]+={0,2}"
_MAKERS: tuple[tuple[re.Pattern[str], _Maker], ...] = tuple(
    (re.compile(pattern), maker)
    for pattern, maker in (
        (
            r"(?:(?i:\{ARGON2(?:ID|I)?\})|argon2(?=\$))?(?P<hash>\$argon2(?P<kind>id|i|d)\$(?:v=\d\d\$)?"
            rf"m=(?P<m>{_NUMBER}),t=(?P<t>{_NUMBER}),p={_NUMBER}\$[^$]+\$[^$]+)\Z",
            _argon2,
        ),
        (
            r"(?:(?i:\{(?:CRYPT|BLF-CRYPT|BCRYPT|(?:MD5|SHA256|SHA512|DES)-CRYPT)\})|bcrypt\$(?=\$2))?"
            rf"(?P<hash>\$2[abxy]\$(?P<cost>\d\d)\$.{{53}}|\$[56]\$(?:rounds=(?P<rounds>{_NUMBER})\$)?.+"
            r"|\$(?:1|y|gy|7)\$.+|_[./0-9A-Za-z]{19}|(?=.*[A-Z])(?=.*[a-z])[./0-9A-Za-z]{13})\Z",
            _crypt,
        ),
        (rf"(?i:\{{(?P<name>S?MD5|S?SHA(?:256|384|512)?)\}})(?P<packed>{_B64})\Z", _ldap),
        (rf"pbkdf2_(?P<name>sha(?:1|256|512))\$(?P<rounds>{_NUMBER})\$(?P<salt>[^$]*)\$(?P<packed>{_B64})\Z", _pbkdf2),
        (rf"pbkdf2:(?P<name>sha1|sha256|sha512):(?P<rounds>{_NUMBER})\$(?P<salt>[^$]*)\$(?P<hex>[0-9a-f]+)\Z", _pbkdf2),
        (
            rf"(?:\$pbkdf2(?:-(?P<name>sha\d+))?\$)(?P<rounds>{_NUMBER})\$(?P<packed_salt>[A-Za-z0-9./+]*)"
            r"\$(?P<packed>[A-Za-z0-9./+]+)\Z",
            _pbkdf2,
        ),
        (
            rf"(?i:\{{PBKDF2(?:[-_](?P<name>SHA-?\d+))?\}})(?P<rounds>{_NUMBER})\$(?P<packed_salt>[A-Za-z0-9./+=]*)"
            r"\$(?P<packed>[A-Za-z0-9./+=]+)\Z",
            _pbkdf2,
        ),
        (rf"scrypt:(?P<n>{_NUMBER}):(?P<r>{_NUMBER}):(?P<p>{_NUMBER})\$(?P<salt>[^$]+)\$(?P<hex>[0-9a-f]+)\Z", _scrypt),
        (
            rf"scrypt\$(?P<salt>[^$]*)\$(?P<n>{_NUMBER})\$(?P<r>{_NUMBER})\$(?P<p>{_NUMBER})\$(?P<packed>{_B64})\Z",
            _scrypt,
        ),
        (r"(?P<name>md5|sha1)\$(?P<salt>[^$]*)\$(?P<hex>[0-9a-f]+)\Z", _salted_hex),
        (r"(?i:\{(?:CLEARTEXT|PLAIN|CLEAR)\})(?P<text>.+)\Z", _clear),
        (r"\*(?P<hex>[0-9A-F]{40})\Z", _mysql),
        (r"md5(?P<hex>[0-9a-f]{32})\Z", _postgresql),
        (r"(?:\$3\$\$|(?i:\{(?:NT|NTLM|NTHASH)\})|[0-9A-Fa-f]{32}:)(?P<hex>[0-9A-Fa-f]{32})\Z", _ntlm),
        (rf"(?P<hex>{'|'.join(f'[0-9A-Fa-f]{{{size}}}' for size in _HEX_DIGESTS)})\Z", _hex),
    )
)  # fmt: skip
