"""What the command line prints: nothing from outside steers a terminal, and nothing is printed around it."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import credwatch.cli
from credwatch.cli.output import print_json, print_problems, say, say_document, tell
from credwatch.cli.screen import Branch, Screen
from credwatch.kernel.errors import Problem

CLI = Path(credwatch.cli.__file__).parent
GATES = {"output.py", "screen.py"}
"""The two modules that write to a stream."""
STEERING = "\x1b]0;title\x07\x9b2J\r\n\u202e\u2028\u200bend"


@pytest.mark.parametrize("path", sorted(CLI.glob("*.py")), ids=lambda path: path.name)
def test_every_print_passes_the_gate(path: Path) -> None:
    """No module but the two writes to a stream, by whatever way."""
    if path.name in GATES:
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    assert [] == [ast.unparse(call) for call in calls if _writes(call.func)]


def _writes(function: ast.expr) -> bool:
    name = ast.unparse(function)
    names = {"print", "typer.echo", "typer.secho", "click.echo", "rich.print"}
    return name in names or (name.endswith((".write", ".print", ".writelines")) and not name.startswith("file."))


@pytest.mark.parametrize("write", [say, tell, lambda text: print_problems([Problem(text, text, text)])])
def test_a_line_stays_one_printable_line(write, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes stand where control, direction and separator characters stood."""
    write(STEERING)
    written = "".join(capsys.readouterr())
    assert all(line.isprintable() and line for line in written.removesuffix("\n").split("\n"))
    assert "\\x1b]0;title\\x07\\x9b2J\\x0d\\x0a\\u202e\\u2028\\u200bend" in written


def test_json_is_read_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal gets escapes, and whoever reads the JSON gets the value."""
    print_json({"reply": STEERING, "name": "Trần Ánh"})
    written = capsys.readouterr().out
    assert {"reply": STEERING, "name": "Trần Ánh"} == json.loads(written)
    assert written.removesuffix("\n").isprintable()
    assert "Trần Ánh" in written


@given(st.text())
def test_a_document_keeps_its_lines_and_nothing_else(text: str) -> None:
    """Only its own line ends are left of what a terminal would act upon."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        say_document(text)
    assert stream.getvalue().replace("\r\n", "").replace("\n", "").isprintable()
    assert text.count("\n") == stream.getvalue().count("\n")


def test_a_tree_shows_what_could_steer(capsys: pytest.CaptureFixture[str]) -> None:
    """Its labels are lines like any other, and no markup is read in them."""
    root = Branch(STEERING, "bold")
    root.add("[red]" + STEERING)
    Screen().tree(root)
    lines = capsys.readouterr().out.splitlines()
    assert 2 == len(lines)
    assert all(line.isprintable() for line in lines)
    assert "[red]" in lines[1]
