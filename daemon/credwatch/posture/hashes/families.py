"""Reads the parameters of hashes that name them, family by family.

Each reader takes the match of a pattern and gives what is told of it: numbers are read and written anew, so that no
part of a salt or hash can slip through.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from credwatch.posture.hashes import floors
from credwatch.posture.hashes.scheme import StoredPassword, Weakness

_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The digits of crypt(5), in their order."""
_DEFAULT_ROUNDS = 5000


def argon2(match: re.Match[str]) -> StoredPassword:
    """Read the PHC string of argon2 (RFC 9106, section 4)."""
    variant, memory, passes, lanes = match["variant"], *(int(match[name]) for name in ("m", "t", "p"))
    is_enough = floors.argon2_is_enough(memory, passes)
    return _rated(f"argon2{variant}", f"m={memory},t={passes},p={lanes}", is_enough)


def bcrypt(match: re.Match[str]) -> StoredPassword:
    """Read the cost of bcrypt, whatever the application has hashed before."""
    cost = int(match["cost"])
    return _rated("bcrypt", f"cost={cost}", floors.bcrypt_is_enough(cost))


def sha_crypt(match: re.Match[str]) -> StoredPassword:
    """Read the rounds of SHA-256 and SHA-512 of crypt(5)."""
    rounds = int(match["rounds"] or _DEFAULT_ROUNDS)
    name = "sha256_crypt" if match["id"] == "5" else "sha512_crypt"
    return _rated(name, f"rounds={rounds}", floors.crypt_is_enough(rounds))


def pbkdf2(match: re.Match[str]) -> StoredPassword:
    """Read digest and rounds of PBKDF2, as Django, Werkzeug, passlib, LDAP servers and PostgreSQL write them."""
    digest = (match["digest"] or "sha1").lower().replace("-", "")
    rounds = int(match["rounds"])
    name = digest if digest in ("sha1", "sha224", "sha256", "sha384", "sha512", "md5") else "other"
    return _rated(f"pbkdf2_{name}", f"rounds={rounds}", floors.pbkdf2_is_enough(name, rounds))


def packed_pbkdf2(match: re.Match[str]) -> StoredPassword:
    """Read the rounds of PBKDF2 as 389 Directory Server packed them once: four bytes before salt and hash."""
    rounds = int.from_bytes(base64.b64decode(match["packed"])[:4], "big")
    return _rated("pbkdf2_sha256", f"rounds={rounds}", floors.pbkdf2_is_enough("sha256", rounds))


def scrypt(match: re.Match[str]) -> StoredPassword:
    """Read N, r and p of scrypt; N is given, or its binary logarithm."""
    parts = match.groupdict()
    log_n = int(parts["ln"]) if parts.get("ln") else max(int(parts["n"]).bit_length() - 1, 0)
    block, lanes = int(parts["r"]), int(parts["p"])
    is_enough = floors.scrypt_is_enough(log_n, block, lanes)
    return _rated("scrypt", f"N=2^{log_n},r={block},p={lanes}", is_enough)


def scrypt_of_crypt(match: re.Match[str]) -> StoredPassword:
    """Read N of `$7$`: one digit of crypt(5), and r and p behind it with five each, the lowest first."""
    log_n = _DIGITS.index(match["n"])
    block, lanes = (_number(match[name]) for name in ("r", "p"))
    return _rated("scrypt", f"N=2^{log_n},r={block},p={lanes}", floors.scrypt_is_enough(log_n, block, lanes))


def named(scheme: str, weakness: Weakness = Weakness.NOTHING) -> Callable[[re.Match[str]], StoredPassword]:
    """Make a reader for a scheme without parameters."""
    told_so = StoredPassword(scheme, weakness=weakness)
    return lambda _match: told_so


def _rated(scheme: str, cost: str, is_enough: bool) -> StoredPassword:
    return StoredPassword(scheme, cost, Weakness.NOTHING if is_enough else Weakness.LOW_COST)


def _number(digits: str) -> int:
    return sum(_DIGITS.index(digit) << (6 * place) for place, digit in enumerate(digits))
