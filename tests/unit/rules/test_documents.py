"""Files of YAML documents: each read for itself, each mistake with its line, nothing too deep or too large."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.errors import ProblemsFound
from credwatch.rules.documents import marked_documents, read_documents


def a_file(folder: Path, text: str) -> Path:
    """Write a file of documents."""
    path = folder / "rules.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_documents_and_their_lines(tmp_path: Path) -> None:
    """Every key and item is found at its line; what leads nowhere is found at its nearest parent."""
    path = a_file(tmp_path, "%YAML 1.1\n--- # first\na: 1\nb:\n  c: [x,\n    y]\n---\n# nothing\n---\nd: 2\n")
    (first, second), problems = marked_documents(path)
    assert ([], {"a": 1, "b": {"c": ["x", "y"]}}, {"d": 2}) == (problems, first.content, second.content)
    assert f"{path}:3" == first.where()
    assert f"{path}:5: b.c" == first.where("b", "c")
    assert f"{path}:6: b.c.1" == first.where("b", "c", 1)
    assert f"{path}:5: b.c.7" == first.where("b", "c", 7)
    assert f"{path}:3: a.z" == first.where("a", "z")
    assert f"{path}:10: d" == second.where("d")


def test_dates_and_signs_stay_texts(tmp_path: Path) -> None:
    """What YAML takes for a date or for a default value is the text that stands in a log."""
    assert [["2026-13-45", "="]] == read_documents(a_file(tmp_path, "[2026-13-45, =]"))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [1", 2, "not valid YAML: "),
        ("a: 1\nb: {c: 1,\n  c: 2}", 3, "the key 'c' stands twice"),
        ("a: 1\n'a': 2", 2, "the key 'a' stands twice"),
        ("a: &a [*a]", 1, "holds itself"),
        ("[" * 60 + "]" * 60, 1, "nested too deeply"),
        ("[" * 200_000, 1, "nested too deeply"),
        ("- " * 100_000, 1, "nested too deeply"),
        ("a: '" + "[" * 200 + "'\nb: [1", 3, "not valid YAML: "),
        (
            "a: &a [1, 1]\n"
            + "".join(f"{n}: &{n} [*{p}, *{p}, *{p}, *{p}]\n" for p, n in zip("abcdefghi", "bcdefghij", strict=True)),
            1,
            "more than 100000 values",
        ),
        ("a: " + "9" * 5000, 1, "not valid YAML: "),
        ("a: \x01", 1, "not valid YAML: "),
        ("a: !!python/name:os.system x", 1, "not valid YAML: "),
        ("? [a]\n: b", 1, "not valid YAML: "),
    ],
)
def test_a_broken_document_leaves_the_others(tmp_path: Path, text: str, line: int, message: str) -> None:
    """It is named with its line, and those before and behind it are read."""
    path = a_file(tmp_path, f"before: 1\n---\n{text}\n---\nbehind: 1\n")
    documents, (problem,) = marked_documents(path)
    assert [{"before": 1}, {"behind": 1}] == [document.content for document in documents]
    assert message in problem.message
    assert f"{path}:{line + 2}" == problem.where
    with pytest.raises(ProblemsFound, match=message.partition(":")[0]):
        read_documents(path)
