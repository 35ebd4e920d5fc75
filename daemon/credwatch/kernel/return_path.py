"""The envelope sender of a message, to which it comes back: it names the message, and nobody else can make it.

A bounce is a mail like any other, and whoever wants a notice to count as lost could write one. So the address that
bounces go to holds the message's id with an HMAC over it (the way of VERP, RFC 3461, section 10.2, and BATV): what
comes to an address of ours without the right HMAC changes nothing. Whoever got the message knows its address, and can
make bounces of that one message, and of no other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from msgspec import Struct

from credwatch.kernel.mailbox import mailbox
from credwatch.kernel.secret import Secret

_TOKEN = re.compile(r"(cw-[a-z2-7]{16})\.([a-z2-7]{16})", re.IGNORECASE)
_LONGEST_TOKEN = 36
_LONGEST_LOCAL = 64


class ReturnPath(Struct, frozen=True):
    """Makes the addresses that messages come back to, and knows them again."""

    address: str
    """Where bounces go, such as `bounces@modoro.com.vn`; what a message is called stands behind a plus."""
    key: Secret
    """The key of the verification codes; another text before the id keeps the two apart."""

    def of(self, message: str) -> str:
        """Return the envelope sender of a message by its id; its local part has 64 characters at most."""
        local, _, domain = self.address.rpartition("@")
        return mailbox(f"{local}+{self.token(message)}@{domain}")

    def token(self, message: str) -> str:
        """Return what names a message to a mail server, and proves that it is ours: its id, a dot, 80 bits of HMAC."""
        return f"{message}.{self._code(message)}"

    def message_of(self, text: str) -> str:
        """Return the id of the message that an address or envelope id names; empty where its HMAC is not ours.

        Letters may have changed their case on the way, and the address may stand in angle brackets.
        """
        match = _TOKEN.search(text)
        if match is None:
            return ""
        message, code = match[1].lower(), match[2].lower()
        return message if hmac.compare_digest(code.encode(), self._code(message).encode()) else ""

    @staticmethod
    def names_a_message(text: str) -> bool:
        """Say whether a text looks as if it named a message of ours, whoever wrote it."""
        return _TOKEN.search(text) is not None

    def _code(self, message: str) -> str:
        digest = hmac.new(self.key.reveal().encode(), f"return path {message}".encode(), hashlib.sha256).digest()
        return base64.b32encode(digest[:10]).decode("ascii").lower()


def room_for_a_token(address: str) -> str:
    """Return an address that bounces may go to; raises ValueError where its local part leaves no room for a token."""
    local = address.rpartition("@")[0]
    if len(local) + 1 + _LONGEST_TOKEN > _LONGEST_LOCAL:
        raise ValueError(f"what stands before its @ may have {_LONGEST_LOCAL - 1 - _LONGEST_TOKEN} characters at most")
    return address
