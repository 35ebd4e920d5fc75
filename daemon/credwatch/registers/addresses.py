"""E-mail addresses as registers write them: well-formed, so that a notice has somewhere to go."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,64}@([^\s@.<>]+)(\.[^\s@.<>]+)+")
_DOMAIN = re.compile(r"[^\s@.*/]+(\.[^\s@.*/]+)+")
_LONGEST = 254


def _address(text: str) -> str:
    """Accept an address that mail servers accept without quoting (RFC 5321, section 4.1.2; length 4.5.3.1.3)."""
    if len(text) > _LONGEST or not _ADDRESS.fullmatch(text):
        raise ValueError("expected one e-mail address, such as security@acme.example")
    return text


def _domain(text: str) -> str:
    if len(text) > _LONGEST or not _DOMAIN.fullmatch(text):
        raise ValueError("expected a domain such as acme.example, without @ and without wildcard")
    return text.lower()


EmailAddress = Annotated[str, AfterValidator(_address)]
"""One address, without a display name."""

EmailDomain = Annotated[str, AfterValidator(_domain)]
"""One domain, in small letters."""
