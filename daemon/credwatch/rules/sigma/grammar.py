"""Condition strings of Sigma: names joined by and, or, not, brackets and quantifiers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from credwatch.kernel.errors import nearest
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis
from credwatch.rules.sigma.scope import Scope

_TOKEN = re.compile(r"[()]|[^\s()]+")
_MOST_TOKENS = 10_000
_DEEPEST = 50
_Join = type[AllOf] | type[AnyOf]
_QUANTIFIERS: dict[str, _Join] = {"1": AnyOf, "any": AnyOf, "all": AllOf}
_OPERATORS = ("and", "or", "not", "of")


def read_expression(text: str, selections: Mapping[str, Condition], scope: Scope) -> Condition:
    """Read a condition over named selections.

    Sigma specification, section "Condition": `not` binds closest, then `and`, then `or`; words of the language are
    known in any letter case. Raises RuleError for names that no selection has and for what is no condition.
    """
    tokens = _TOKEN.findall(text)
    if len(tokens) > _MOST_TOKENS:
        raise scope.error(f"the condition has more than {_MOST_TOKENS} words", "join selections by 1 of name*")
    if "|" in text:
        raise scope.error("conditions with | are not Sigma any more", "write a correlation: see docs/rules.md")
    expression = _Expression(tokens, selections, scope)
    tree = expression.alternatives(0)
    if expression.word():
        raise expression.unexpected()
    return tree


class _Expression(Struct):
    """The words of a condition and the place where the reader stands: a recursive descent, one method each level."""

    tokens: list[str]
    selections: Mapping[str, Condition]
    scope: Scope
    place: int = 0

    def word(self) -> str:
        """Return the present word, or an empty string at the end."""
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        """Step over the present word where it is one of these."""
        is_next = self.word().lower() in words
        self.place += is_next
        return is_next

    def unexpected(self) -> Exception:
        """Say what stands where something else is due."""
        token = repr(self.word()) if self.word() else "its end"
        return self.scope.error(f"the condition cannot go on with {token}", "join selections by and, or, not, ( and )")

    def alternatives(self, depth: int) -> Condition:
        """Read what `or` joins."""
        if depth > _DEEPEST:
            raise self.scope.error(
                f"the condition has more than {_DEEPEST} brackets or nots in one another", "nest less"
            )
        items = [self.together(depth)]
        while self.take("or"):
            items.append(self.together(depth))
        return joined(AnyOf, items)

    def together(self, depth: int) -> Condition:
        """Read what `and` joins."""
        items = [self.factor(depth)]
        while self.take("and"):
            items.append(self.factor(depth))
        return joined(AllOf, items)

    def factor(self, depth: int) -> Condition:
        """Read a name, a quantifier, a negation or a bracket."""
        negations = 0
        while self.take("not"):
            negations += 1
        item = self.bracket(depth) if self.take("(") else self.named()
        return NotThis(item) if negations % 2 else item

    def bracket(self, depth: int) -> Condition:
        """Read up to the closing bracket."""
        item = self.alternatives(depth + 1)
        if not self.take(")"):
            raise self.scope.error("a bracket of the condition is not closed", "add )")
        return item

    def named(self) -> Condition:
        """Read a name, or a quantifier and what it ranges over."""
        word = self.word()
        following = self.tokens[self.place + 1 : self.place + 2]
        if word.lower() in _QUANTIFIERS and [follower.lower() for follower in following] == ["of"]:
            self.place += 2
            return self.several(_QUANTIFIERS[word.lower()])
        if word in self.selections:
            self.place += 1
            return self.selections[word]
        if not word or word == ")" or word.lower() in _OPERATORS:
            raise self.unexpected()
        hint = nearest(word, self.selections) or f"there are: {', '.join(self.selections)}"
        if re.fullmatch(r"\d+", word) and [follower.lower() for follower in following] == ["of"]:
            hint = "write 1 of, any of or all of"
        raise self.scope.error(f"the condition names {word!r}, and no selection is called so", hint)

    def several(self, join: _Join) -> Condition:
        """Read `them` or a pattern; names that begin with _ are only meant by patterns that do."""
        pattern = self.word()
        if not pattern or pattern in "()":
            raise self.unexpected()
        self.place += 1
        glob = "*" if pattern.lower() == "them" else pattern
        shape = re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)
        hidden = not glob.startswith("_")
        names = [name for name in self.selections if shape.fullmatch(name) and not (hidden and name.startswith("_"))]
        if not names:
            hint = f"there are: {', '.join(self.selections)}"
            raise self.scope.error(f"the condition ranges over {pattern!r}, and no selection is called so", hint)
        return joined(join, [self.selections[name] for name in names])


def joined(join: _Join, items: list[Condition]) -> Condition:
    """Join conditions; one alone stays as it is."""
    return items[0] if len(items) == 1 else join(tuple(items))
