"""The trees of the audit trail are those of RFC 6962, as an independent library makes them."""

from __future__ import annotations

import json

import pymerkle
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.ledger.entry import canonical
from credwatch.ledger.tree import (
    EMPTY,
    GrowingTree,
    Subtree,
    complete,
    included_root,
    inclusion,
    leaf_hash,
    root_of,
)

LOGS = st.lists(st.binary(max_size=40), min_size=1, max_size=70)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
    max_leaves=12,
)


def subtrees(log: list[bytes]) -> Subtree:
    """Hash complete subtrees from the entries themselves."""
    hashes = [leaf_hash(entry) for entry in log]
    return lambda level, index: complete(hashes[index << level : (index + 1) << level])


def other_tree(log: list[bytes]) -> pymerkle.InmemoryTree:
    """Have the library make the tree of a log."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in log:
        tree.append_entry(entry)
    return tree


@given(LOGS)
@settings(deadline=None)
def test_roots_are_those_of_another_implementation(log: list[bytes]) -> None:
    """At each size, the root from subtrees and the root of a log that is read on are the library's."""
    growing, other = GrowingTree(), other_tree(log)
    assert EMPTY == growing.root() == root_of(0, subtrees(log))
    for size, entry in enumerate(log, start=1):
        growing.add(leaf_hash(entry))
        assert growing.root() == root_of(size, subtrees(log)) == other.get_root(size)


@given(LOGS, st.data())
@settings(deadline=None)
def test_a_proof_convinces_another_implementation(log: list[bytes], data: st.DataObject) -> None:
    """The hashes of a proof are those that the library gives, and they lead to the root from this entry alone."""
    size = data.draw(st.integers(1, len(log)))
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(index, size, subtrees(log)), root_of(size, subtrees(log))
    theirs = other_tree(log).prove_inclusion(index + 1, size)
    pymerkle.verify_inclusion(leaf_hash(log[index]), root, theirs)
    assert theirs.serialize()["path"][1:] == [one.hex() for one in proof]
    assert root == included_root(index, size, leaf_hash(log[index]), proof)
    assert root != included_root(index, size, leaf_hash(log[index] + b"!"), proof)
    assert included_root(index, size, leaf_hash(log[index]), [*proof, root]) is None
    assert included_root(size, size, leaf_hash(log[index]), proof) is None


@given(JSON)
def test_entries_are_canonical_json(value: object) -> None:
    """What is hashed is what RFC 8785 writes, for all that entries hold: texts, whole numbers, ASCII keys."""
    assert rfc8785.dumps(value) == canonical(value)  # type: ignore[arg-type]
    assert value == json.loads(canonical(value))
