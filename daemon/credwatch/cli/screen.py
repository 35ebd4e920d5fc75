"""A terminal with colours and trees, which is told apart from a file; all text passes one gate on its way to it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from credwatch.kernel.legible import on_a_terminal

_WIDE = 100_000


class Branch:
    """A line with lines under it."""

    def __init__(self, words: str, style: str = "") -> None:
        self.words = words
        self.style = style
        self.branches: list[Branch] = []

    def add(self, words: str) -> Branch:
        """Put a line under this one, and return it, so that it may bear others."""
        branch = Branch(words)
        self.branches.append(branch)
        return branch


class Screen:
    """Writes to stdout, or to stderr where it is talk; no text can steer the terminal."""

    def __init__(self, *, is_talk: bool = False) -> None:
        self._console = Console(stderr=is_talk, highlight=False)

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches."""
        return self._console.is_terminal

    def line(self, words: str, style: str = "") -> None:
        """Write one line in full, however wide the terminal is, so that it can be copied."""
        self._console.print(_text(words, style), soft_wrap=True)

    def cut_line(self, words: str, style: str = "") -> None:
        """Write one line, cut to the width of the terminal."""
        self._console.print(_text(words, style), no_wrap=True, overflow="ellipsis")

    def tree(self, root: Branch) -> None:
        """Write a tree; where nobody watches, its lines are not cut to a screen."""
        if not self.is_terminal:
            self._console.width = _WIDE
        self._console.print(_tree(root))


def _tree(root: Branch) -> Tree:
    tree = Tree(_text(root.words, root.style), highlight=False)
    tree.children.extend(_tree(branch) for branch in root.branches)
    return tree


def _text(words: str, style: str) -> Text:
    return Text(on_a_terminal(words), style=style)
