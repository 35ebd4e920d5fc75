"""Writes the page of conformance: what standards ask of the gate. `python -m gallery.conformance` prints it."""

from __future__ import annotations

import tomllib
from typing import Literal

from credwatch.kernel.options import Options
from credwatch.kernel.resources import shipped

State = Literal["met", "application", "not applicable", "not met"]

INTRODUCTION = """# Conformance of the gate

What two standards ask of whoever verifies passwords and second factors, row by row, and what the [gate](gate.md)
makes of it with the default profile. Standards are put in our words; read the row itself before you rely on it. The
state is one of four:

- **met**: the gate does it, and the tests named ask the gate.
- **application**: the gate never sees what the row is about; the application that asks the gate must do it.
- **not applicable**: there is nothing in the gate that the row could be about.
- **not met**: the gate could do it, and does not.

The tables are made from `config/conformance/*.toml`: `PYTHONPATH=tests python -m gallery.conformance`. What the
customers' pages do stands in [security.md](security.md).
"""
CONFLICTS = """
## Where the standards contradict each other

| about | one | the other | what the gate does |
|---|---|---|---|
"""


class Row(Options):
    """One demand of a standard."""

    id: str
    """Its section or number; letters of ours where a section has several."""
    force: str
    """How strongly it is asked: SHALL, or from which level on."""
    asks: str
    """What, in our words."""
    state: State
    """What becomes of it."""
    why: str
    """How, or why not."""
    tests: tuple[str, ...] = ()
    """Node ids of tests that hold it."""


class Conflict(Options):
    """Two standards that cannot both be followed."""

    about: str
    """In what."""
    one: str
    """What one asks."""
    other: str
    """What the other asks."""
    result: str
    """What the gate does."""


class Standard(Options):
    """One file of config/conformance."""

    name: str
    """What it is called."""
    source: str
    """Which text was read."""
    force: str
    """What the column of `force` is called."""
    row: tuple[Row, ...]
    """Its demands."""
    conflict: tuple[Conflict, ...] = ()
    """Where others contradict it."""


def standards() -> list[Standard]:
    """Read the files, NIST's first."""
    files = sorted((shipped("config") / "conformance").glob("*.toml"), reverse=True)
    return [Standard.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))) for path in files]


def conformance_page() -> str:
    """Return the whole page."""
    conflicts = [
        f"| {it.about} | {it.one} | {it.other} | {it.result} |\n"
        for standard in standards()
        for it in standard.conflict
    ]
    return INTRODUCTION + "".join(map(_section, standards())) + CONFLICTS + "".join(conflicts)


def _section(standard: Standard) -> str:
    states = [row.state for row in standard.row]
    sums = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    head = f"\n## {standard.name}\n\nRead: {standard.source}. {len(states)} rows: {sums}.\n\n"
    table = f"| row | {standard.force} | asks | state | how, or why not | tests |\n|---|---|---|---|---|---|\n"
    return head + table + "".join(map(_line, standard.row))


def _line(row: Row) -> str:
    tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.tests) or "–"
    return f"| {row.id} | {row.force} | {row.asks} | **{row.state}** | {row.why} | {tests} |\n"


if __name__ == "__main__":
    print(conformance_page(), end="")
