"""E-mail addresses as an envelope names them: what a register writes is held to what a mail server will take."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST_LOCAL, _LONGEST = 64, 254


def mailbox(address: str) -> str:
    """Return an address that SMTP carries as it is (RFC 5321, section 4.1.2), its domain in ASCII (RFC 3490).

    Raises ValueError for any other, with what to write instead behind a semicolon. The address itself is not quoted.
    """
    _refuse_what_is_not_one(address)
    local, _, domain = address.rpartition("@")
    ascii_address = f"{_local(local)}@{_domain(domain)}"
    if len(ascii_address) > _LONGEST:
        raise ValueError(f"the e-mail address has more than the {_LONGEST} characters that go; use another")
    return ascii_address


def _refuse_what_is_not_one(address: str) -> None:
    """Name the usual ways to write something else than one bare address (RFC 5322, section 3.4)."""
    if "<" in address or ">" in address:
        raise ValueError("the e-mail address has a display name; write only what stands between < and >")
    if address.count("@") > 1 and re.search(r"[,;\s]", address):
        raise ValueError("there are several e-mail addresses in one text; give each its own entry in the list")
    if address.startswith('"'):
        raise ValueError("the e-mail address is quoted before its @, which few servers carry; use one without quotes")
    if "@" not in address:
        raise ValueError("expected one e-mail address, such as security@acme.example; there is no @ in it")


def _local(local: str) -> str:
    if not local.isascii():
        raise ValueError(
            "the e-mail address has letters beyond ASCII before its @, which few mail servers carry; use one without"
        )
    if len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        raise ValueError("the e-mail address has no name before its @ that mail servers carry; check its spelling")
    return local


def _domain(domain: str) -> str:
    try:
        labels = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError("the domain of the e-mail address cannot be written in ASCII; check its spelling") from error
    if not all(_LABEL.fullmatch(label) for label in labels.split(".")):
        raise ValueError("the domain of the e-mail address is none that mail servers look up; check its spelling")
    return labels


def _deliverable(address: str) -> str:
    mailbox(address)
    return address


def _deliverable_or_empty(address: str) -> str:
    return address and _deliverable(address)


MailAddress = Annotated[str, AfterValidator(_deliverable)]
"""One address that a mail server takes, as it was written."""

OptionalMailAddress = Annotated[str, AfterValidator(_deliverable_or_empty)]
"""The same, or an empty text."""
