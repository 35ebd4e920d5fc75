"""Stored passwords are tried as the programs that wrote them do."""

from __future__ import annotations

import base64
import hashlib

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type

from credwatch.posture.guessing import trying
from credwatch.posture.guessing.trying import CannotTryError, trial_of

WORD, USER = "Tân phát@123", "lan"
RAW = WORD.encode()


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def as_passlib(content: bytes) -> str:
    return packed(content).rstrip("=").replace("+", ".")


def of_crypt(setting: str) -> str:
    library = trying._libcrypt()
    if library is None:
        pytest.skip("there is no libcrypt.so.1")
    stored = library(RAW, setting.encode())
    assert stored
    return stored.decode()


_KEY = hashlib.pbkdf2_hmac("sha256", RAW, b"salt", 10)
_SCRYPT = hashlib.scrypt(RAW, salt=b"salt", n=16, r=8, p=1, dklen=64)
_ARGON2 = {kind: PasswordHasher(1, 8, 1, type=kind).hash(WORD) for kind in Type}
FORMS = [
    *_ARGON2.values(),
    f"{{ARGON2}}{_ARGON2[Type.ID]}",
    f"argon2{_ARGON2[Type.ID]}",
    "{SSHA}" + packed(hashlib.sha1(RAW + b"salt").digest() + b"salt"),
    "{ssha}" + packed(hashlib.sha1(RAW + b"salt").digest() + b"salt"),
    "{SHA}" + packed(hashlib.sha1(RAW).digest()),
    "{MD5}" + packed(hashlib.md5(RAW).digest()),
    "{SMD5}" + packed(hashlib.md5(RAW + b"salt").digest() + b"salt"),
    "{SSHA512}" + packed(hashlib.sha512(RAW + b"salt").digest() + b"salt"),
    "{SHA256}" + packed(hashlib.sha256(RAW).digest()),
    f"pbkdf2_sha256$10$salt${packed(_KEY)}",
    f"pbkdf2:sha256:10$salt${_KEY.hex()}",
    f"$pbkdf2-sha256$10${as_passlib(b'salt')}${as_passlib(_KEY)}",
    f"{{PBKDF2-SHA256}}10${as_passlib(b'salt')}${as_passlib(_KEY)}",
    f"{{PBKDF2}}10${as_passlib(b'salt')}${as_passlib(hashlib.pbkdf2_hmac('sha1', RAW, b'salt', 10))}",
    f"scrypt:16:8:1$salt${_SCRYPT.hex()}",
    f"scrypt$salt$16$8$1${packed(_SCRYPT)}",
    f"sha1$salt${hashlib.sha1(b'salt' + RAW).hexdigest()}",
    f"md5$salt${hashlib.md5(b'salt' + RAW).hexdigest()}",
    "{CLEARTEXT}" + WORD,
    "*" + hashlib.sha1(hashlib.sha1(RAW).digest()).hexdigest().upper(),
    "md5" + hashlib.md5((WORD + USER).encode()).hexdigest(),
    "$3$$" + trying.md4(WORD.encode("utf-16-le")).hex(),
    trying.md4(WORD.encode("utf-16-le")).hex(),
    *(getattr(hashlib, name)(RAW).hexdigest() for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")),
]
SETTINGS = ["$1$salt", "$5$salt", "$6$rounds=1000$salt", "$2b$04$" + "a" * 21 + "u", "$y$j75$salt", "sl", "_J9..rasm"]


@pytest.mark.parametrize("stored", FORMS, ids=[form[:16] for form in FORMS])
def test_the_right_word_and_no_other_is_it(stored: str) -> None:
    """Each form is told from the word that it was made of, and from one that is nearly it."""
    trial = trial_of(stored, USER)
    assert trial is not None
    assert (True, False, False) == (trial(WORD), trial(WORD.lower()), trial(""))


@pytest.mark.parametrize("prefix", ["", "{CRYPT}", "{crypt}"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_what_crypt_has_made_is_tried(setting: str, prefix: str) -> None:
    """Every scheme of the system's crypt(3), bare and as directories write it."""
    trial = trial_of(prefix + of_crypt(setting), USER)
    assert trial is not None
    assert (True, False) == (trial(WORD), trial("T" if setting == "sl" else WORD.lower()))


@pytest.mark.parametrize(
    "stored",
    [
        *("", "!", "*", "x", "{CRYPT}!", "!$6$salt$abc", "{SASL}lan@ACME", "{SSHA}", "{SSHA}c2hvcnQ=", "{SSHA}%%%"),
        "$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHQ$aGFzaA",
        "$argon2id$v=19$m=65536,t=999999,p=4$c2FsdHNhbHQ$aGFzaA",
        "$2b$31$" + "a" * 53,
        "$6$rounds=999999999$salt$abc",
        "pbkdf2_sha256$999999999$salt$YWJj",
        "scrypt:1073741824:8:1$salt$00",
        "$P$B12345678Qm9v",
        "SCRAM-SHA-256$4096:c2FsdA==$Qm9v:Qm9v",
    ],
)
def test_what_cannot_be_tried_or_costs_too_much_is_left_alone(stored: str) -> None:
    """Locks, other schemes, broken ones, and such as would take minutes or gigabytes for one word."""
    assert trial_of(stored, USER) is None


@pytest.mark.parametrize("stored", ["$argon2id$v=19$m=8,t=1,p=1$?$?", "$y$?$abc$def", "$2b$04$" + "?" * 53])
def test_what_is_broken_within_is_told(stored: str) -> None:
    """It looks right and cannot be computed: nobody is called safe by it, and nothing of it is in the error."""
    trial = trial_of(stored, USER)
    assert trial is not None
    with pytest.raises(CannotTryError) as caught:
        trial(WORD)
    assert "" == str(caught.value)
