"""Stored passwords are told by scheme, cost and weakness alone."""

from __future__ import annotations

import base64
import hashlib

import argon2
import pytest

from credwatch.posture.hashes.recognise import LONGEST, recognise
from credwatch.posture.hashes.scheme import StoredPassword, Weakness

_SALT, _LONG = "abcdefgh", "Qm9vdHM" * 12
_ASPNET = base64.b64encode(bytes([1, 0, 0, 0, 2]) + (100_000).to_bytes(4, "big") + bytes(4) + b"\x17" * 48).decode()
_MD5 = hashlib.md5(b"x").hexdigest()
_SHA1 = hashlib.sha1(b"x").hexdigest()
_SHA256 = hashlib.sha256(b"x").hexdigest()
SCHEMES = [
    ("", "empty", "", Weakness.EMPTY),
    (f"$1${_SALT}$Qm9vdHM", "md5_crypt", "", Weakness.BROKEN),
    (f"$apr1${_SALT}$Qm9vdHM", "md5_crypt", "", Weakness.BROKEN),
    (f"$5${_SALT}${_LONG}", "sha256_crypt", "rounds=5000", Weakness.NOTHING),
    (f"$6$rounds=656000${_SALT}${_LONG}", "sha512_crypt", "rounds=656000", Weakness.NOTHING),
    (f"$6$rounds=1000${_SALT}${_LONG}", "sha512_crypt", "rounds=1000", Weakness.LOW_COST),
    (f"$y$j9T${_SALT}${_LONG}", "yescrypt", "", Weakness.NOTHING),
    (f"$7$CU..../....{_SALT}${_LONG}", "scrypt", "N=2^14,r=32,p=1", Weakness.LOW_COST),
    ("$2b$12$" + "a" * 53, "bcrypt", "cost=12", Weakness.NOTHING),
    ("$2y$08$" + "a" * 53, "bcrypt", "cost=8", Weakness.LOW_COST),
    ("$wp$2y$10$" + "a" * 53, "bcrypt", "cost=10", Weakness.NOTHING),
    ("bcrypt_sha256$$2b$12$" + "a" * 53, "bcrypt", "cost=12", Weakness.NOTHING),
    ("rl0uE1zGjm3Hk", "des_crypt", "", Weakness.BROKEN),
    ("_J9..rasmBYk8r9AiWNc", "bsdi_des", "", Weakness.BROKEN),
    ("{CRYPT}rl0uE1zGjm3Hk", "des_crypt", "", Weakness.BROKEN),
    (f"{{CRYPT}}$6${_SALT}${_LONG}", "sha512_crypt", "rounds=5000", Weakness.NOTHING),
    (f"{{ARGON2}}$argon2i$v=19$m=4096,t=3,p=1${_LONG}", "argon2i", "m=4096,t=3,p=1", Weakness.LOW_COST),
    ("{SSHA}Qm9vdHM=", "salted_sha1", "", Weakness.BROKEN),
    ("{SHA}Qm9vdHM=", "unsalted_digest", "", Weakness.UNSALTED),
    ("{MD5}Qm9vdHM=", "unsalted_digest", "", Weakness.UNSALTED),
    ("{SSHA512}Qm9vdHM=", "salted_sha2", "", Weakness.FAST),
    ("{PBKDF2-SHA256}10000$Qm9v$Qm9v", "pbkdf2_sha256", "rounds=10000", Weakness.LOW_COST),
    ("{ssha}Qm9vdHM=", "salted_sha1", "", Weakness.BROKEN),
    ("{crypt}$1$abc$Qm9v", "md5_crypt", "", Weakness.BROKEN),
    ("{PBKDF2_SHA256}AAAIAGFzZGFzZGFz", "pbkdf2_sha256", "rounds=2048", Weakness.LOW_COST),
    ("{PBKDF2_SHA256}10000000$Qm9v$Qm9v", "pbkdf2_sha256", "rounds=10000000", Weakness.NOTHING),
    ("{KERBEROS}lan@ACME", "delegated", "", Weakness.NOTHING),
    ("{CLEARTEXT}hunter2", "plain", "", Weakness.PLAIN),
    ("{SASL}lan@ACME", "delegated", "", Weakness.NOTHING),
    ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$Qm9v", "argon2id", "m=65536,t=3,p=4", Weakness.NOTHING),
    ("$argon2id$v=19$m=7168,t=5,p=1$c2FsdA$Qm9v", "argon2id", "m=7168,t=5,p=1", Weakness.NOTHING),
    ("$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$Qm9v", "argon2id", "m=19456,t=1,p=1", Weakness.LOW_COST),
    ("argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$Qm9v", "argon2id", "m=102400,t=2,p=8", Weakness.NOTHING),
    ("pbkdf2_sha256$1000000$c2FsdA$Qm9v=", "pbkdf2_sha256", "rounds=1000000", Weakness.NOTHING),
    ("pbkdf2_sha256$260000$c2FsdA$Qm9v=", "pbkdf2_sha256", "rounds=260000", Weakness.LOW_COST),
    ("pbkdf2:sha256:600000$c2FsdA$00", "pbkdf2_sha256", "rounds=600000", Weakness.NOTHING),
    ("$pbkdf2-sha512$210000$Qm9v$Qm9v", "pbkdf2_sha512", "rounds=210000", Weakness.NOTHING),
    ("$pbkdf2$131000$Qm9v$Qm9v", "pbkdf2_sha1", "rounds=131000", Weakness.LOW_COST),
    ("SCRAM-SHA-256$4096:c2FsdA==$Qm9v:Qm9v", "pbkdf2_sha256", "rounds=4096", Weakness.LOW_COST),
    (_ASPNET, "pbkdf2_sha512", "rounds=100000", Weakness.LOW_COST),
    ("scrypt:131072:8:1$c2FsdA$00", "scrypt", "N=2^17,r=8,p=1", Weakness.NOTHING),
    ("scrypt:32768:8:1$c2FsdA$00", "scrypt", "N=2^15,r=8,p=1", Weakness.LOW_COST),
    ("scrypt$c2FsdA$16384$8$5$Qm9v", "scrypt", "N=2^14,r=8,p=5", Weakness.NOTHING),
    ("$scrypt$ln=16,r=8,p=1$Qm9v$Qm9v", "scrypt", "N=2^16,r=8,p=1", Weakness.LOW_COST),
    ("$P$B12345678Qm9v", "phpass_md5", "", Weakness.BROKEN),
    ("sha1$c2Fs$00", "salted_sha1", "", Weakness.BROKEN),
    ("*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9", "mysql_native", "", Weakness.UNSALTED),
    (f"md5{_MD5}", "postgresql_md5", "", Weakness.BROKEN),
    (_MD5, "md5_or_ntlm", "", Weakness.UNSALTED),
    (_SHA1.upper(), "sha1", "", Weakness.UNSALTED),
    (_SHA256, "unsalted_sha2", "", Weakness.UNSALTED),
    (f"{_MD5}:salt", "salted_md5", "", Weakness.BROKEN),
    (f"{_MD5}:{_MD5}", "ntlm", "", Weakness.UNSALTED),
    (base64.b64encode(bytes.fromhex(_SHA1)).decode(), "unsalted_digest", "", Weakness.UNSALTED),
    ("hunter2", "plain", "", Weakness.PLAIN),
    ("correct horse battery staple", "plain", "", Weakness.PLAIN),
    ("$99$whatever$this", "unknown", "", Weakness.NOTHING),
    ("x" * (LONGEST + 1), "unknown", "", Weakness.NOTHING),
]


@pytest.mark.parametrize(("text", "scheme", "cost", "weakness"), SCHEMES, ids=[it[0][:24] or "empty" for it in SCHEMES])
def test_schemes(text: str, scheme: str, cost: str, weakness: Weakness) -> None:
    """Each form of a stored password has its scheme, its cost, and what is wrong with it."""
    assert StoredPassword(scheme, cost, weakness) == recognise(text)


@pytest.mark.parametrize("lock", ["!", "!!", "*", "*LK*", "x", "!*"])
def test_locked(lock: str) -> None:
    """What no password can match is locked, and so not weak."""
    assert StoredPassword("locked", is_locked=True) == recognise(lock)


def test_a_hash_behind_a_lock() -> None:
    """The scheme behind a lock is told, for it counts again without the lock."""
    assert StoredPassword("md5_crypt", is_locked=True) == recognise("!$1$abcdefgh$Qm9vdHM")


def test_no_password() -> None:
    """An account that logs in elsewhere has none, which is no weakness."""
    assert StoredPassword("none") == recognise(None)


def test_what_argon2_cffi_writes() -> None:
    """A hash that the library makes with its own defaults is enough."""
    written = argon2.PasswordHasher().hash("hunter2")
    assert ("argon2id", Weakness.NOTHING) == (recognise(written).scheme, recognise(written).weakness)


@pytest.mark.parametrize("stored", ["{CRYPT}!", "{crypt}*", "{CRYPT}x", f"{{CRYPT}}!$6${_SALT}${_LONG}"])
def test_a_lock_behind_crypt_is_a_lock(stored: str) -> None:
    """Directories lock as shadow(5) does, behind the name of the scheme."""
    assert recognise(stored).is_locked
