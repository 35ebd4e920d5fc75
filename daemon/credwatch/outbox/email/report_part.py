"""The part of a report that the vendor's own credwatch reads."""

from __future__ import annotations

from typing import Any

from msgspec import convert

from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.report_part import ReportContact, ReportedMatter, ReportPart, ReportStage, written

_STAGES = {
    "breach_report": ReportStage.REPORT,
    "breach_news": ReportStage.NEWS,
    "breach_update": ReportStage.CLOSING,
    "breach_joint": ReportStage.JOINT,
}


def part_within(command: Command) -> bytes | None:
    """Write what a report says for programs; None where it is no report, or one of before that has no such part."""
    stage, context = _STAGES.get(command.workflow), command.payload.context
    if command.kind is not CommandKind.REPORT or stage is None:
        return None
    values: list[Any] = [context["matter"]] if "matter" in context else []
    listed = context.get("matters")
    if isinstance(listed, list):
        values = [one["matter"] for one in listed if isinstance(one, dict) and "matter" in one]
    if not values:
        return None
    matters = tuple(convert(one, ReportedMatter) for one in values)
    sender = context.get("sender")
    named = sender if isinstance(sender, dict) else {}
    contact = ReportContact(str(named.get("mailbox", "")), str(named.get("phone", ""))[:40])
    return written(ReportPart("credwatch-report/1", stage, matters, contact))
