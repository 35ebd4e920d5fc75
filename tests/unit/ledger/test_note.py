"""Signed notes, checkpoints and proofs are those of C2SP, and nothing else is taken for one."""

from __future__ import annotations

from base64 import b64encode

import pytest

from credwatch.kernel.secret import Secret
from credwatch.ledger.checkpoint import Checkpoint, origin_of
from credwatch.ledger.entry import canonical
from credwatch.ledger.note import NotGenuine, PublicKey, SigningKey, opened
from credwatch.ledger.proof import EntryProof
from credwatch.ledger.tree import leaf_hash, node_hash

KEY = SigningKey(Secret(b64encode(bytes(range(32))).decode()))
OTHER = SigningKey(Secret(b64encode(bytes(32)).decode()))


def public(customer: str = "", key: SigningKey = KEY) -> PublicKey:
    """Give the key that the signatures of a log are held against."""
    return PublicKey(origin_of(key.public(), customer), key.public())


def a_proof(entry: bytes = b"second") -> EntryProof:
    """Prove the second of two entries."""
    root = node_hash(leaf_hash(b"first"), leaf_hash(b"second"))
    return EntryProof(entry, 1, (leaf_hash(b"first"),), Checkpoint(public().name, 2, root).signed(KEY))


def test_a_key_comes_back_as_it_was_written() -> None:
    """A key is one line: the name, the id, and the key with the number of its kind."""
    assert public("hai-au") == PublicKey.read(f" {public('hai-au')}\n")


def test_a_key_of_another_implementation_is_read() -> None:
    """The key of golang.org/x/mod/sumdb/note's documentation has the id that its own library gives it."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert text == str(PublicKey.read(text))


def test_a_note_of_another_implementation_is_opened() -> None:
    """The note of the same documentation is genuine under that key, and no longer with a letter changed."""
    key = PublicKey.read("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    assert (text, "PeterNeumann") == opened(f"{text}\n— PeterNeumann {signature}\n", key)
    with pytest.raises(NotGenuine):
        opened(f"{text[1:]}\n— PeterNeumann {signature}\n", key)


def test_a_note_comes_back_as_it_was_signed() -> None:
    """The text and the name come back; signatures of others beside it do no harm."""
    note = KEY.sign("log", "one\n\ntwo\n")
    assert ("one\n\ntwo\n", "log") == opened(note, public())
    assert ("one\n\ntwo\n", "log") == opened(f"{note}— witness {b64encode(bytes(68)).decode()}\n— odd\n", public())


@pytest.mark.parametrize("change", [("two", "too"), ("— log", "— loq"), ("\n\n—", "\n—"), ("— log ", "— log A")])
def test_a_note_that_was_changed_is_refused(change: tuple[str, str]) -> None:
    """Another text, name or signature is not what the key has signed."""
    note = KEY.sign("log", "one\n\ntwo\n").replace(*change)
    with pytest.raises(NotGenuine):
        opened(note, public())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name+00000000+AAAA",
        "a b+530bf28a+AQ==",
        "example.com/foo+530bf28b+ASCl57snzaNlJgwXMgqPbWQJZTHsYz6LcMJfB1n1V1eu",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """A text of another form, or whose id is not that of name and key, is no key."""
    with pytest.raises(NotGenuine, match="no key"):
        PublicKey.read(text)


def test_a_signing_key_of_another_length_is_refused() -> None:
    """Half a key signs nothing."""
    with pytest.raises(NotGenuine, match="32 bytes"):
        SigningKey(Secret(b64encode(bytes(16)).decode()))


def test_checkpoints_of_one_installation_have_one_key() -> None:
    """The key of the installation is good for the logs of its customers, and for no other installation's."""
    mine = Checkpoint(public("hai-au").name, 7, leaf_hash(b""))
    assert mine == Checkpoint.read(mine.signed(KEY), public())
    for note in (mine.signed(OTHER), Checkpoint(public(key=OTHER).name, 7, leaf_hash(b"")).signed(KEY)):
        with pytest.raises(NotGenuine):
            Checkpoint.read(note, public())


@pytest.mark.parametrize("text", ["log\n07\nROOT\n", "log\n7\n", "other\n7\nROOT\n", "log\n7\nshort\n"])
def test_a_note_of_something_else_is_no_checkpoint(text: str) -> None:
    """Only origin, size and root make a checkpoint, under the name of its log."""
    name = public().name
    note = KEY.sign(name, text.replace("ROOT", b64encode(bytes(32)).decode()).replace("log", name))
    with pytest.raises(NotGenuine):
        Checkpoint.read(note, public())


def test_a_proof_comes_back_and_convinces() -> None:
    """The file is what the specification says, and proves its entry."""
    text = a_proof().written()
    assert text.startswith(f"c2sp.org/tlog-proof@v1\nextra {b64encode(b'second').decode()}\nindex 1\n")
    assert a_proof() == EntryProof.read(text)
    assert 2 == EntryProof.read(text).check(public()).size


@pytest.mark.parametrize("changed", [a_proof(b"secund"), a_proof()])
def test_a_proof_of_another_entry_is_refused(changed: EntryProof) -> None:
    """Neither another entry at that place nor another place of that entry is proven."""
    text = changed.written() if changed.entry == b"secund" else changed.written().replace("index 1", "index 0")
    with pytest.raises(NotGenuine, match="no such entry"):
        EntryProof.read(text).check(public())


@pytest.mark.parametrize(
    "change", [("@v1", "@v2"), ("index 1", "index 01"), ("extra ", "extra"), ("index 1\n", "index 1\nx\n")]
)
def test_what_is_no_proof_is_refused(change: tuple[str, str]) -> None:
    """A file of another form is none."""
    with pytest.raises(NotGenuine, match="no proof"):
        EntryProof.read(a_proof().written().replace(*change))


def test_half_a_letter_is_written_as_a_question_mark() -> None:
    """What RFC 8785 forbids is no reason to lose an entry."""
    assert b'{"a":"?"}' == canonical({"a": "\ud800"})
