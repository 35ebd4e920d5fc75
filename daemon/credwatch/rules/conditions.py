"""pySigma's parsed conditions turned into conditions of our own."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from credwatch.kernel.errors import RuleError, nearest
from credwatch.kernel.fields import BY_NAME
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test

KEYWORD_FIELD = "message"
"""Keywords without a field are searched in the message."""

REGEX_HINT = "it runs in linear time: no look-around, no back-references, and the syntax of Rust's regex crate"
"""What a rule's author needs to know where a regular expression is refused."""

_COMPARE = {
    "LT": Operator.LESS,
    "LTE": Operator.LESS_EQUAL,
    "GT": Operator.GREATER,
    "GTE": Operator.GREATER_EQUAL,
    "NEQ": Operator.NOT_EQUAL,
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


def read_condition(node: Any, where: str) -> Condition:
    """Turn a parsed pySigma condition into a Condition; raises RuleError for what cannot be evaluated."""
    match node:
        case ConditionAND():
            return AllOf(tuple(read_condition(item, where) for item in node.args))
        case ConditionOR():
            return AnyOf(tuple(read_condition(item, where) for item in node.args))
        case ConditionNOT():
            return NotThis(read_condition(node.args[0], where))
        case ConditionFieldEqualsValueExpression():
            return _test(_known(node.field, where), node.value, where)
        case ConditionValueExpression():
            return _keyword(node.value, where)
        case _:
            raise RuleError(f"cannot evaluate {type(node).__name__}", where=where, hint="rewrite the condition")


def require_field(name: str, where: str) -> str:
    """Return the name where the event schema has it; raises RuleError with the nearest known name otherwise."""
    return _known(name, where)


def _known(name: str, where: str) -> str:
    if name not in BY_NAME:
        hint = nearest(name, BY_NAME) or "the fields are listed in docs/events.md"
        raise RuleError(f"unknown field {name!r}", where=where, hint=hint)
    return name


def _keyword(value: Any, where: str) -> Condition:
    """Search a word anywhere in the message, wildcards within it included."""
    word = SigmaString(str(value)) if isinstance(value, SigmaNumber) else value
    if isinstance(word, SigmaString):
        star = SpecialChars.WILDCARD_MULTI
        word = word if word.startswith(star) else star + word
        word = word if word.endswith(star) else word + star
    return _test(KEYWORD_FIELD, word, where)


def _test(field: str, value: Any, where: str) -> Condition:
    match value:
        case SigmaString():
            return _string_test(field, _without_placeholders(field, value, where))
        case SigmaExpansion():
            return AnyOf(tuple(_test(field, item, where) for item in value.values))
        case SigmaFieldReference() if not (value.starts_with or value.ends_with):
            return Test(field, Operator.FIELD, _known(value.field, where))
        case SigmaRegularExpression():
            return Test(field, Operator.REGEX, _pattern(value, where), cased=True)
        case _:
            return _plain_test(field, value, where)


def _plain_test(field: str, value: Any, where: str) -> Test:
    match value:
        case SigmaTimestampPart():
            return Test(field, Operator.TIME_PART, (value.timestamp_part.name.lower(), int(value.number)))
        case SigmaNumber():
            return Test(field, Operator.EQUALS, value.number)
        case SigmaBool():
            return Test(field, Operator.EQUALS, value.boolean)
        case SigmaNull():
            return Test(field, Operator.NULL, None)
        case SigmaExists():
            return Test(field, Operator.EXISTS, bool(value))
        case SigmaCompareExpression():
            return Test(field, _COMPARE[value.op.name], value.number.number)
        case SigmaCIDRExpression():
            return Test(field, Operator.CIDR, str(value.network))
        case _:
            raise RuleError(
                f"field {field!r}: values of the kind {type(value).__name__} are not supported",
                where=where,
                hint="write it as a string, number, regular expression or network",
            )


def _without_placeholders(field: str, value: SigmaString, where: str) -> SigmaString:
    if value.contains_placeholder():
        raise RuleError(f"field {field!r}: placeholders are not supported", where=where, hint="write the values out")
    return value


def _string_test(field: str, value: SigmaString) -> Test:
    """Choose the cheapest operator for a string: whole, prefix, suffix, infix, or a pattern for the rest."""
    cased = isinstance(value, SigmaCasedString)
    parts = list(value.s)
    star = SpecialChars.WILDCARD_MULTI
    plain = [part for part in parts if isinstance(part, str)]
    shape = ["text" if isinstance(part, str) else part for part in parts]
    if shape in ([], ["text"]):
        return Test(field, Operator.EQUALS, plain[0] if plain else "", cased)
    if shape == [star]:
        return Test(field, Operator.EXISTS, True)
    if shape == ["text", star]:
        return Test(field, Operator.STARTS_WITH, plain[0], cased)
    if shape == [star, "text"]:
        return Test(field, Operator.ENDS_WITH, plain[0], cased)
    if shape == [star, "text", star]:
        return Test(field, Operator.CONTAINS, plain[0], cased)
    return Test(field, Operator.REGEX, _wildcards(parts, cased), cased=True)


def _wildcards(parts: list[Any], cased: bool) -> str:
    wild = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    body = "".join(re.escape(part) if isinstance(part, str) else wild[part] for part in parts)
    return f"(?{'s' if cased else 'si'})^{body}$"


def _pattern(value: SigmaRegularExpression, where: str) -> str:
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    body = value.regexp.to_plain(regex=True)
    pattern = f"(?{flags}){body}" if flags else body
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        raise RuleError(f"the regular expression {body!r} does not compile", where=where, hint=REGEX_HINT) from error
    return pattern
