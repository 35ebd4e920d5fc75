"""Mailboxes as an envelope names them: in ASCII, whatever the register writes."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")


def mailbox(address: str) -> str:
    """Return an address that SMTP carries as it is (RFC 5321, section 4.1.2), its domain in ASCII (RFC 3490).

    Raises ValueError for any other: a local part beyond ASCII would need SMTPUTF8 (RFC 6531) on the whole way.
    """
    local, _, domain = address.rpartition("@")
    try:
        ascii_address = f"{local}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise ValueError(f"{address!r} has a domain that cannot be written in ASCII") from error
    if not local.isascii():
        raise ValueError(f"{address!r} has letters beyond ASCII before its @, which few mail servers carry")
    if not _ADDRESS.fullmatch(ascii_address):
        raise ValueError(f"{address!r} is not a plain e-mail address")
    return ascii_address
