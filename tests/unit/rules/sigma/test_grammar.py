"""Conditions over selections: names, quantifiers and patterns, operators in any letter case, brackets."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.errors import RuleError
from credwatch.rules.documents import marked_documents
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from credwatch.rules.sigma.grammar import read_expression
from credwatch.rules.sigma.scope import Scope

NAMES = ("sel_a", "sel-b", "other", "notes", "_hidden", "1", "all")
A, B, OTHER, NOTES, HIDDEN, ONE, ALL = (Test("user.name", Operator.EQUALS, name) for name in NAMES)
SELECTIONS: dict[str, Condition] = dict(zip(NAMES, (A, B, OTHER, NOTES, HIDDEN, ONE, ALL), strict=True))


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    """Stand at the condition of a document."""
    path = tmp_path / "rules.yml"
    path.write_text("detection:\n  condition: x\n", encoding="utf-8")
    ((document,), _) = marked_documents(path)
    return Scope(document, {}, ("detection", "condition"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sel_a", A),
        ("sel-b and other", AllOf((B, OTHER))),
        ("sel_a or sel-b and other", AnyOf((A, AllOf((B, OTHER))))),
        ("(sel_a or sel-b) and other", AllOf((AnyOf((A, B)), OTHER))),
        ("not sel_a and other", AllOf((NotThis(A), OTHER))),
        ("not (sel_a and other)", NotThis(AllOf((A, OTHER)))),
        ("not not sel_a", A),
        ("NOT sel_a AND Other OR notes".replace("Other", "other"), AnyOf((AllOf((NotThis(A), OTHER)), NOTES))),
        ("1 of sel*", AnyOf((A, B))),
        ("All Of sel*", AllOf((A, B))),
        ("any of sel_*", A),
        ("1 of *e*", AnyOf((A, B, OTHER, NOTES))),
        ("1 of them", AnyOf((A, B, OTHER, NOTES, ONE, ALL))),
        ("all of THEM", AllOf((A, B, OTHER, NOTES, ONE, ALL))),
        ("1 of _*", HIDDEN),
        ("_hidden", HIDDEN),
        ("1 and all", AllOf((ONE, ALL))),
        ("notes", NOTES),
        ("sel_a and(other)", AllOf((A, OTHER))),
    ],
)
def test_a_condition(scope: Scope, text: str, expected: Condition) -> None:
    """Not binds closer than and, and closer than or; names may look like words of the language."""
    assert expected == read_expression(text, SELECTIONS, scope)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "cannot go on with its end", "join selections"),
        ("sel_a and", "cannot go on with its end", "join selections"),
        ("sel_a other", "cannot go on with 'other'", "join selections"),
        ("and sel_a", "cannot go on with 'and'", "join selections"),
        ("sel_a)", "cannot go on with ')'", "join selections"),
        ("1 of", "cannot go on with its end", "join selections"),
        ("1 of (sel_a)", "cannot go on with '('", "join selections"),
        ("(sel_a", "a bracket of the condition is not closed", "add )"),
        ("sel_aa", "names 'sel_aa', and no selection is called so", "did you mean 'sel_a'?"),
        ("zz", "names 'zz', and no selection is called so", "there are: sel_a"),
        ("2 of them", "names '2', and no selection is called so", "write 1 of, any of or all of"),
        ("1 of nothing*", "ranges over 'nothing*', and no selection is called so", "there are: sel_a"),
        ("sel_a | count() > 3", "conditions with | are not Sigma any more", "write a correlation"),
        ("(" * 60 + "sel_a" + ")" * 60, "more than 50 brackets", "nest less"),
        ("sel_a and " * 6000 + "sel_a", "more than 10000 words", "1 of name*"),
    ],
)
def test_what_is_no_condition(scope: Scope, text: str, message: str, hint: str) -> None:
    """It is refused with file, line and key, and with what would be right."""
    with pytest.raises(RuleError) as caught:
        read_expression(text, SELECTIONS, scope)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where.endswith("rules.yml:2: detection.condition")
