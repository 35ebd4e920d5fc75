"""Composes commands: identity, verification code, and a context of bounded, harmless values."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import HISTORY, PAYLOADS, Command, CommandKind, Precedence
from credwatch.kernel.ids import stable_id
from credwatch.kernel.incident import Incident, RuleFinding
from credwatch.kernel.legible import in_a_message, in_a_message_as_account
from credwatch.kernel.secret import Secret
from credwatch.workflows.facts import Facts

MASKED = "***"
"""What stands where a secret was typed as an account's name: no account at all."""
LISTED = 20
"""How many accounts or addresses a message names; the rest it counts."""
THREADS = {
    "customer_news": "customer_notice",
    "customer_update": "customer_notice",
    "breach_news": "breach_report",
    "breach_update": "breach_report",
}
"""The workflow whose message opens the thread, for each that writes into one."""
JOINT = {
    "customer_notice": "customer_joint",
    "customer_news": "customer_joint",
    "customer_update": "customer_joint",
    "disclosure_notice": "disclosure_joint",
    "breach_report": "breach_joint",
    "breach_news": "breach_joint",
    "breach_update": "breach_joint",
    "escalation": "escalation_joint",
}
"""The joint letter that tells together what many letters of a workflow would have told (`joint`)."""
_LANGUAGES = {"vi": ("vi", "en"), "en": ("en", "vi")}
_LATEST = {
    "host": "host.name",
    "service": "service.name",
    "country": "source.geo.country_iso_code",
    "network": "source.as.organization.name",
}
_SPOKEN = str.maketrans("IL", "89")
_MISREAD = str.maketrans("0IL", "O89")


class Letter(Struct, frozen=True):
    """What several recipients are told: everything of a command that does not depend on who reads it."""

    kind: CommandKind
    """What it is."""
    workflow: str
    """The workflow it belongs to, and the name of its template."""
    language: str
    """The language its readers read first: vi or en."""
    values: dict[str, object]
    """What the template may use, besides the sender, the zone and the code: JSON values only."""
    incident: str = ""
    """The incident's number."""
    organization: str = ""
    """The customer concerned."""
    phase: str = "first"
    """Which of several letters about the same incident it is."""
    hold: str = ""
    """Why it waits for a person; empty where it may leave."""
    precedence: Precedence = Precedence.LAW
    """Before what it leaves where many wait."""


def compose(letter: Letter, recipients: Iterable[str], facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Address a letter to each recipient by a message of its own; the same cause gives the same ids."""
    return tuple(_command(letter, recipient, facts, now) for recipient in recipients)


def _command(letter: Letter, recipient: str, facts: Facts, now: datetime) -> Command:
    identity = letter_id(letter.workflow, letter.incident, letter.organization, recipient, letter.phase)
    context: dict[str, object] = {
        **letter.values,
        "code": verification_code(facts.notice_key, identity),
        "sender": asdict(facts.sender),
        "zone": facts.zone,
    }
    return Command(
        id=identity,
        payload=PAYLOADS[letter.kind](recipient, _LANGUAGES[letter.language], letter.workflow, context),
        workflow=letter.workflow,
        incident=letter.incident,
        organization=letter.organization,
        created_at=now,
        hold=letter.hold,
        precedence=letter.precedence,
    )


def letter_id(workflow: str, incident: str, organization: str, recipient: str, phase: str) -> str:
    """Name the message that tells a recipient something: the same cause gives the same id."""
    return stable_id("cw", workflow, incident, organization, recipient.casefold(), phase)


def first_letter(command: Command) -> str:
    """Name the message that opened the thread a message belongs to; empty where it opens one itself."""
    opening, phase = THREADS.get(command.workflow, ""), "first"
    if command.workflow in JOINT.values() and command.payload.context.get("letters", 1) != 1:
        opening, phase = command.workflow, str(command.payload.context["thread"])
    if not opening:
        return ""
    return letter_id(opening, command.incident, command.organization, command.recipient, phase)


def hold_of(incident: Incident) -> str:
    """Say why the messages about an incident wait for a person; empty where they may leave."""
    return HISTORY if incident.is_held else ""


def verification_code(key: Secret, command_id: str) -> str:
    """Derive the code that proves a message genuine: 80 bits of HMAC-SHA256 over its id, such as `7K2M-…`.

    Four groups of four characters that can be read out over the telephone: base 32 with I and L, which look
    like 1, written as 8 and 9.
    """
    digest = hmac.new(key.reveal().encode(), command_id.encode(), hashlib.sha256).digest()
    text = base64.b32encode(digest[:10]).decode("ascii").translate(_SPOKEN)
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def same_code(answer: str, code: str) -> bool:
    """Say whether a code that somebody read out is this one, whatever its case, spaces and hyphens."""
    spoken = "".join(character for character in answer.upper() if character.isalnum()).translate(_MISREAD)
    return hmac.compare_digest(spoken.encode(), code.replace("-", "").encode())


def incident_values(incident: Incident, accounts: Iterable[str], facts: Facts) -> dict[str, object]:
    """Describe an incident to a reader who may see these accounts of it and no others.

    Accounts that a register has keep their e-mail addresses; names that a stranger typed lead nowhere.
    """
    return {
        "number": incident.number,
        "kind": incident.kind,
        "level": incident.level.name.lower(),
        "clause": incident.clause,
        "rules": list(incident.rules),
        "lines": len(incident.kept) or len(incident.lines),
        "events": incident.events if len(incident.detections) == 1 else 0,
        "findings": [_finding(finding) for finding in incident.findings],
        "latest": latest_of(incident),
        "occurred_first": rfc3339(incident.occurred_first),
        "occurred_last": rfc3339(incident.occurred_last),
        "recorded_at": rfc3339(incident.recorded_at),
        "detected_at": rfc3339(incident.detected_at),
        "recorded_last": rfc3339(incident.recorded_last),
        "detected_last": rfc3339(incident.detected_last),
        "history": incident.history,
        "outcome": incident.outcome.value if incident.outcome else "",
        "found_after": int((incident.recorded_last - incident.occurred_last).total_seconds()),
        "former": incident.former,
        "accounts": bounded_accounts(accounts, facts),
        "addresses": bounded(incident.addresses),
    }


def _finding(finding: RuleFinding) -> dict[str, object]:
    """Tell what one rule counted; `since` is empty where the first of it is not known any more."""
    since = rfc3339(finding.since) if finding.since else ""
    return {"rule": finding.rule, "counted": finding.counted, "since": since}


def latest_of(incident: Incident) -> dict[str, str]:
    """Tell what the latest event of an incident says of itself: where it was, and whence a login came that succeeded.

    Of an incident at several customers nothing is told, for the event may be another's.
    """
    if len({*incident.organizations, incident.organization} - {""}) > 1:
        return {}
    details = dict(incident.details)
    latest = {name: shown(details[field]) for name, field in _LATEST.items() if details.get(field)}
    action, outcome = details.get("event.action", ""), details.get("event.outcome", "")
    if action == "login" and outcome == "success":
        return latest | {"login_address": shown(details.get("source.ip", ""))}
    return latest | ({"act": shown(action)} if action and action != "login" and outcome != "failure" else {})


def bounded_accounts(accounts: Iterable[str], facts: Facts) -> dict[str, object]:
    """Keep the first accounts; those that a register has keep their e-mail addresses, as in `incident_values`."""

    def account(name: str) -> str:
        return in_a_message_as_account(name) if facts.owner(name) else in_a_message(name)

    return bounded((name for name in accounts if name != MASKED), account)


def bounded(values: Iterable[str], write: Callable[[str], str] = in_a_message) -> dict[str, object]:
    """Keep the first values, made harmless by `write`, and count the rest: `{"first": [...], "more": n}`."""
    every = [write(value) for value in values]
    return {"first": every[:LISTED], "more": max(0, len(every) - LISTED)}


def shown(value: str) -> str:
    """Make text out of a log harmless to read: one bounded line that no mail program turns into a link."""
    return in_a_message(value)
