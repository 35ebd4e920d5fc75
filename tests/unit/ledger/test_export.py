"""What is wrong with the file of a log is named with the number of the entry."""

from __future__ import annotations

import pytest

from credwatch.ledger import export
from credwatch.ledger.checkpoint import Checkpoint
from credwatch.ledger.note import NotGenuine
from credwatch.ledger.tree import GrowingTree, leaf_hash
from unit.ledger.test_note import KEY, OTHER, public

ENTRIES = [b'{"n":%d}' % number for number in range(9)]


def a_file(entries: list[bytes] = ENTRIES, sizes: tuple[int, ...] = (4, 9)) -> list[bytes]:
    """Write the lines of a log of which these sizes were signed."""
    notes, tree = [], GrowingTree()
    for entry in entries:
        tree.add(leaf_hash(entry))
        if tree.size in sizes:
            notes.append(Checkpoint(public().name, tree.size, tree.root()).signed(KEY))
    return [export.header(notes), *(export.line(index, entry) for index, entry in enumerate(entries))]


def forged(entries: list[bytes]) -> list[bytes]:
    """Write other entries with numbers and hashes that fit, under the signatures of the real ones."""
    return [a_file()[0], *a_file(entries)[1:]]


WHOLE = a_file()
CASES = {
    "as it was": (WHOLE, ()),
    "changed": ([*WHOLE[:3], WHOLE[3].replace(b'"n":2', b'"n":7'), *WHOLE[4:]], ("entry 2 was changed",)),
    "taken out": ([*WHOLE[:6], *WHOLE[7:]], ("entry 5 is missing: taken out, or moved",)),
    "several taken out": ([*WHOLE[:3], *WHOLE[6:]], ("entries 2 to 4 are missing: taken out, or moved",)),
    "cut off": (WHOLE[:8], ("entries 7 to 8 are missing at the end",)),
    "put in": (
        [*WHOLE[:5], export.line(4, b"new"), *WHOLE[5:]],
        ("entry 4 stands in line 7, where entry 5 should: put in, or moved",),
    ),
    "put in behind": ([*WHOLE, export.line(9, b"new")], ("entry 9 was put in behind what is signed",)),
    "moved": (
        [*WHOLE[:2], WHOLE[3], WHOLE[2], *WHOLE[4:]],
        (
            "entry 1 is missing: taken out, or moved",
            "entry 1 stands in line 4, where entry 3 should: put in, or moved",
        ),
    ),
    "no entry": (
        [*WHOLE[:2], b"what is this\n", *WHOLE[3:]],
        ("line 3 is no entry; entry 1 should stand there", "entry 1 is missing: taken out, or moved"),
    ),
    "forged early": (forged([b"{}", *ENTRIES[1:]]), ("entries 0 to 3 are not those that were signed",)),
    "forged late": (forged([*ENTRIES[:8], b"{}"]), ("entries 4 to 8 are not those that were signed",)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named(case: str) -> None:
    """Each way to change a log is found, with the entry that it concerns, and no entry is blamed that is right."""
    lines, problems = CASES[case]
    checked = export.check(lines, public())
    assert (problems, 9, public().name) == (checked.problems, checked.size, checked.origin)


def test_so_many_problems_are_enough() -> None:
    """A file of nonsense does not become a list as long as itself."""
    checked = export.check([WHOLE[0], *[b"nonsense\n"] * 500], public())
    assert (101, "and more") == (len(checked.problems), checked.problems[-1])


def test_an_empty_log_is_genuine() -> None:
    """A log without entries has a root, too."""
    note = Checkpoint(public().name, 0, GrowingTree().root()).signed(KEY)
    assert () == export.check([export.header([note])], public()).problems


@pytest.mark.parametrize("lines", [[], [b"{}\n"], [b"[]\n"], [b"\xff\n"], [export.header([])], WHOLE[1:]])
def test_what_is_no_export_is_refused(lines: list[bytes]) -> None:
    """Without signed checkpoints in front there is nothing to hold the entries against."""
    with pytest.raises(NotGenuine):
        export.check(lines, public())


def test_checkpoints_of_another_key_or_log_are_refused() -> None:
    """All of them are the key's, and of one log."""
    customers = Checkpoint(public("hai-au").name, 0, GrowingTree().root()).signed(KEY)
    ours = Checkpoint(public().name, 0, GrowingTree().root()).signed(KEY)
    for lines in ([export.header([customers, ours])], WHOLE):
        with pytest.raises(NotGenuine):
            export.check(lines, public(key=OTHER) if lines is WHOLE else public())
