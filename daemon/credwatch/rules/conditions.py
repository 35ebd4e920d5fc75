"""pySigma's parsed conditions turned into conditions of our own."""

from __future__ import annotations

import re
from typing import Any

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
_LOOK_AROUND = re.compile(r"\(\?(?:=|!|<=|<!)|\\[1-9]|\(\?P=")


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
    if isinstance(value, SigmaString):
        value = SigmaString(f"*{value}*") if not value.contains_special() else value
    return _test(KEYWORD_FIELD, value, where)


def _test(field: str, value: Any, where: str) -> Condition:
    match value:
        case SigmaString():
            return _string_test(field, value)
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
    pattern = value.regexp.to_plain(regex=True) if hasattr(value.regexp, "to_plain") else str(value.regexp)
    if _LOOK_AROUND.search(pattern):
        raise RuleError(
            "the regular expression uses look-around or a back-reference, which cannot run in linear time",
            where=where,
            hint="split it into two conditions joined by 'and' or 'not'",
        )
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    return f"(?{flags}){pattern}" if flags else pattern
