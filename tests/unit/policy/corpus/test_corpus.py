"""A corpus that is not whole is refused with the byte, and the one in use is replaced while it is asked."""

import os
from pathlib import Path

import pytest

from credwatch.policy.corpus.corpus import Corpus, CorpusInUse
from credwatch.policy.corpus.layout import DIGEST_BYTES, HEADER_BYTES, INDEX_BYTES, CorpusError
from unit.policy.corpus.range_files import a_corpus

IN_IT, NOT_IN_IT = "giraffe houses", "kỳ lân uống trà"


def test_the_length_is_what_the_layout_says(tmp_path: Path) -> None:
    """Five bytes a row, and the same for every corpus besides."""
    path = a_corpus(tmp_path, map(str, range(1000)))
    assert 5 * 1000 + HEADER_BYTES + INDEX_BYTES + 2 * DIGEST_BYTES == path.stat().st_size


@pytest.mark.parametrize("length", [0, 10, HEADER_BYTES, HEADER_BYTES + 10, -1])
def test_a_truncated_corpus_is_refused(tmp_path: Path, length: int) -> None:
    """Cut short anywhere, it is not opened."""
    path = a_corpus(tmp_path)
    os.truncate(path, length if length >= 0 else path.stat().st_size + length)
    with pytest.raises(CorpusError) as raised:
        Corpus(path)
    assert str(path) in raised.value.where
    assert "credwatch corpus" in raised.value.hint


def test_something_else_is_refused(tmp_path: Path) -> None:
    """The ranges themselves, and a file that is not there, are no corpus."""
    a_corpus(tmp_path)
    with pytest.raises(CorpusError, match="no corpus"):
        Corpus(tmp_path / "pwned.txt")
    with pytest.raises(CorpusError, match="cannot be read"):
        Corpus(tmp_path / "none")


@pytest.mark.parametrize("place", [30, HEADER_BYTES, HEADER_BYTES + 9, HEADER_BYTES + 100, -1, -DIGEST_BYTES - 1])
def test_a_flipped_bit_is_found(tmp_path: Path, place: int) -> None:
    """Whichever part a bit is flipped in, opening or verifying says so."""
    path = a_corpus(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CorpusError, match="damaged"), Corpus(path) as corpus:
        corpus.verify()


def test_a_whole_corpus_is_whole(tmp_path: Path) -> None:
    """What was built is verified without complaint."""
    with Corpus(a_corpus(tmp_path, map(str, range(5000)))) as corpus:
        corpus.verify()


def test_a_file_cut_short_while_it_is_open_is_an_error(tmp_path: Path) -> None:
    """Where a memory map would end the process, a look-up raises."""
    path = a_corpus(tmp_path)
    with Corpus(path) as corpus:
        os.truncate(path, HEADER_BYTES)
        with pytest.raises(CorpusError, match="cut short"):
            corpus.holds_password(IN_IT)


def test_a_new_corpus_is_taken_up(tmp_path: Path) -> None:
    """The next question after a replacement is answered from the new file."""
    corpus = CorpusInUse(a_corpus(tmp_path))
    assert corpus.source_of(IN_IT).startswith("breached passwords (sha1, 2 entries, as of ")
    assert "" == corpus.source_of(NOT_IN_IT)
    a_corpus(tmp_path, [NOT_IN_IT])
    assert "" == corpus.source_of(IN_IT)
    assert corpus.source_of(NOT_IN_IT)


def test_a_bad_replacement_is_not_taken_up(tmp_path: Path) -> None:
    """A new file that is no corpus leaves the old one in use, until a good one comes."""
    path = a_corpus(tmp_path)
    corpus = CorpusInUse(path)
    (tmp_path / "bad").write_text("no corpus")
    (tmp_path / "bad").rename(path)
    assert corpus.source_of(IN_IT)
    path.unlink()
    assert corpus.source_of(IN_IT)
    a_corpus(tmp_path, [NOT_IN_IT])
    assert corpus.source_of(NOT_IN_IT)


def test_a_corpus_written_over_is_given_up(tmp_path: Path) -> None:
    """A file that was written over in its place answers no more, and the next good one does."""
    path = a_corpus(tmp_path)
    corpus = CorpusInUse(path)
    path.write_bytes(b"no corpus")
    for _ in range(2):
        with pytest.raises(CorpusError):
            corpus.source_of(IN_IT)
    assert not corpus.ready
    a_corpus(tmp_path)
    assert corpus.source_of(IN_IT)


def test_a_corpus_that_comes_later_is_taken_up(tmp_path: Path) -> None:
    """Where there is none at the start, questions raise until there is one."""
    corpus = CorpusInUse(tmp_path / "breached.corpus")
    with pytest.raises(CorpusError, match="there is no corpus"):
        corpus.source_of(IN_IT)
    assert not corpus.ready
    a_corpus(tmp_path)
    assert corpus.ready
    assert corpus.source_of(IN_IT)
