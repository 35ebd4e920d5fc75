"""Help that stands in the documentation is the program's."""

import re

import pytest

from scenarios.test_readme import TOP, shell, words

SHOWN = [
    pytest.param(*block, id=f"{page.name}: {block[0]}")
    for page in sorted((TOP / "docs").glob("*.md"))
    for block in re.findall(r"^```text\n\$ (credwatch [^\n]*--help)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
]


def test_there_is_help_to_hold() -> None:
    """The pages have blocks of help, so that the test below cannot be empty."""
    assert len(SHOWN) >= 3


@pytest.mark.parametrize(("command", "text"), SHOWN)
def test_help_of_the_pages_is_the_programs(command: str, text: str) -> None:
    """Each block says what the program says; how a release of Typer marks a value's type is left aside."""
    assert words(shell(command, TOP).stdout) == words(text), f"paste anew: COLUMNS=80 {command}"
