"""The page of conformance: current, and each row that is met has tests that ask the gate."""

import ast
from functools import cache
from pathlib import Path

import pytest

from gallery.conformance import Row, conformance_page, standards

ROOT = Path(__file__).parents[2]
ROWS = [(standard.name, row) for standard in standards() for row in standard.row]
GATE = ("credwatch.policy", "credwatch.web.gate", "credwatch.store.gate", "credwatch.cli.pam", "unit.policy.gate_fakes")


def test_the_page_is_that_of_the_tables() -> None:
    """`docs/conformance.md` is what `PYTHONPATH=tests python -m gallery.conformance` prints."""
    assert conformance_page() == (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")


def test_no_row_stands_twice() -> None:
    """Within a standard each number has one row."""
    keys = [(standard, row.id) for standard, row in ROWS]
    assert sorted(set(keys)) == sorted(keys)


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=lambda row: str(row.id))
def test_a_row_is_proven(row: Row) -> None:
    """A row that is met names tests, each of which is there and uses the gate; any other row claims none."""
    assert bool(row.tests) is (row.state == "met"), row.id
    for test in row.tests:
        path, _, name = test.partition("::")
        assert _asks_the_gate(ROOT / path, name), test


@cache
def _module(path: Path) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return which names each top-level definition of a file uses, and which names come from the gate."""
    uses, imported = {}, set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = frozenset(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            arguments = {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
            uses[node.name] = names | arguments
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            uses |= {target.id: names for target in ast.walk(node) if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(GATE):
            imported |= {alias.asname or alias.name for alias in node.names}
    return uses, frozenset(imported)


def _asks_the_gate(path: Path, test: str) -> bool:
    """Follow what a test calls within its file, until something of the gate is used."""
    uses, imported = _module(path)
    reached, waiting = set(), [test] if test in uses and test.startswith("test_") else []
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting.extend(uses.get(name, frozenset()) - reached)
    return bool(reached & imported)
