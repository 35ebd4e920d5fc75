"""Every family of tables: to import this is to have them all declared."""

from credwatch.store import (
    archive_keys,
    audit,
    audit_stamps,
    audit_tree,
    commands,
    gate,
    joined,
    mails,
    measures,
    posture,
    receipts,
    sent_messages,
    turns,
)
from credwatch.store.cases import (
    access_requests,
    case_entries,
    evidence,
    incidents,
    legal_clocks,
    secrecy_orders,
    silences,
)
from credwatch.store.portal import changes, passkeys, reports, sessions, submissions
from credwatch.store.state import profiles, progress, seeing, tellings, trail, unarchived

FAMILIES = (
    access_requests,
    archive_keys,
    audit,
    audit_stamps,
    audit_tree,
    case_entries,
    changes,
    commands,
    evidence,
    gate,
    incidents,
    joined,
    legal_clocks,
    mails,
    measures,
    passkeys,
    posture,
    profiles,
    progress,
    receipts,
    reports,
    secrecy_orders,
    seeing,
    sent_messages,
    sessions,
    silences,
    submissions,
    tellings,
    trail,
    turns,
    unarchived,
)
"""The modules that declare tables."""
