"""The address that a message comes back to: ours alone to make, and known again however it is written."""

from __future__ import annotations

import pytest

from credwatch.kernel import return_path
from credwatch.kernel.return_path import ReturnPath, room_for_a_token
from credwatch.kernel.secret import Secret

MESSAGE = "cw-abcdefghijklmn27"
PATH = ReturnPath("bounces@modoro.example", Secret("notice key"))


@pytest.mark.parametrize("write", [str, str.upper, lambda address: f"<{address}>"])
def test_a_message_is_known_by_its_address(write) -> None:
    """In whichever case, and with angle brackets."""
    assert MESSAGE == PATH.message_of(write(PATH.of(MESSAGE)))
    assert MESSAGE == PATH.message_of(PATH.token(MESSAGE))


def test_another_key_makes_nothing_of_ours() -> None:
    """Neither an address by another key, nor one whose proof belongs to another message, counts."""
    forged = ReturnPath(PATH.address, Secret("another key")).of(MESSAGE)
    borrowed = PATH.token("cw-2222222222222222").replace("cw-2222222222222222", MESSAGE)
    assert ["", "", ""] == [PATH.message_of(text) for text in (forged, borrowed, "bounces@modoro.example")]
    assert PATH.names_a_message(forged)
    assert not PATH.names_a_message("bounces@modoro.example")


def test_the_proof_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much of a guess is right does not show in the time."""
    compared = []
    monkeypatch.setattr(return_path.hmac, "compare_digest", lambda *pair: bool(compared.append(pair)))
    assert PATH.message_of(PATH.of(MESSAGE)) == ""
    assert 1 == len(compared)


def test_the_local_part_keeps_within_its_bound() -> None:
    """RFC 5321, section 4.5.3.1.1: 64 characters; an address that leaves no room is refused at the start."""
    longest = "b" * 27
    assert 64 == len(ReturnPath(f"{longest}@x.example", PATH.key).of(MESSAGE).partition("@")[0])
    assert room_for_a_token(f"{longest}@x.example")
    with pytest.raises(ValueError, match="27 characters"):
        room_for_a_token(f"{longest}b@x.example")
