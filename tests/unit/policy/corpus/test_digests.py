"""A password has the number that its SHA-1 or NTLM hash begins with."""

import pytest

from credwatch.policy.corpus.digests import key_of_password, md4
from credwatch.policy.corpus.layout import HashKind

RFC_1320 = {
    b"": "31d6cfe0d16ae931b73c59d7e0c089c0",
    b"a": "bde52cb31de33e46245e05fbdbd6fb24",
    b"abc": "a448017aaf21d8525fc10ae87aa6729d",
    b"message digest": "d9130a8164549fe818874806e1c7014b",
    b"abcdefghijklmnopqrstuvwxyz": "d79e1c308aa5bbcdeea8ed63df412da9",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": "043f8582f241db351ce627e153e7f0e4",
    b"1234567890" * 8: "e33b4ddc9c38f2199c3e7b164fcc0536",
}


@pytest.mark.parametrize(("message", "digest"), RFC_1320.items())
def test_md4_is_that_of_the_standard(message: bytes, digest: str) -> None:
    """The test suite of RFC 1320, appendix A.5."""
    assert digest == md4(message).hex()


def test_known_passwords_have_their_known_hashes() -> None:
    """`password` has the SHA-1 and the NTLM hash that everybody knows."""
    assert 0x5BAA61E4C9B93F3 == key_of_password("password", HashKind.SHA1)
    assert 0x8846F7EAEE8FB11 == key_of_password("password", HashKind.NTLM)


def test_half_a_character_has_a_number() -> None:
    """A lone surrogate, which the rules refuse by name, breaks neither hash."""
    assert all(key_of_password("giraffe \ud83d", kind) for kind in HashKind)
