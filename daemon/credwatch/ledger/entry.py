"""An entry of the audit trail, and the bytes that stand for it."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from credwatch.kernel.clock import rfc3339

MACHINE = "credwatch"
"""Who acts where no person does."""


class ActKind(StrEnum):
    """What was done."""

    INCIDENT_OPENED = "incident_opened"
    INCIDENT_WENT_ON = "incident_went_on"
    """New evidence started another duty, or staff acted again."""
    INCIDENT_CLOSED = "incident_closed"
    CASE_ENTRY = "case_entry"
    """Somebody took a case over, noted, acknowledged, reopened, answered; or was reminded."""
    MESSAGES_RELEASED = "messages_released"
    MESSAGES_DROPPED = "messages_dropped"
    MESSAGES_RETRIED = "messages_retried"
    MESSAGES_WITHHELD = "messages_withheld"
    """An order forbids to tell a customer of something; its log says no more than that."""
    SECRECY_ENDED = "secrecy_ended"
    """Such an order is over."""
    NOTICE_QUEUED = "notice_queued"
    NOTICE_ACCEPTED = "notice_accepted"
    NOTICE_REFUSED = "notice_refused"
    NOTICE_RETURNED = "notice_returned"
    """It had been accepted, and came back."""
    SILENCE_BEGUN = "silence_begun"
    SILENCE_ENDED = "silence_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # what happened
    FACTOR_ENROLLED = "factor_enrolled"
    FACTOR_CONFIRMED = "factor_confirmed"
    FACTOR_LOCKED = "factor_locked"
    FACTOR_UNLOCKED = "factor_unlocked"
    FACTOR_REMOVED = "factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    CONTACT_LOGGED_IN = "contact_logged_in"
    CONTACT_LOGGED_OUT = "contact_logged_out"
    CONTACT_LINK_REFUSED = "contact_link_refused"
    """A link to log in was used twice, too late, or in another browser than the one that asked."""
    PASSKEY_MADE = "passkey_made"
    CONTACT_CHANGE_ASKED = "contact_change_asked"
    """A notice address or telephone number is to change."""
    CONTACT_CHANGE_ENDED = "contact_change_ended"
    """It holds, or was called off."""
    ACCESS_ASKED = "access_asked"
    """A member of the staff asks for access to a customer's accounts."""
    ACCESS_APPROVED = "access_approved"
    """A member of the staff, or the customer, agrees."""
    ACCESS_GRANTED = "access_granted"
    """Everybody has agreed, or it is an emergency."""
    ACCESS_REFUSED = "access_refused"
    """Somebody refuses it, or who asked withdraws it, or its time passed before everybody had agreed."""
    ACCESS_ENDED = "access_ended"
    """Its time is over, or it was revoked."""
    ACCESS_DISCLOSED = "access_disclosed"
    """The customer is told how often access was used that is over."""
    ACCESS_REVIEWED = "access_reviewed"
    ACCESS_NOT_REVIEWED = "access_not_reviewed"
    """An emergency was not reviewed in time."""
    REPORT_RECEIVED = "report_received"
    EVIDENCE_GIVEN = "evidence_given"
    FILE_CHANGED = "file_changed"
    """Settings, a register, a rule, a pack or a template is another from now on."""
    STAFF_CHANGE_NOTICED = "staff_change_noticed"
    """What concerns staff is another from now on, and waits for people to confirm it."""
    STAFF_CHANGE_APPROVED = "staff_change_approved"
    """One person has."""
    STAFF_CHANGE_CONFIRMED = "staff_change_confirmed"
    """Two people have."""
    STAFF_CHANGE_TAKEN_BACK = "staff_change_taken_back"
    """It is as it was before."""
    STAFF_CHANGE_OVERDUE = "staff_change_overdue"
    """Its time passed, and an incident tells of it."""
    BACKUP_MADE = "backup_made"
    STORE_RESTORED = "store_restored"
    STORE_COPIED = "store_copied"
    CANARY_LOST = "canary_lost"
    """A login that was made up did not become a message in time."""
    CANARY_BACK = "canary_back"
    """It did so later."""
    REHEARSAL_PLAYED = "rehearsal_played"
    """The timetable had a breach that is made up played through the installation."""
    ARCHIVE_KEY_ERASED = "archive_key_erased"
    """Nobody can open the personal fields of a customer's archived events any more."""
    CUSTOMER_CHECKPOINT = "customer_checkpoint"
    """The log of a customer had this size and root."""
    MEASURE_DECIDED = "measure_decided"
    """The governor let a measure go, held or refused it, or noted what a dry run would have done."""
    MEASURE_APPROVED = "measure_approved"
    MEASURE_DONE = "measure_done"
    MEASURE_FAILED = "measure_failed"
    """Its channel said no: to the measure, or to its undoing."""
    MEASURE_ENDING = "measure_ending"
    """A person, or the end of its time, has it undone; or it lapsed."""
    MEASURE_UNDONE = "measure_undone"
    ENFORCEMENT_STOPPED = "enforcement_stopped"
    ENFORCEMENT_RESUMED = "enforcement_resumed"
    TREE_DIFFERS = "tree_differs"
    """The log is not what was signed."""
    TREE_ACCEPTED = "tree_accepted"
    """A person knows why it is not, and has it go on."""


class Act(Struct, frozen=True):
    """What the audit trail shall say; becomes an entry for each customer that it concerns."""

    at: datetime
    """When, UTC."""
    kind: ActKind
    """What was done."""
    actor: str = MACHINE
    """Who did it: a login name, the owner of a file, or `credwatch`."""
    incident: str = ""
    """The number of the incident that it is about."""
    customers: tuple[str, ...] = ()
    """The ids of those that it concerns."""
    details: dict[str, object] = field(default_factory=dict)
    """What each of those customers may read: JSON values without floating numbers, and no secret."""
    unshared: dict[str, object] = field(default_factory=dict)
    """What none of them reads: the words of a person, who may name anybody; what concerns another customer."""


def entries_of(act: Act) -> list[tuple[str, bytes]]:
    """Write an act as entries, each with the id of the customer whose log has it, too; empty for no customer's.

    What one customer may read is one entry. Else the whole is an entry of nobody, and each customer has one beside it
    that names no other customer and repeats nobody's words.
    """
    if not act.unshared and len(act.customers) <= 1:
        customer = "".join(act.customers)
        return [(customer, _written(act, customer, act.details))]
    several: dict[str, object] = {"customers": list(act.customers)} if act.customers else {}
    whole = _written(act, "", act.details | act.unshared | several)
    return [("", whole), *((customer, _written(act, customer, act.details)) for customer in act.customers)]


def _written(act: Act, customer: str, details: dict[str, object]) -> bytes:
    return canonical(
        {
            "actor": act.actor,
            "at": rfc3339(act.at),
            "customer": customer,
            "details": details,
            "incident": act.incident,
            "kind": act.kind.value,
        }
    )


def canonical(value: object) -> bytes:
    """Write JSON as RFC 8785 does: keys sorted, no blanks, few escapes. Keys are ASCII, numbers whole.

    A text with half of a surrogate pair, which RFC 8785 forbids, gets a question mark in its place.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")
