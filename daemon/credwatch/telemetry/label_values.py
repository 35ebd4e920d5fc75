"""The values that labels have whatever is configured: each has its series at zero from the start."""

from __future__ import annotations

from credwatch.kernel.mail_outcome import MailOutcome

MALFORMED = ("not_utf8", "nul", "control", "too_long")
"""Why a line is malformed."""
UNTRUE = ("bad_headers", "false_range", "damaged", "too_large", "too_many_logs")
"""Why what was shipped is set aside as a whole."""
UNPARSED = (
    *MALFORMED,
    *UNTRUE,
    *("no_envelope", "no_timestamp", "not_json", "unknown_program", "unknown_message", "unknown_json", "unknown_event"),
    "internal_error",
)
"""Why a line is unparsed."""
UNREAD_VALUES = (
    *(("source.ip", "no_address"), ("source.ip", "placeholder"), ("source.ip", "wrong_type")),
    *(("source.port", "no_number"), ("source.port", "out_of_range"), ("source.port", "wrong_type")),
    *(("user.name", "wrong_type"), ("credwatch.mfa.used", "wrong_type")),
)
"""The values that are most often written so that they cannot be read: field and reason."""
RESULTS = ("delivered", "retry", "refused")
"""What an attempt to deliver comes to."""
WAYS = ("command", "file", "wall")
"""How else than by mail the operators hear."""
OUTBOX_STATES = ("waiting", "held", "refused")
"""The states of a message that has not left."""
WORKFLOWS = (
    "customer_notice",
    "disclosure_notice",
    "breach_report",
    "customer_update",
    "breach_update",
    "report_answer",
    "legal_report",
)
"""The workflows whose clocks there are, whatever the rules ask for."""
GATE_ENDPOINTS = (
    *("password/check", "password/changed", "login/check", "push/check"),
    *("totp/enrol", "totp/confirm", "totp/verify", "totp/unlock", "totp/remove"),
    *("recovery/make", "recovery/verify"),
)
"""Where the gate answers."""
GATE_OUTCOMES = ("accepted", "refused", "failed")
"""What the gate answers: yes, no, or that it could not tell."""
PUSH_OUTCOMES = ("taken", "refused", "unknown", "too_large", "busy", "late", "gone")
"""What becomes of a request of a shipper: taken, or why it was not."""
STREAM_STATES = ("pending", "unacknowledged", "redelivered")
"""Where messages of a stream are that are not settled."""
PORTAL_OUTCOMES = ("ok", "refused", "limited", "failed")
"""What becomes of a request for one of the customers' pages."""
ACCESS_OUTCOMES = ("ok", "refused", "limited", "failed")
"""What becomes of a request of a ticket system."""
MAIL_OUTCOMES = tuple(outcome.value for outcome in MailOutcome)
"""What becomes of a mail that comes in."""
PARTS = (
    "metrics",
    "dispatcher",
    "gate",
    "portal",
    "access_api",
    "inbox",
    "inbox_imap",
    "inbox_lmtp",
    "timetable",
    "reader",
    "push",
    "configuration",
)
"""The parts that live as long as the daemon."""
FILE_EVENTS = (
    *("rotations", "truncations", "vanished", "damaged", "cut_lines", "holes"),
    *("vacuumed", "suppressed", "restarts", "dropped", "gaps", "refused"),
    *("expired", "throttled"),
)
"""What may befall the files or the journal of a source."""
RETENTION_KINDS = (
    *("notified_incidents", "incidents", "detections", "messages"),
    *("unparsed", "counts", "silences", "blind_intervals", "password_history"),
)
"""What the store keeps for a time: the keys of `[retention]`."""
TASKS = (
    *("clocks", "gauges", "retries", "digest", "windows", "reminders", "blindness", "retention", "memory"),
    *("housekeeping", "checkpoint", "audit", "canary", "contacts", "archive", "measures", "stamp", "rehearsal"),
    "changes",
)
"""The tasks of the timetable. The label is not `job`, which Prometheus keeps for itself."""
