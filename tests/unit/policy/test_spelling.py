"""Known words are found in every usual spelling, and nowhere else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.errors import ConfigurationError
from credwatch.policy.blocklist import Blocklist, load_blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.pattern import is_pattern, repeated_unit
from credwatch.policy.spelling import folded, made_of, unaccented


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Mật khẩu Đỏ", "mat khau do"), ("ĐƯỜNG", "duong"), ("Straße", "strasse"), ("abc", "abc")],
)
def test_accents_come_off(text: str, expected: str) -> None:
    """Vietnamese loses its accents, đ included."""
    assert expected == unaccented(text)


@pytest.mark.parametrize("text", ["раsswоrd", "ΡΑsswοrd", "PАSSWORD", "p\u200bassword"])
def test_letters_that_look_alike_are_one(text: str) -> None:
    """A word is the same word with Cyrillic or Greek letters in it, or with marks that nobody sees."""
    assert "password" == unaccented(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modoro", True),
        ("m0d0r0", True),
        ("modoro2024", True),
        ("!!modoro##hoasen99", True),
        ("modoromodoro", True),
        ("hoa5en", True),
        ("modoros", False),
        ("mymodoro", False),
        ("20242024", False),
        ("", False),
    ],
)
def test_made_of_words(text: str, expected: bool) -> None:
    """A text is made of words where no letter of it is left over."""
    assert expected is made_of(text, ("modoro", "hoasen"))


@given(
    words=st.lists(st.text("abcdo", min_size=3, max_size=6), min_size=1, max_size=4),
    between=st.text("0123456789!-_ ", max_size=5),
)
def test_joined_words_are_always_found(words: list[str], between: str) -> None:
    """Any joining of words with digits and signs between them is made of those words."""
    assert made_of(between.join(words) + between, tuple(words))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aaaaaaaaaaaaaaa", True),
        ("abcabcabcabcabc", True),
        ("12341234123412341234", True),
        ("0987654321098765", True),
        ("QWERTYUIOPASDFG", True),
        ("1q2w3e4r5t6y7u8i", True),
        ("abc", False),
        ("giraffegiraffe", False),
        ("an ordinary sentence", False),
    ],
)
def test_patterns(text: str, expected: bool) -> None:
    """Short repetitions and walks along a row are patterns; words are not."""
    assert expected is is_pattern(text)


@given(st.text(min_size=1, max_size=6), st.integers(1, 5))
def test_the_unit_repeats_to_the_text(unit: str, times: int) -> None:
    """The unit found repeats to exactly the text and is no longer than the one it was built of."""
    text = unit * times
    found = repeated_unit(text)
    assert text == found * (len(text) // len(found))
    assert len(found) <= len(unit)


def test_context_takes_names_apart() -> None:
    """Names count joined up and part by part, without accents; parts under three letters do not."""
    context = PasswordContext(user="lan.tran", email="lan@hoasen.vn", customer="Công ty Hoa Sen")
    expected = {"lantran", "lan", "tran", "lanhoasenvn", "hoasen", "hoasenvn", "congtyhoasen", "cong", "hoa", "sen"}
    assert expected == set(context.words())


def test_shipped_lists_hold_what_they_should() -> None:
    """The lists hold zxcvbn's words and ours, thousands in all, and no ordinary sentence."""
    blocklist = load_blocklist()
    assert len(blocklist) > 50_000
    held = [word for word in ("123456", "dragon", "Mật khẩu", "vietnam2026", "khongbiet") if blocklist.holds(word)]
    assert held == ["123456", "dragon", "Mật khẩu", "vietnam2026", "khongbiet"]
    assert not blocklist.holds("kỳ lân uống trà đá")


def test_the_whole_password_is_compared() -> None:
    """A listed word inside a longer password is no reason to refuse it."""
    blocklist = Blocklist(["dragon"])
    assert blocklist.holds("DRAGON")
    assert blocklist.holds("dragondragon")
    assert not blocklist.holds("dragon fruit")


@given(st.text(max_size=40))
def test_folding_is_stable(text: str) -> None:
    """Folding twice changes nothing more."""
    assert folded(text) == folded(folded(text))


def test_operators_add_lists(tmp_path: Path) -> None:
    """A file of one's own counts in any letter case; remarks and empty lines do not."""
    path = tmp_path / "ours.txt"
    path.write_text("# our products\n\nKỳ Lân Uống Trà Đá\n", encoding="utf-8")
    blocklist = load_blocklist([path])
    assert blocklist.holds("kỳ lân uống trà đá")
    assert not blocklist.holds("# our products")


@pytest.mark.parametrize(
    ("content", "message", "place"),
    [
        (None, "cannot be read", "ours.txt"),
        (b"fine\n\xff\n", "not UTF-8", "ours.txt: byte 5"),
        (b"fine\n" + b"x" * 1025, "found 1025", "ours.txt:2"),
    ],
)
def test_a_list_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str, place: str) -> None:
    """A missing file, other bytes and endless lines are configuration errors with their place."""
    path = tmp_path / "ours.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_blocklist([path])
    assert caught.value.where.endswith(place)


@pytest.mark.parametrize(
    "text", ["a" + "\u0301\u0302" * 20, "a\u200b" * 20, "\ufdfa" * 20, "\u200b" * 20, "\u1eafa" * 20]
)
def test_marks_and_ligatures_hide_no_pattern(text: str) -> None:
    """One letter under many marks, or a sign that stands for a sentence, is repeated for all its length."""
    assert is_pattern(text)


def test_few_letters_are_no_pattern() -> None:
    """Accents on each letter of a sentence make none."""
    assert not is_pattern("s\u00e1u con m\u00e8o \u0103n b\u1ea3y qu\u1ea3")
    assert not is_pattern("\u0111\u1ed3ng")
