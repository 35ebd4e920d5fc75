"""Reads what servers say became of a message: RFC 3464, and bounces of old that say it in words alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message

from credwatch.inbox.mail import Delivery, DeliveryStatus
from credwatch.inbox.texts import one_header

_ACTIONS = {
    "failed": Delivery.FAILED,
    "delayed": Delivery.DELAYED,
    "delivered": Delivery.ARRIVED,
    "relayed": Delivery.ARRIVED,
    "expanded": Delivery.ARRIVED,
}
_GRAVEST = (Delivery.FAILED, Delivery.DELAYED, Delivery.ARRIVED)
_CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY = re.compile(r"\b([45])\d\d[ -]")
_SEARCHED = 10_000


def status_of(part: Message) -> DeliveryStatus | None:
    """Read a part of type message/delivery-status; None where it names no action that the standard knows.

    Every message of ours has one recipient, so of several blocks the gravest counts.
    """
    blocks = part.get_payload()
    fields = [block for block in blocks if isinstance(block, Message)] if isinstance(blocks, list) else []
    about = [(_ACTIONS[action], block) for block in fields if (action := _word(block, "Action")) in _ACTIONS]
    if not about:
        return None
    delivery, block = min(about, key=lambda pair: _GRAVEST.index(pair[0]))
    envelope = next((text for one in fields if (text := _field(one, "Original-Envelope-Id"))), "")
    code = _CODE.search(_field(block, "Status"))
    reason = _field(block, "Diagnostic-Code").partition(";")[2].strip() or _field(block, "Diagnostic-Code")
    return DeliveryStatus(delivery, envelope, code[1] if code else "", reason)


def status_in_words(text: str) -> DeliveryStatus | None:
    """Find in the words of a bounce what became of the message; None where they name neither code nor reply."""
    text = text[:_SEARCHED]
    match = _CODE.search(text) or _REPLY.search(text)
    if match is None or match[1].startswith("2"):
        return None
    line = next((line for line in text.splitlines() if match[0].strip() in line), "")
    delivery = Delivery.FAILED if match[1].startswith("5") else Delivery.DELAYED
    return DeliveryStatus(delivery, "", match[1] if "." in match[1] else "", one_header(line))


def is_of_type(message: Message, reported: str) -> bool:
    """Say whether a mail is a report of a type, such as delivery-status (RFC 6522)."""
    is_report = message.get_content_type() == "multipart/report"
    return is_report and (_parameter(message, "report-type") == reported or _has_part(message, f"message/{reported}"))


def parts_of(message: Message) -> Sequence[Message]:
    """Return the parts of a mail that stand in it directly."""
    payload = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _has_part(message: Message, media_type: str) -> bool:
    return any(part.get_content_type() == media_type for part in parts_of(message))


def _parameter(message: Message, name: str) -> str:
    value = message.get_param(name, "")
    return value.lower() if isinstance(value, str) else ""


def _field(block: Message, name: str) -> str:
    value = block.get(name, "")
    return one_header(str(value))


def _word(block: Message, name: str) -> str:
    return next(iter(_field(block, name).lower().split()), "")
