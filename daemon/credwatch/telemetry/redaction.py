"""Keeps secrets out of the log, whatever is handed to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from credwatch.kernel.secret import Secret

MASK = "***"
"""What stands where a secret stood."""

_WORDS = (
    r"password|passwd|passphrase|pwd|secret|token|otp|totp|pin|cookie|authorization|credential|"
    r"(?:api|private|secret|notice|totp|sealing|signing)[_-]?key"
)
_SECRET_KEY = re.compile(
    rf"(?:^|[_.-])(?:{_WORDS})s?$|^code$|(?:^|_)(?:mfa|otp|totp|login|backup|recovery)_codes?$", re.I
)
_KEY = rf"\b(?:[a-z]+[_-])?(?:{_WORDS})"
_TEXT = (
    (re.compile(r"(\bauthorization\s*[=:]\s*(?:bearer|basic|digest|token)\s+)[^\s\"',;]+", re.I), rf"\g<1>{MASK}"),
    (re.compile(r"(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\g<1>{MASK}"),
    (re.compile(rf"({_KEY}[\"']?\s*[=:]\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')", re.I), rf"\g<1>{MASK}"),
    (re.compile(rf"({_KEY}\s*=\s*)[^\s\"'&;,]+", re.I), rf"\g<1>{MASK}"),
    (re.compile(rf"(--(?:{_WORDS})[= ])[^\s\"'&;,-][^\s\"'&;,]*", re.I), rf"\g<1>{MASK}"),
    (re.compile(r"(://[^\s/:@]+:)[^\s/@]+(?=@)"), rf"\g<1>{MASK}"),
)


def redact_text(text: str) -> str:
    """Mask what stands behind `password=`, `token=`, `Authorization: Bearer`, and passwords in URLs."""
    for pattern, masked in _TEXT:
        text = pattern.sub(masked, text)
    return text


def redact(value: object) -> Any:
    """Mask secrets in a log value: Secret objects, texts, and mappings and sequences of them."""
    match value:
        case Secret() | bytes() | bytearray():
            return MASK
        case str():
            return redact_text(value)
        case Mapping():
            return {str(key): MASK if _names_a_secret(str(key)) else redact(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(item) for item in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return redact_text(str(value))


def redact_event(_logger: object, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Mask secrets in a log event; a structlog processor, placed behind all that add text."""
    masked: dict[str, Any] = redact(event)
    return masked


def _names_a_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None
