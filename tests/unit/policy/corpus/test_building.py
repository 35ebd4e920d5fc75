"""A corpus is built from whole ranges in order, or not at all, and the error says where."""

from pathlib import Path

import pytest

from credwatch.policy.corpus import ranges as reading
from credwatch.policy.corpus.building import build_corpus
from credwatch.policy.corpus.corpus import Corpus
from credwatch.policy.corpus.layout import CorpusError, HashKind
from credwatch.policy.corpus.ranges import ranges_at
from unit.policy.corpus.range_files import held, sha1, write_file, write_folder

COUNTS = {sha1(f"password {number}"): 1 + number % 7 for number in range(700)}
LINE = f"{'0' * 40}:1\n"
LATER = f"{'0' * 14}1{'0' * 25}:1\n"


@pytest.mark.parametrize("form", ["file", "folder", "packed"])
def test_each_form_of_the_ranges_gives_the_same_corpus(tmp_path: Path, form: str) -> None:
    """One file, a folder of files and a folder of packed files come to one and the same set."""
    if form == "file":
        source = write_file(tmp_path / "pwned.txt", COUNTS)
    else:
        source = write_folder(tmp_path / "ranges" / "deeper", COUNTS, packed=form == "packed").parent
    header = build_corpus(ranges_at(source), tmp_path / "corpus")
    assert (HashKind.SHA1, 700) == (header.kind, header.rows)
    assert all(held(tmp_path / "corpus", COUNTS))
    assert not any(held(tmp_path / "corpus", map(sha1, map(str, range(700)))))
    assert 0o644 == (tmp_path / "corpus").stat().st_mode & 0o777


def test_ntlm_ranges_are_known_by_their_length(tmp_path: Path) -> None:
    """Hashes of 32 digits make a corpus in which a password is looked up by its NTLM hash."""
    source = write_file(tmp_path / "pwned.txt", {"8846F7EAEE8FB117AD06BDD830B7586C": 9})
    assert HashKind.NTLM is build_corpus(ranges_at(source), tmp_path / "corpus").kind
    with Corpus(tmp_path / "corpus") as corpus:
        assert corpus.holds_password("password")
        assert not corpus.holds_password("Password")


def test_the_most_common_are_taken(tmp_path: Path) -> None:
    """Of 700 the 240 seen most often: all that were seen six times or more, and the first of those seen fewer."""
    source = write_file(tmp_path / "pwned.txt", COUNTS)
    header = build_corpus(ranges_at(source), tmp_path / "corpus", most_rows=240)
    assert (240, 5) == (header.rows, header.seen_at_least)
    assert all(held(tmp_path / "corpus", [digest for digest, count in COUNTS.items() if count > 5]))
    assert not any(held(tmp_path / "corpus", [digest for digest, count in COUNTS.items() if count < 5]))


def test_more_than_there_are_is_all(tmp_path: Path) -> None:
    """Asked for more than there are, all are taken."""
    source = write_file(tmp_path / "pwned.txt", COUNTS)
    assert 700 == build_corpus(ranges_at(source), tmp_path / "corpus", most_rows=10**9).rows


def test_padding_is_left_out(tmp_path: Path) -> None:
    """Rows that were seen no times, with which answers are padded, are no passwords."""
    source = write_file(tmp_path / "pwned.txt", {"A" * 40: 0, "B" * 40: 1})
    assert 1 == build_corpus(ranges_at(source), tmp_path / "corpus").rows


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (LINE + LATER + LINE, 3, "not in order"),
        (LINE + "0" * 39, 2, "expected 40"),
        (LINE + "0" * 40 + ":", 2, "expected 40"),
        (LINE + "\n" + LATER, 2, "expected 40"),
        (LINE + "0" * 32 + ":1\n", 2, "expected 40"),
        (LINE + "0" * 39 + ":1:1\n", 2, "expected 40"),
        (LINE + "0" * 38 + "\r1:1\n", 2, "expected 40"),
        (LINE + "0" * 39 + "g:1\n", 2, "a character"),
        (LINE + "0" * 40 + ":1a\n", 2, "decimal"),
        (LINE + "0" * 40 + ":1234567890123\n", 2, "expected 40"),
        ("password\n", 1, "expected HASH:COUNT"),
        ("", 1, "expected HASH:COUNT"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, line: int, problem: str) -> None:
    """What is out of order, torn, of another kind or no hash is refused with its line, and nothing is left behind."""
    source, target = tmp_path / "pwned.txt", tmp_path / "made" / "corpus"
    source.write_bytes(text.encode())
    target.parent.mkdir()
    with pytest.raises(CorpusError) as raised:
        build_corpus(ranges_at(source), target)
    assert raised.value.where == f"{source}: line {line}"
    assert problem in raised.value.message
    assert raised.value.hint
    assert [] == [*target.parent.iterdir()]


def test_order_is_held_from_piece_to_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is read in many pieces is held to its order across them, and the line is counted through them."""
    monkeypatch.setattr(reading, "_READ_BYTES", 100)
    good = write_file(tmp_path / "pwned.txt", COUNTS, "\n")
    assert 700 == build_corpus(ranges_at(good), tmp_path / "corpus").rows
    good.write_bytes(good.read_bytes() + LINE.encode())
    with pytest.raises(CorpusError, match="not in order") as raised:
        build_corpus(ranges_at(good), tmp_path / "corpus")
    assert f"{good}: line 701" == raised.value.where
    assert all(held(tmp_path / "corpus", COUNTS)), "the corpus before is still there"


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Whoever downloads while a corpus is built is told to wait."""
    source = write_file(tmp_path / "pwned.txt", COUNTS)

    def grow(_rows: int) -> None:
        source.write_bytes(source.read_bytes() + f"{'F' * 40}:1\n".encode())

    with pytest.raises(CorpusError, match="changed while it was read"):
        build_corpus(ranges_at(source), tmp_path / "corpus", on_rows=grow)
    assert not (tmp_path / "corpus").exists()


def test_a_range_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Among ranges of SHA-1 one of NTLM is named."""
    folder = write_folder(tmp_path / "ranges", {"A" * 40: 1})
    (folder / "BBBBB.txt").write_text("B" * 27 + ":1")
    with pytest.raises(CorpusError) as raised:
        build_corpus(ranges_at(folder), tmp_path / "corpus")
    assert f"{folder / 'BBBBB.txt'}: line 1" == raised.value.where


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00torn"])
def test_a_torn_range_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that a crash left empty, or that cannot be unpacked, is named."""
    folder = write_folder(tmp_path / "ranges", {"A" * 40: 1})
    (folder / "BBBBB.gz").write_bytes(content)
    with pytest.raises(CorpusError) as raised:
        build_corpus(ranges_at(folder), tmp_path / "corpus")
    assert str(folder / "BBBBB.gz") == raised.value.where


def test_a_folder_is_no_corpus_without_ranges(tmp_path: Path) -> None:
    """An empty folder, one with a range twice, and a place where nothing is are refused."""
    with pytest.raises(CorpusError, match="no file of a range"):
        ranges_at(tmp_path)
    for name in ("AAAAA.txt", "aaaaa"):
        (tmp_path / name).write_text("A" * 35 + ":1")
    with pytest.raises(CorpusError, match="two files are of the range AAAAA"):
        ranges_at(tmp_path)
    with pytest.raises(CorpusError, match="cannot be read"):
        ranges_at(tmp_path / "none")


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where there is no such folder the error says so."""
    source = write_file(tmp_path / "pwned.txt", COUNTS)
    with pytest.raises(CorpusError, match="cannot be written") as raised:
        build_corpus(ranges_at(source), tmp_path / "none" / "corpus")
    assert str(tmp_path / "none" / "corpus") == raised.value.where
