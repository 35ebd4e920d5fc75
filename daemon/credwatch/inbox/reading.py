"""Reads the bytes of a mail as what it is. It never raises: what cannot be read is a mail of kind `unreadable`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses

import structlog

from credwatch.inbox.authentication import is_proven
from credwatch.inbox.kinds import doubts_of, kind_of, status_within
from credwatch.inbox.mail import Attachment, Mail, MailKind
from credwatch.inbox.statuses import parts_of
from credwatch.inbox.texts import decoded, legible_text, one_header, text_of_html, without_quotes
from credwatch.kernel.mailbox import mailbox

log = structlog.get_logger(__name__)

_MOST_PARTS, _MOST_ATTACHMENTS, _MOST_NAMES, _DEEPEST = 200, 50, 50, 30
_LONGEST_FIELD = 20_000
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
_TO = ("delivered-to", "x-original-to", "to", "cc")
_TEXTS = ("text/plain", "text/html")


def read_mail(raw: bytes, server: str, longest: int) -> Mail:
    """Read a mail; `server` is the name under which our own mail server says whether a sender is proven."""
    digest = digest_of(raw)
    if len(raw) > longest:
        return Mail(MailKind.UNREADABLE, digest, reason=f"it has more than {longest} bytes")
    if raw.lower().count(b"boundary") > _MOST_PARTS:  # the time for such a tree grows with its square
        return Mail(MailKind.UNREADABLE, digest, reason="it has too many parts")
    try:
        return _read(BytesParser(policy=compat32).parsebytes(raw), digest, server)
    except Exception as error:  # noqa: BLE001  # the library raises in ways that it does not name
        log.warning("inbox.unreadable", error=type(error).__name__)
        return Mail(MailKind.UNREADABLE, digest, reason=f"it cannot be parsed: {type(error).__name__}")


def digest_of(raw: bytes) -> str:
    """Return SHA-256 over Message-ID, From, Subject and body, which stay as they are on whichever way a mail comes."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    named = re.findall(rb"(?im)^(?:message-id|from|subject)\s*:.*(?:\n[ \t].*)*", head)
    return hashlib.sha256(b"\n".join([*sorted(b" ".join(field.split()) for field in named), b"", body])).hexdigest()


def _read(message: Message, digest: str, server: str) -> Mail:
    fields = _fields(message)
    sender = _sender(fields)
    text, attachments = _content(message)
    subject = _first(fields, "subject")
    recipients = tuple(dict.fromkeys(address for name in _TO for address in _addresses(fields, name)))[:_MOST_NAMES]
    kind = kind_of(message, fields, subject)
    domain = sender.rpartition("@")[2]
    return Mail(
        kind=kind,
        digest=digest,
        message_id=next(iter(_ids(fields, "message-id")), ""),
        sender=sender,
        is_proven=is_proven(domain, fields.get("authentication-results", ()), server),
        recipients=recipients,
        references=_answered(fields),
        subject=subject,
        text=text,
        attachments=attachments,
        status=status_within(message, kind, text),
        doubts=doubts_of(fields, text),
    )


def _fields(message: Message) -> dict[str, list[str]]:
    """Return the header fields by their names in small letters, as they came, each with its values in their order."""
    fields: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        fields.setdefault(str(name).lower(), []).append(str(value)[:_LONGEST_FIELD])
    return fields


def _first(fields: dict[str, list[str]], name: str) -> str:
    return one_header(next(iter(fields.get(name, ())), ""))


def _sender(fields: dict[str, list[str]]) -> str:
    """Return the address in the From field; empty where there are several fields or addresses, or none that is one."""
    senders = [*_addresses(fields, "from")] if len(fields.get("from", ())) == 1 else []
    return senders[0] if len(senders) == 1 else ""


def _addresses(fields: dict[str, list[str]], name: str) -> Iterator[str]:
    # Not decoded: an encoded word is no address (RFC 2047, section 5).
    for _, address in getaddresses([" ".join(value.split()) for value in fields.get(name, ())[:_MOST_NAMES]]):
        try:
            yield mailbox(address)
        except ValueError:
            continue


def _ids(fields: dict[str, list[str]], name: str) -> list[str]:
    return _MESSAGE_ID.findall(" ".join(fields.get(name, ())))


def _answered(fields: dict[str, list[str]]) -> tuple[str, ...]:
    """Return what a mail answers: In-Reply-To, then References from the last to the first (RFC 5322, section 3.6.4)."""
    ids = [*_ids(fields, "in-reply-to"), *reversed(_ids(fields, "references"))]
    return tuple(dict.fromkeys(ids))[:_MOST_NAMES]


def _content(message: Message) -> tuple[str, tuple[Attachment, ...]]:
    """Return the words of a mail, plain ones before HTML, and what else came with it."""
    texts: dict[str, str] = {}
    attachments: list[Attachment] = []
    for part in _leaves(message, _DEEPEST):
        kind = part.get_content_type()
        is_text = kind in _TEXTS and part.get_content_disposition() != "attachment"
        if is_text and kind not in texts:
            texts[kind] = decoded(_bytes_of(part), part.get_content_charset(""))
        elif len(attachments) < _MOST_ATTACHMENTS:
            attachments.append(Attachment(one_header(part.get_filename("") or ""), kind, _bytes_of(part)))
    plain = legible_text(texts.get("text/plain", ""))
    return plain or legible_text(text_of_html(texts.get("text/html", ""))), tuple(attachments)


def _leaves(message: Message, depth: int) -> Iterable[Message]:
    """Walk the parts that have no parts; a mail within a mail is one of them."""
    parts = parts_of(message) if message.get_content_maintype() == "multipart" else ()
    if not parts:
        yield message
    elif depth:
        for part in parts:
            yield from _leaves(part, depth - 1)


def _bytes_of(part: Message) -> bytes:
    if parts_of(part):  # message/rfc822 and its kin hold mails
        return b"\n".join(one.as_bytes() for one in parts_of(part))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def said_in(mail: Mail) -> str:
    """Return what a mail says beyond what it quotes; all of it where nothing else is left."""
    return without_quotes(mail.text) or mail.text
