"""Tokens: known by their hashes, hashed once, and never shown."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.secret import Secret
from credwatch.sources.push.tokens import Tokens, new_token, token_in

TOKEN, HASH = new_token("shipped")


def test_a_token_is_hashed_once() -> None:
    """The second time it is known by its digest, right or wrong; a token of no source of ours costs nothing at all."""
    tokens = Tokens({"shipped": [HASH]})
    wrong = Secret("shipped.wrong")
    assert [None, "shipped", "shipped"] == [tokens.remembered(TOKEN), tokens.source_of(TOKEN), tokens.remembered(TOKEN)]
    assert "" == tokens.source_of(wrong)
    with patch.object(Tokens, "_matches", side_effect=AssertionError("a hash is computed")):
        assert ["shipped", "", ""] == [tokens.source_of(token) for token in (TOKEN, wrong, Secret("other.x"))]
        assert "" == tokens.source_of(Secret("shipped." + "x" * 1000))


def test_two_tokens_hold_while_one_is_replaced() -> None:
    """Each hash of a source lets its token in, and a token of one source never into another."""
    other, known = new_token("shipped")
    tokens = Tokens({"shipped": [HASH, known], "second": [HASH]})
    assert ["shipped", "shipped"] == [tokens.source_of(token) for token in (TOKEN, other)]
    assert "" == tokens.source_of(Secret(TOKEN.reveal().replace("shipped", "second")))


def test_neither_token_nor_hash_shows_the_secret() -> None:
    """The hash is argon2id and has nothing of the token."""
    assert HASH.startswith("$argon2id$")
    assert TOKEN.reveal().partition(".")[2] not in HASH
    assert "***" in repr(TOKEN)


@given(st.text(max_size=60))
def test_any_header_is_read_without_a_fault(text: str) -> None:
    """A header of any text gives a token or none."""
    for scheme in ("", "Basic ", "bearer ", "ApiKey "):
        token_in(scheme + text)
