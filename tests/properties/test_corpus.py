"""A corpus answers as a set of the same hashes would."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.policy.corpus.building import build_corpus
from credwatch.policy.corpus.corpus import Corpus
from credwatch.policy.corpus.layout import CorpusError
from credwatch.policy.corpus.ranges import ranges_at
from unit.policy.corpus.range_files import write_file, write_folder

# Hashes that lie close together: of few ranges, with the same first bytes, and differing in the last bits kept.
CLOSE = st.builds(
    lambda prefix, high, low: f"{prefix:05X}{high:08X}{low:02X}{'0' * 25}",
    st.sampled_from([0, 1, 0x5BAA6, 0xFFFFE, 0xFFFFF]),
    st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]),
    st.sampled_from([0, 1, 127, 128, 254, 255]),
)
ANY = st.integers(0, (1 << 160) - 1).map(lambda number: f"{number:040X}")
HASHES = st.one_of(CLOSE, ANY)


@settings(max_examples=30, deadline=None)
@given(
    inside=st.dictionaries(HASHES, st.integers(1, 10**11), min_size=1),
    others=st.lists(HASHES),
    in_one_file=st.booleans(),
    most=st.one_of(st.none(), st.integers(1, 5)),
)
def test_a_look_up_is_membership(
    inside: dict[str, int], others: list[str], in_one_file: bool, most: int | None
) -> None:
    """Whatever the hashes, those inside are found, and no others; of the most common, those that were seen most."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write = write_file if in_one_file else write_folder
        source = write(folder / "ranges", inside)
        header = build_corpus(ranges_at(source), folder / "corpus", most_rows=most)
        common = sorted(inside, key=lambda digest: (-inside[digest], digest))[:most]
        assert len(common) == header.rows
        keys = {digest[:15] for digest in common}
        with Corpus(folder / "corpus") as corpus:
            corpus.verify()
            for digest in [*inside, *others]:
                assert (digest[:15] in keys) is corpus.holds(int(digest[:15], 16))


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(st.sampled_from(["0", "F", ":", "\n", "\r", "1", "g", "0" * 40 + ":", "F" * 40 + ":"])).map("".join)
)
def test_no_text_brings_the_reader_down(text: str) -> None:
    """Whatever stands in a file, each of its lines is a hash that is then found, or it is refused."""
    with TemporaryDirectory() as name:
        source = Path(name, "pwned.txt")
        source.write_bytes(text.encode())
        try:
            header = build_corpus(ranges_at(source), Path(name, "corpus"))
        except CorpusError:
            return
        assert sum(not line.rstrip().endswith(":0") for line in text.splitlines()) >= header.rows
