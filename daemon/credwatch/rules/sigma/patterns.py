"""Texts and regular expressions as the cheapest test that says the same."""

from __future__ import annotations

import re

import polars as pl
from sigma.types import SpecialChars

from credwatch.rules.model import Operator, Test
from credwatch.rules.sigma.scope import Scope
from credwatch.rules.sigma.texts import ANY, ONE, Text

REGEX_HINT = "it runs in linear time: no look-around, no back-references, and the syntax of Rust's regex crate"
"""What a rule's author needs to know where a regular expression is refused."""

_LONGEST_PATTERN = 10_000
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_WILD = {ANY: ".*", ONE: "."}


def text_test(field: str, text: Text, *, cased: bool) -> Test:
    """Test a field for a text with wildcards: whole, prefix, suffix, infix, or a pattern for the rest."""
    plain = "".join(part for part in text if isinstance(part, str))
    match tuple(part if isinstance(part, SpecialChars) else "text" for part in text):
        case () | ("text",):
            return Test(field, Operator.EQUALS, plain, cased)
        case (SpecialChars.WILDCARD_MULTI,):
            return Test(field, Operator.EXISTS, True)
        case ("text", SpecialChars.WILDCARD_MULTI):
            return Test(field, Operator.STARTS_WITH, plain, cased)
        case (SpecialChars.WILDCARD_MULTI, "text"):
            return Test(field, Operator.ENDS_WITH, plain, cased)
        case (SpecialChars.WILDCARD_MULTI, "text", SpecialChars.WILDCARD_MULTI):
            return Test(field, Operator.CONTAINS, plain, cased)
        case _:
            body = "".join(_WILD[part] if isinstance(part, SpecialChars) else literal(part) for part in text)
            return Test(field, Operator.REGEX, f"(?{'s' if cased else 'si'})^{body}$", cased=True)


def pattern_test(field: str, body: str, *, flags: str, shape: str, scope: Scope) -> Test:
    """Test a field for a regular expression that may match anywhere; raises RuleError where it does not compile."""
    if len(body) > _LONGEST_PATTERN:
        message = f"the regular expression has {len(body)} characters"
        raise scope.error(message, f"split it: {_LONGEST_PATTERN} is the most")
    begin = r"\A" if shape == "startswith" else ""
    end = r"\z" if shape == "endswith" else ""
    anchored = f"{begin}(?:{body}){end}" if begin or end else body
    pattern = f"(?{flags}){anchored}" if flags else anchored
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        raise scope.error(f"the regular expression {_shown(body)} does not compile", REGEX_HINT) from error
    return Test(field, Operator.REGEX, pattern, cased=True)


def literal(text: str) -> str:
    """Write a text so that a pattern takes it literally."""
    return _SPECIAL.sub(r"\\\1", text)


def _shown(body: str) -> str:
    return repr(body if len(body) <= 80 else f"{body[:79]}…")
