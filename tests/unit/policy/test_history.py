"""Past passwords are known again, as argon2id hashes only."""

import base64
import unicodedata

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from credwatch.kernel.account import Account
from credwatch.kernel.errors import ConfigurationError, StoreError
from credwatch.kernel.secret import Secret
from credwatch.policy.history import PasswordHistory
from credwatch.policy.profile import PasswordProfile
from credwatch.policy.sealing import Sealer
from unit.policy.gate_fakes import GOOD, KEY, LAN, START, MemoryPasswords, quick_hasher

OTHER_KEY = Secret(base64.b64encode(bytes(32)).decode())
REMEMBER_THREE = PasswordProfile(remember=3)


class CountingHasher(PasswordHasher):
    """Counts how many hashes are tried."""

    tried = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.tried += 1
        return bool(super().verify(hash, password))


def a_history(*passwords: str, hasher: PasswordHasher | None = None) -> PasswordHistory:
    """Build a history in which Lan has set these passwords, oldest first."""
    history = PasswordHistory(MemoryPasswords(), hasher or quick_hasher())
    for password in passwords:
        history.record(Secret(password), LAN, REMEMBER_THREE, START)
    return history


def test_the_last_ones_are_known() -> None:
    """The remembered number of passwords is refused, the one before them is free again."""
    history = a_history("one", "two", "three", "four")
    used = {word: history.used_before(Secret(word), LAN, REMEMBER_THREE) for word in ("one", "two", "three", "four")}
    assert used == {"one": False, "two": True, "three": True, "four": True}


def test_both_normal_forms_are_one_password() -> None:
    """A password set in NFD is known in NFC."""
    history = a_history(unicodedata.normalize("NFD", GOOD))
    assert history.used_before(Secret(unicodedata.normalize("NFC", GOOD)), LAN, REMEMBER_THREE)


def test_accounts_do_not_share_a_history() -> None:
    """The same name at another customer is another account."""
    assert not a_history("one").used_before(Secret("one"), Account("sen-vang", "lan"), REMEMBER_THREE)


@pytest.mark.parametrize("password", ["one", "three", "never used"])
def test_every_hash_is_tried(password: str) -> None:
    """The work is the same wherever the match stands."""
    hasher = CountingHasher(time_cost=1, memory_cost=64, parallelism=1)
    a_history("one", "two", "three", hasher=hasher).used_before(Secret(password), LAN, REMEMBER_THREE)
    assert hasher.tried == 3


def test_nothing_is_stored_that_is_not_needed() -> None:
    """A profile that remembers nothing stores nothing and forgets what was stored."""
    past = MemoryPasswords()
    history = PasswordHistory(past, quick_hasher())
    history.record(Secret("one"), LAN, REMEMBER_THREE, START)
    assert history.record(Secret("two"), LAN, PasswordProfile(), START) == 0
    assert past.hashes(LAN) == ()


def test_hashes_follow_rfc_9106() -> None:
    """By default a hash is argon2id with the second recommended option of RFC 9106."""
    past = MemoryPasswords()
    PasswordHistory(past).record(Secret(GOOD), LAN, REMEMBER_THREE, START)
    (stored,) = past.hashes(LAN)
    assert extract_parameters(stored) == RFC_9106_LOW_MEMORY
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_hashes_are_sealed() -> None:
    """With a sealing key no hash is stored in the open, earlier ones still count, and another key opens none."""
    past = MemoryPasswords()
    PasswordHistory(past, quick_hasher()).record(Secret("one"), LAN, REMEMBER_THREE, START)
    history = PasswordHistory(past, quick_hasher(), Sealer(KEY))
    history.record(Secret("two"), LAN, REMEMBER_THREE, START)
    sealed, plain = past.hashes(LAN)
    assert ("v1.", "$ar") == (sealed[:3], plain[:3])
    assert all(history.used_before(Secret(password), LAN, REMEMBER_THREE) for password in ("one", "two"))
    assert not history.used_before(Secret("three"), LAN, REMEMBER_THREE)
    with pytest.raises(ConfigurationError, match="password history was sealed with key"):
        PasswordHistory(past, quick_hasher(), Sealer(OTHER_KEY)).used_before(Secret("one"), LAN, REMEMBER_THREE)


def test_a_damaged_hash_is_an_error() -> None:
    """A hash that cannot be read is not taken for a password never used."""
    past = MemoryPasswords()
    past.kept[LAN] = ("not a hash",)
    with pytest.raises(StoreError, match="damaged"):
        PasswordHistory(past, quick_hasher()).used_before(Secret("one"), LAN, REMEMBER_THREE)


def test_lone_surrogates_are_hashed_without_complaint() -> None:
    """A password that the rules would refuse can still be recorded, for it was set already."""
    assert a_history("\ud800").used_before(Secret("\ud800"), LAN, REMEMBER_THREE)
