"""E-mail addresses as registers write them: well-formed, so that a notice has somewhere to go."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from credwatch.kernel.mailbox import MailAddress

_DOMAIN = re.compile(r"[^\s@.*/]+(\.[^\s@.*/]+)+")
_LONGEST = 254


def _elsewhere(address: str) -> str:
    """Refuse a mailbox of this very machine: a register names people of other companies."""
    if "." not in address.rpartition("@")[2]:
        raise ValueError("expected one e-mail address, such as security@acme.example; the domain has no dot")
    return address


def _domain(text: str) -> str:
    if len(text) > _LONGEST or not _DOMAIN.fullmatch(text):
        raise ValueError("expected a domain such as acme.example, without @ and without wildcard")
    return text.lower()


EmailAddress = Annotated[MailAddress, AfterValidator(_elsewhere)]
"""One address, without a display name."""

EmailDomain = Annotated[str, AfterValidator(_domain)]
"""One domain, in small letters."""
