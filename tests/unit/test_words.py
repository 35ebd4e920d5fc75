"""The code keeps to its own words: CONTRIBUTING.md, How it is written."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import credwatch

SOURCES = sorted(Path(credwatch.__path__[0]).rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}
NO_NOUNS = frozenset({"each", "found", "known", "told", "given"})
FORMATS = {
    ("authoring/cases.py", "given"),
    ("outbox/words/catalogue.py", "known"),
    ("sources/rest/options.py", "each"),
}
"""Keys that operators write: `given:` of a case, `known` of a kind, `each` of a REST source."""
HEAVY = frozenset(
    {"aiosmtpd", "alembic", "docx", "google", "holidays", "opentelemetry", "sqlalchemy", "typst", "zxcvbn"}
)
"""Libraries that a few calls need, and that the daemon's memory and its start are spared."""
ON_PURPOSE = {
    *("__main__.py", "checks/pulled.py", "sources/registry.py", "store/database.py"),
    *("collect/destinations.py", "service/receiving.py", "sources/file/dates.py", "posture/readers/registry.py"),
    "app/enforcement.py",
}
"""The command line behind the tuning of memory; a server's driver for those who have one; a collector's one way out;
the clients of NATS and LDAP for who has a stream or a directory; the arrays that only a backlog without years needs."""


def _names() -> Iterator[tuple[str, str]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.arg):
                yield _short(path), node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield _short(path), node.id


def _short(path: Path) -> str:
    return path.relative_to(credwatch.__path__[0]).as_posix()


def test_values_are_named_by_nouns() -> None:
    """No value is called by what happened to it, or by a word that says nothing."""
    assert [] == sorted({pair for pair in _names() if pair[1] in NO_NOUNS} - FORMATS)


def test_a_class_name_has_one_owner() -> None:
    """No two classes share a name, private ones of a module left aside."""
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Options"
    )
    assert [] == [name for name, count in names.items() if count > 1]


def test_imports_stand_at_the_top() -> None:
    """Inside functions stand only what one command needs, and heavy libraries that few calls need."""
    inner = {
        (_short(path), module.partition(".")[0])
        for path, tree in TREES.items()
        if not _short(path).startswith("cli/") and _short(path) not in ON_PURPOSE
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for module in _imported(function)
    }
    assert [] == sorted(pair for pair in inner if pair[1] not in HEAVY)


def _imported(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
