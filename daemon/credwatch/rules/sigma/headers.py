"""The head of a rule, correlation or filter, which pySigma reads: title, id, name, level, tags, log source, references.

What pySigma would refuse though no detection depends on it is taken away first: docs/rules.md lists it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sigma.correlations import SigmaCorrelationConditionOperator, SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaLogsourceError, SigmaTitleError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from credwatch.kernel.detection import Level
from credwatch.kernel.errors import RuleError, nearest
from credwatch.rules.documents import Document
from credwatch.rules.sigma.correlating import MORE_BOUNDS, key_of
from credwatch.rules.sigma.shapes import check_correlation

Item = SigmaRule | SigmaCorrelationRule | SigmaFilter
"""What a document can be."""

_FOR_READERS = frozenset(
    (
        *("author", "date", "description", "falsepositives", "fields", "license"),
        *("modified", "references", "related", "scope", "status", "taxonomy"),
    )
)
_SIDES = SigmaCorrelationConditionOperator.operators()
_STAND_IN = {"selection": "*", "condition": "selection"}
_LEVELS = [level.name.lower() for level in Level]


def read_header(document: Document) -> Item:
    """Read a document but for its selections, of which the item has a stand-in.

    Raises RuleError with line and key, or ProblemsFound with each that is wrong.
    """
    content = document.content
    if not isinstance(content, dict):
        raise RuleError(
            "a rule is a mapping", where=document.where(), hint="begin with title:, logsource: and detection:"
        )
    if "action" in content:
        raise _wrong(document, "action", "collections with action: are not Sigma any more", "write each rule out")
    item = _parsed(document, _cleaned(document))
    if (name := _plain_id(document)) and item.id is None:
        item.id = name  # type: ignore[assignment]  # pySigma wants a UUID; the specification only recommends one
    return item


def names_of(rule: Any) -> set[str]:
    """Return what other rules may call it: its id and its name."""
    return {key_of(rule), *([rule.name] if rule.name else [])}


def reference(text: str) -> str:
    """Write a reference as ids are written here: UUIDs in small letters, everything else as it is."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _cleaned(document: Document) -> dict[str, Any]:
    """Leave what pySigma is to read."""
    content: dict[str, Any] = {
        str(key): value for key, value in document.content.items() if str(key) not in _FOR_READERS
    }
    content["id"] = _uuid(_plain_id(document))
    if not isinstance(content.get("level", "medium"), str) or content.get("level", "medium").lower() not in _LEVELS:
        hint = nearest(str(content["level"]), _LEVELS) or f"there are: {', '.join(_LEVELS)}"
        raise _wrong(document, "level", f"unknown level {content['level']!r}", hint)
    tags = content.get("tags")
    content["tags"] = [tag for tag in tags if _is_tag(tag)] if isinstance(tags, list) else []
    return content


def _parsed(document: Document, content: dict[str, Any]) -> Item:
    try:
        if "correlation" in content:
            _check_mapping(document, "correlation")
            check_correlation(content["correlation"], document.where("correlation"))
            return SigmaCorrelationRule.from_dict(_one_sided(content))
        if "filter" in content:
            _check_mapping(document, "filter")
            rules = content["filter"].get("rules")
            named = {} if rules is None else {"rules": rules}
            return SigmaFilter.from_dict({**content, "filter": {**_STAND_IN, **named}})
        if "detection" in content:
            _check_mapping(document, "detection")
            content = {**content, "detection": _STAND_IN}
        return SigmaRule.from_dict(content)
    except (SigmaError, AttributeError, KeyError, TypeError, ValueError) as error:
        # pySigma lets Python's own errors out where a mapping is not of the shape it expects.
        message = str(error) if isinstance(error, SigmaError) else f"cannot be read: {error}"
        title = document.content.get("title", "untitled")
        raise _wrong(document, _key_of(error, content), f"rule {title!r}: {message}", "see docs/rules.md") from error


def _one_sided(content: dict[str, Any]) -> dict[str, Any]:
    """Keep the further sides of a range beside the correlation: pySigma takes one comparison only."""
    correlation = content["correlation"]
    condition = correlation.get("condition")
    sides = [key for key in condition if key in _SIDES] if isinstance(condition, dict) else []
    if len(sides) < 2:
        return content
    first_side = {key: value for key, value in condition.items() if key not in sides[1:]}
    more = {key: condition[key] for key in sides[1:]}
    return {**content, "correlation": {**correlation, "condition": first_side}, MORE_BOUNDS: more}


def _key_of(error: Exception, content: dict[str, Any]) -> str:
    if isinstance(error, SigmaLogsourceError):
        return "logsource"
    if isinstance(error, SigmaTitleError):
        return "title"
    return next((key for key in ("correlation", "filter") if key in content), "title")


def _check_mapping(document: Document, key: str) -> None:
    if not isinstance(document.content[key], dict):
        raise _wrong(document, key, f"{key}: is not a mapping", "see docs/rules.md for what stands under it")


def _plain_id(document: Document) -> str:
    value = document.content.get("id")
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip()):
        raise _wrong(document, "id", "the id is no text", "take a UUID of your own: uuidgen")
    return "" if value is None else str(value).strip()


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, str) and all(tag.partition(".")[::2])


def _wrong(document: Document, key: str, message: str, hint: str) -> RuleError:
    return RuleError(message, where=document.where(key), hint=hint)
