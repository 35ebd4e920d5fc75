"""Says what a mail is, by what it says of itself: a machine's letter must never be taken for a person's, nor answered.

The order matters, the surest sign first: the reports that a standard describes (RFC 3464, 5965, 8098) and those of
another credwatch, then what says that no person wrote it (RFC 3834), then what mail servers write, and then a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.message import Message

from credwatch.inbox.mail import DeliveryStatus, MailKind
from credwatch.inbox.statuses import is_of_type, parts_of, status_in_words, status_of
from credwatch.kernel.report_part import REPORT_TYPE

_PRECEDENCES = frozenset({"auto_reply", "bulk", "junk", "list"})
_MACHINES = ("x-autoreply", "x-autorespond", "x-autorespond-from", "list-id", "list-unsubscribe", "feedback-id")
_AWAY = re.compile(
    r"^(?:automatic reply|auto[ -]?reply|autoreply|out of (?:the )?office|away from (?:the )?office"
    r"|(?:thư )?(?:tự động trả lời|trả lời tự động)|vắng mặt)\b",
    re.IGNORECASE,
)
_LINK, _MOST_LINKS = re.compile(r"https?://", re.IGNORECASE), 5
_DAEMON = re.compile(r"\b(?:mailer-daemon|postmaster|mail-daemon)@", re.IGNORECASE)

Fields = Mapping[str, Sequence[str]]
"""Header fields by their names in small letters."""


def kind_of(message: Message, fields: Fields, subject: str) -> MailKind:
    """Say what a mail is."""
    for reported, kind in _REPORTED.items():
        if is_of_type(message, reported):
            return kind
    if any(part.get_content_type() == REPORT_TYPE for part in parts_of(message)):
        return MailKind.REPORT
    if _is_automatic(fields, subject):
        return MailKind.AUTOMATIC
    return MailKind.STATUS if _is_from_a_server(fields) else MailKind.PERSON


_REPORTED = {
    "delivery-status": MailKind.STATUS,
    "feedback-report": MailKind.COMPLAINT,
    "disposition-notification": MailKind.READ,
}


def _is_automatic(fields: Fields, subject: str) -> bool:
    """Say whether a program wrote it; a bounce of old says that with `auto-replied` too, and is known by its sender."""
    said = _first(fields, "auto-submitted").partition(";")[0].strip()
    if said not in ("", "no"):
        return not _is_from_a_server(fields)
    precedence = _first(fields, "precedence")
    return precedence in _PRECEDENCES or any(name in fields for name in _MACHINES) or bool(_AWAY.match(subject))


def _is_from_a_server(fields: Fields) -> bool:
    """Say whether a mail server wrote it: to its envelope nothing can come back (RFC 5321, section 4.5.5)."""
    return _first(fields, "return-path") == "<>" or bool(_DAEMON.search(_first(fields, "from")))


def _first(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "").strip().lower()


def status_within(message: Message, kind: MailKind, text: str) -> DeliveryStatus | None:
    """Read what a mail of this kind says of a delivery; None where it says nothing that can be told."""
    if kind is not MailKind.STATUS:
        return None
    reports = [part for part in parts_of(message) if part.get_content_type() == "message/delivery-status"]
    return status_of(reports[0]) if reports else status_in_words(text)


def doubts_of(fields: Fields, text: str) -> tuple[str, ...]:
    """Say what speaks against an honest mail: the mark of our own filter, more links than anybody needs."""
    is_spam = _first(fields, "x-spam-flag") == "yes" or _first(fields, "x-spam-status").startswith("yes")
    doubts = {"spam": is_spam, "full_of_links": len(_LINK.findall(text)) > _MOST_LINKS}
    return tuple(name for name, is_so in doubts.items() if is_so)
