"""Findings become lines, each once, wherever the writing was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.json import decode

from builders_outbox import NOON
from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.kernel.errors import SourceError
from credwatch.posture.lines import MOST_BYTES, FindingsFile, line_of
from credwatch.posture.review import FindingChange

LINES = ['{"a":1}\n', '{"b":2}\n']
CONTENT = "".join(LINES).encode()


@pytest.mark.parametrize("cut", range(len(CONTENT) + 1))
def test_what_was_cut_off_is_written_on(tmp_path: Path, cut: int) -> None:
    """A kill after any byte leaves the rest to be written, and no line stands twice."""
    path = tmp_path / "posture.jsonl"
    path.write_bytes(b"before\n" + CONTENT[:cut])
    assert 7 + len(CONTENT) == FindingsFile(path).write(LINES, 7)
    assert b"before\n" + CONTENT == path.read_bytes()


@pytest.mark.parametrize(("text", "rest"), [("torn", b"torn\n" + CONTENT), ("else\n", b"else\n" + CONTENT)])
def test_what_somebody_else_has_written(tmp_path: Path, text: str, rest: bytes) -> None:
    """It stays, and ours begins on a line of its own."""
    path = tmp_path / "posture.jsonl"
    path.write_text(text)
    FindingsFile(path).write(LINES, 0)
    assert rest == path.read_bytes()


def test_a_file_that_was_put_aside(tmp_path: Path) -> None:
    """One that is long is begun anew; a kill before that was noted loses and repeats nothing."""
    path = tmp_path / "posture.jsonl"
    file = FindingsFile(path)
    size = file.write(["x" * MOST_BYTES + "\n"], 0)
    assert 0 == file.put_aside(size)
    assert len(CONTENT) == file.write(LINES, size)
    assert CONTENT == path.read_bytes()
    assert len(CONTENT) == file.put_aside(len(CONTENT))


def test_a_folder_that_takes_nothing(tmp_path: Path) -> None:
    """It is told with the file."""
    with pytest.raises(SourceError, match="cannot be written"):
        FindingsFile(tmp_path / "away" / "posture.jsonl").write(LINES, 0)


def test_a_line_names_what_broke() -> None:
    """It has account, customer, rule and detail; that it is over is a success, with another id."""
    finding = AccountFinding(FindingKey("shop", "acme", "lan", "weak_hash"), "md5_crypt", NOON)
    begun, over = (decode(line_of(FindingChange(finding, is_over, NOON))) for is_over in (False, True))
    assert ("failure", "weak_hash", "lan", "acme", "md5_crypt") == (
        *(begun["event"]["outcome"], begun["event"]["reason"], begun["user"]["name"]),
        *(begun["organization"]["id"], begun["message"]),
    )
    assert "success" == over["event"]["outcome"]
    assert begun["event"]["id"] != over["event"]["id"]
