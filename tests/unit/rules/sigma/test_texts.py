"""Wildcards, escapes, placeholders and encodings of texts."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from credwatch.kernel.errors import RuleError
from credwatch.rules.documents import marked_documents
from credwatch.rules.sigma.modifiers import read_modifiers
from credwatch.rules.sigma.scope import Scope
from credwatch.rules.sigma.texts import ANY, ONE, Text, read_texts
from unit.rules.rule_files import PLACEHOLDERS


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    """Stand at a value of a document."""
    path = tmp_path / "rules.yml"
    path.write_text("value: x\n", encoding="utf-8")
    ((document,), _) = marked_documents(path)
    return Scope(document, PLACEHOLDERS, ("value",))


def texts(scope: Scope, raw: str, *names: str) -> list[Text]:
    """Read a value with modifiers."""
    return read_texts(raw, read_modifiers(names, scope), scope)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", ()),
        ("a*b?", ("a", ANY, "b", ONE)),
        (r"a\*", ("a*",)),
        (r"a\?", ("a?",)),
        (r"a\\*", ("a\\", ANY)),
        (r"a\\\*", (r"a\*",)),
        (r"a\b", (r"a\b",)),
        (r"a\\b", (r"a\b",)),
        (r"\\\b", (r"\\b",)),
        (r"\\\\b", (r"\\b",)),
        ("a\\", ("a\\",)),
    ],
)
def test_wildcards_and_escapes(scope: Scope, raw: str, expected: Text) -> None:
    """They are those of the section "Escaping" of the specification, three and four backslashes included."""
    assert [expected] == texts(scope, raw)


@pytest.mark.parametrize(
    ("shape", "raw", "expected"),
    [
        ("contains", "a", (ANY, "a", ANY)),
        ("contains", "*a*", (ANY, "a", ANY)),
        ("contains", "", (ANY,)),
        ("contains", "*", (ANY,)),
        ("startswith", "*a", (ANY, "a", ANY)),
        ("endswith", "a*", (ANY, "a", ANY)),
        ("endswith", r"a\*", (ANY, "a*")),
        ("startswith", "", (ANY,)),
    ],
)
def test_shapes(scope: Scope, shape: str, raw: str, expected: Text) -> None:
    """contains, startswith and endswith put a wildcard where none stands."""
    assert [expected] == texts(scope, raw, shape)


def test_placeholders_multiply(scope: Scope) -> None:
    r"""Every combination of values is an alternative; `\%` and a percent without a partner are plain."""
    assert [("rootweb1",), ("adm", ANY, "web1")] == texts(scope, "%admins%%hosts%", "expand")
    assert [("%a% 100%web1",)] == texts(scope, r"\%a\% 100\%%hosts%", "expand")
    assert [("100%",)] == texts(scope, "100%", "expand")
    assert [("a", ANY, "web1", ONE)] == texts(scope, "a*%hosts%?", "expand")


@pytest.mark.parametrize(
    ("names", "data"),
    [
        (("base64",), "é".encode()),
        (("wide", "base64"), "é".encode("utf-16-le")),
        (("utf16le", "base64"), "é".encode("utf-16-le")),
        (("utf16be", "base64"), "é".encode("utf-16-be")),
        (("utf16", "base64"), b"\xff\xfe" + "é".encode("utf-16-le")),
    ],
)
def test_encodings_before_base64(scope: Scope, names: tuple[str, ...], data: bytes) -> None:
    """The bytes of UTF-8 or UTF-16, with its mark where utf16 says so, are what is encoded, beyond ASCII too."""
    assert [(b64encode(data).decode(),)] == texts(scope, "é", *names)


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("behind", ["", "z", "zz"])
@pytest.mark.parametrize("names", [("base64offset",), ("utf16be", "base64offset")])
def test_base64offset_finds_the_text_wherever_it_stood(
    scope: Scope, names: tuple[str, ...], before: str, behind: str
) -> None:
    """One of the three pieces is in what was encoded, whatever stood before and behind."""
    plain = "passwort"
    data = before.encode() + plain.encode("utf-16-be" if "utf16be" in names else "utf-8") + behind.encode()
    found = [piece for _, piece, _ in texts(scope, plain, *names, "contains") if str(piece) in b64encode(data).decode()]
    assert found


@pytest.mark.parametrize(
    ("name", "expected"),
    [("wide", "a\0b\0"), ("utf16le", "a\0b\0"), ("utf16be", "\0a\0b"), ("utf16", "\ufeffa\0b\0")],
)
def test_encodings_alone_are_letters_and_nulls(scope: Scope, name: str, expected: str) -> None:
    """Without base64 they are what a log that kept the bytes would show."""
    assert [(expected,)] == texts(scope, "ab", name)


def test_windash_writes_every_dash(scope: Scope) -> None:
    """A dash that begins a word is any of five; one within a word stays."""
    assert {(f"{dash}a-b",) for dash in "-/–—―"} == set(texts(scope, "-a-b", "windash"))
    assert 25 == len(texts(scope, "–a /b", "windash"))
    assert [("a-b", ANY)] == texts(scope, "a-b*", "windash")


@pytest.mark.parametrize(
    ("raw", "names", "message"),
    [
        ("a*", ("base64",), "wildcards cannot be encoded"),
        ("a", ("base64offset", "contains"), "less than two bytes is found everywhere"),
        ("đ", ("wide",), "beyond ASCII is no text"),
        ("-a -b -c -d -e", ("windash",), "stands for more than 1000"),
        ("%nobody%", ("expand",), "unknown placeholder %nobody%"),
    ],
)
def test_what_cannot_be_written(scope: Scope, raw: str, names: tuple[str, ...], message: str) -> None:
    """It is refused with its place."""
    with pytest.raises(RuleError, match=message) as caught:
        texts(scope, raw, *names)
    assert caught.value.where.endswith("rules.yml:1: value")
