"""YAML files of rules and of their cases: several documents a file, read the same way and refused in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from credwatch.kernel.errors import Problem, ProblemsFound, RuleError

Key = str | int
"""A step into a document: the key of a mapping, or the place in a list."""

CASES = ".cases.yml"
"""How the names of case files end; each stands beside the rules that it is about."""

_BETWEEN = re.compile(r"^---(?:[ \t]*\n|(?=\s|$))", re.MULTILINE)
_NOTHING = re.compile(r"\A(?:[ \t]*(?:[#%].*)?(?:\n|\Z))*\Z")
_DEEPEST = 50
_LARGEST = 100_000
_MISREAD = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


class _Loader(yaml.CSafeLoader):
    """Reads plain values, with dates and `=` as the texts that they are in a log."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _MISREAD]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class Document(Struct, frozen=True, eq=False):
    """One document of a file, and where each of its keys stands."""

    content: Any
    """What it says, as plain values."""
    path: Path
    """Its file."""
    node: yaml.Node
    """The same with marks."""
    offset: int
    """How many lines of the file stand before it."""

    def where(self, *keys: Key) -> str:
        """Name file, line and key of what the keys lead to; of its nearest parent where they lead nowhere."""
        node, line = self.node, self.node.start_mark.line
        for key in keys:
            child = _child(node, key)
            if child is None:
                break
            node, line = child
        place = f"{self.path}:{line + self.offset + 1}"
        return f"{place}: {'.'.join(map(str, keys))}" if keys else place


def read_documents(path: Path) -> list[Any]:
    """Read the contents of a file's documents, empty ones left out.

    Raises RuleError where it cannot be read, and ProblemsFound where a document is no YAML or has a key twice.
    """
    documents, problems = marked_documents(path)
    if problems:
        raise ProblemsFound(problems)
    return [document.content for document in documents]


def marked_documents(path: Path) -> tuple[list[Document], list[Problem]]:
    """Read the documents of a file that can be read, and name the others; RuleError where the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RuleError(f"cannot be read: {error.strerror}", where=str(path), hint="check its permissions") from error
    except UnicodeDecodeError as error:
        raise RuleError(f"not valid YAML: {error}", where=str(path), hint="save it as UTF-8") from error
    documents: list[Document] = []
    problems: list[Problem] = []
    for chunk, offset in _chunks(text):
        try:
            documents += _read(chunk, path, offset)
        except RuleError as error:
            problems.append(Problem.of(error))
    return documents, problems


def _chunks(text: str) -> Iterator[tuple[str, int]]:
    """Cut a file at its document marks, so that what is wrong with one document leaves the others."""
    starts = [0, *(match.end() for match in _BETWEEN.finditer(text))]
    ends = [*(match.start() for match in _BETWEEN.finditer(text)), len(text)]
    for start, end in zip(starts, ends, strict=True):
        if not _NOTHING.match(chunk := text[start:end]):
            yield chunk, text.count("\n", 0, start)


@lru_cache(maxsize=8192)
def _read(chunk: str, path: Path, offset: int) -> tuple[Document, ...]:
    """Read the documents of a chunk.

    What a chunk gives is remembered, for nothing changes it afterwards: to read five hundred files takes half a second,
    and a reload has changed few of them.
    """
    try:
        _check_depth(chunk, f"{path}:{offset + 1}")
        loader = _Loader(chunk)
        documents = []
        while loader.check_node() and (node := loader.get_node()):
            _measure(node, f"{path}:{offset + 1}", offset, {}, ())
            documents.append(Document(loader.construct_document(node), path, node, offset))
        return tuple(document for document in documents if document.content is not None)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = offset + (mark.line if mark else 0) + 1
        problem = error.problem or error.context
        raise RuleError(f"not valid YAML: {problem}", where=f"{path}:{line}", hint="mend that line") from error
    except (yaml.YAMLError, ValueError) as error:
        # Control characters, numbers of thousands of digits: they come without a mark.
        where = f"{path}:{offset + 1}"
        raise RuleError(f"not valid YAML: {error}", where=where, hint="quote texts") from error


def _check_depth(chunk: str, where: str) -> None:
    """Refuse what is nested without end, before the composer, which goes down by recursion, meets it.

    Some versions of libyaml stop at a depth of their own, in words of their own, before an event is seen.
    """
    depth = 0
    try:
        for event in yaml.parse(chunk, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                break
    except yaml.MarkedYAMLError:
        depth = _scanned_depth(chunk)
        if depth <= _DEEPEST:
            raise
    if depth > _DEEPEST:
        raise RuleError("is nested too deeply", where=where, hint=f"{_DEEPEST} levels are more than a rule needs")


def _scanned_depth(chunk: str) -> int:
    """Tell how deep a text is nested where its scan ends, or passes what is allowed; quoted brackets nest nothing."""
    scanner, depth = None, 0
    with suppress(yaml.YAMLError):
        scanner = yaml.SafeLoader(chunk)
        while depth <= _DEEPEST and scanner.get_token():  # type: ignore[no-untyped-call]  # its stub has no types
            depth = scanner.flow_level + len(scanner.indents)
    return scanner.flow_level + len(scanner.indents) if scanner else 0


def _measure(node: yaml.Node, where: str, offset: int, sizes: dict[int, int], within: tuple[yaml.Node, ...]) -> int:
    """Count the values of a node, aliases each time; refuse what holds itself or grows beyond reason."""
    if node in within:
        raise RuleError("holds itself", where=where, hint="write the values out instead of an alias")
    if id(node) not in sizes:
        _without_repeats(node, where, offset)
        children = [_measure(child, where, offset, sizes, (*within, node)) for child in _children(node)]
        sizes[id(node)] = 1 + sum(children)
    if sizes[id(node)] > _LARGEST:
        raise RuleError(f"has more than {_LARGEST} values", where=where, hint="split it, or use a network or a pattern")
    return sizes[id(node)]


def _without_repeats(node: yaml.Node, where: str, offset: int) -> None:
    """Refuse a key that stands twice in a mapping: YAML would silently take the last."""
    names = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    keys_before: set[str] = set()
    for name in names:
        if isinstance(name, yaml.ScalarNode) and name.value in keys_before:
            place = f"{where.rpartition(':')[0]}:{name.start_mark.line + offset + 1}"
            raise RuleError(f"the key {name.value!r} stands twice", where=place, hint="make their values one list")
        keys_before.add(str(name.value))


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _child(node: yaml.Node, key: Key) -> tuple[yaml.Node, int] | None:
    """Find a child and the line where it, or its key, begins."""
    if isinstance(node, yaml.MappingNode):
        return next(((value, name.start_mark.line) for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key].start_mark.line
    return None
