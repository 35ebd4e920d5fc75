"""Sealed secrets open for their account and key only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.account import Account
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret
from credwatch.policy.sealing import Sealer
from unit.policy.gate_fakes import KEY, LAN

OTHER_KEY = Secret(base64.b64encode(bytes(32)).decode())


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", max_size=64))
def test_what_is_sealed_opens_again(secret: str) -> None:
    """The same key and account give the secret back, and the seal does not show it."""
    sealed = Sealer(KEY).seal(Secret(secret), LAN)
    assert secret == Sealer(KEY).unseal(sealed, LAN).reveal()
    assert len(secret) < 4 or secret not in sealed


def test_each_seal_is_new() -> None:
    """The same secret is never sealed to the same text."""
    sealer = Sealer(KEY)
    assert sealer.seal(Secret("ABC"), LAN) != sealer.seal(Secret("ABC"), LAN)


def test_a_row_copied_to_another_account_stays_shut() -> None:
    """A seal is bound to its account."""
    sealed = Sealer(KEY).seal(Secret("ABC"), LAN)
    with pytest.raises(ConfigurationError, match="altered"):
        Sealer(KEY).unseal(sealed, Account("hoasen", "mai"))


def test_another_key_says_which() -> None:
    """A seal made with another key names both fingerprints, never the keys."""
    sealed = Sealer(KEY).seal(Secret("ABC"), LAN)
    with pytest.raises(ConfigurationError, match="was sealed with key") as caught:
        Sealer(OTHER_KEY).unseal(sealed, LAN)
    assert KEY.reveal() not in str(caught.value)
    assert OTHER_KEY.reveal() not in str(caught.value)


@given(st.text(max_size=60))
def test_no_stored_text_opens_by_accident(text: str) -> None:
    """Whatever stands in the store, unsealing gives a clear error or nothing at all."""
    with pytest.raises(ConfigurationError):
        Sealer(KEY).unseal(text, LAN)


def test_altered_seals_stay_shut() -> None:
    """A changed body is noticed."""
    head, _, body = Sealer(KEY).seal(Secret("ABC"), LAN).rpartition(".")
    for changed in ("", "AAAA", "not base64", body[::-1]):
        with pytest.raises(ConfigurationError):
            Sealer(KEY).unseal(f"{head}.{changed}", LAN)


@pytest.mark.parametrize("key", ["", "short", "A" * 44, "é" * 44, base64.b64encode(bytes(31)).decode()])
def test_a_key_of_another_form_is_refused(key: str) -> None:
    """Only 32 bytes in base64 are a key; the error does not repeat what was given."""
    with pytest.raises(ConfigurationError, match="32 bytes") as caught:
        Sealer(Secret(key))
    assert not key or key not in str(caught.value)


def test_without_a_key_nothing_opens() -> None:
    """A missing key is an error with advice at each use."""
    sealer = Sealer(None)
    assert not sealer.ready
    with pytest.raises(ConfigurationError, match="no key"):
        sealer.seal(Secret("ABC"), LAN)
    with pytest.raises(ConfigurationError, match="openssl rand"):
        sealer.unseal("v1.x.y", LAN)
