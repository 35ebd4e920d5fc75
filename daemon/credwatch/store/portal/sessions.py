"""Links to log in and sessions: the store has digests of their tokens, and no token."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, Table, Text, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros

portal_links = Table(
    "portal_links",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the token in the mail
    Column("browser", Text, nullable=False),  # SHA-256 of the token of the browser that asked
    Column("customer", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("ends_at", Number, nullable=False),
    Column("used_at", Number),
    Index("portal_links_end", "ends_at"),
)

portal_sessions = Table(
    "portal_sessions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the token in the cookie
    Column("customer", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("began_at", Number, nullable=False),
    Column("seen_at", Number, nullable=False),
    Column("ends_at", Number, nullable=False),
    Column("challenge", Text, nullable=False),  # of a passkey that is asked for just now
    Index("portal_sessions_contact", "customer", "address"),
    Index("portal_sessions_end", "ends_at"),
)


class Stage(StrEnum):
    """How far somebody has come."""

    LINK = "link"
    """They have the mailbox; the second factor is still to be proven, or made."""
    FULL = "full"
    """They are logged in."""


class LinkOutcome(StrEnum):
    """What came of a link."""

    TAKEN = "taken"
    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    OTHER_BROWSER = "other_browser"


class AskedLink(Struct, frozen=True):
    """A link that was asked for."""

    id: str
    """SHA-256 of its token, in hexadecimal."""
    browser: str
    """SHA-256 of the token of the browser that asked."""
    customer: str
    """For which customer."""
    address: str
    """To which address it is sent."""
    ends_at: datetime
    """Until when it is good, UTC."""


class LiveSession(Struct, frozen=True):
    """A session that is neither over nor idle for too long."""

    id: str
    """SHA-256 of its token, in hexadecimal."""
    customer: str
    """The customer whose contact it is."""
    address: str
    """The contact's address."""
    stage: Stage
    """How far they have come."""
    began_at: datetime
    """When it began, UTC."""
    seen_at: datetime
    """When it was used last, UTC."""
    ends_at: datetime
    """When it is over whatever happens, UTC."""
    challenge: str = ""
    """What a passkey must sign just now; empty where none is asked for."""


def add_link(connection: Connection, link: AskedLink, now: datetime) -> None:
    """Keep a link that is being sent; those that are long over go."""
    connection.execute(portal_links.delete().where(portal_links.c.ends_at < to_micros(now - timedelta(days=1))))
    row = {"id": link.id, "browser": link.browser, "customer": link.customer, "address": link.address}
    connection.execute(portal_links.insert(), row | {"ends_at": to_micros(link.ends_at)})


def look_at_link(
    connection: Connection, link_id: str, browser: str, now: datetime
) -> tuple[LinkOutcome, AskedLink | None]:
    """Say what would come of a link in a browser, without using it up."""
    row = connection.execute(select(portal_links).where(portal_links.c.id == link_id)).first()
    if row is None:
        return LinkOutcome.UNKNOWN, None
    link = AskedLink(row.id, row.browser, row.customer, row.address, from_micros(row.ends_at))
    if row.used_at is not None:
        return LinkOutcome.USED, link
    if link.ends_at <= now:
        return LinkOutcome.EXPIRED, link
    return (LinkOutcome.TAKEN if row.browser == browser else LinkOutcome.OTHER_BROWSER), link


def take_link(
    connection: Connection, link_id: str, browser: str, now: datetime
) -> tuple[LinkOutcome, AskedLink | None]:
    """Use a link up, once, in the browser that asked for it; another browser, or a second time, gets nothing."""
    outcome, link = look_at_link(connection, link_id, browser, now)
    if outcome is LinkOutcome.TAKEN:
        fresh = (portal_links.c.id == link_id) & portal_links.c.used_at.is_(None)
        connection.execute(portal_links.update().where(fresh).values(used_at=to_micros(now)))
    return outcome, link


def begin_session(connection: Connection, session: LiveSession) -> None:
    """Keep a session; those that are over go."""
    connection.execute(portal_sessions.delete().where(portal_sessions.c.ends_at < to_micros(session.began_at)))
    row = {"id": session.id, "customer": session.customer, "address": session.address, "stage": session.stage.value}
    moments = {name: to_micros(getattr(session, name)) for name in ("began_at", "seen_at", "ends_at")}
    connection.execute(portal_sessions.insert(), row | moments | {"challenge": session.challenge})


def session_of(connection: Connection, session_id: str, now: datetime, idle: timedelta) -> LiveSession | None:
    """Return a session by the digest of its token; None where there is none, or it is over."""
    row = connection.execute(select(portal_sessions).where(portal_sessions.c.id == session_id)).first()
    if row is None:
        return None
    began, seen, ends = (from_micros(moment) for moment in (row.began_at, row.seen_at, row.ends_at))
    if not (seen - timedelta(minutes=5) <= now < min(ends, seen + idle)):
        return None
    return LiveSession(row.id, row.customer, row.address, Stage(row.stage), began, seen, ends, row.challenge)


def touch_session(connection: Connection, session_id: str, now: datetime) -> None:
    """Say that a session was used."""
    is_it = portal_sessions.c.id == session_id
    connection.execute(portal_sessions.update().where(is_it).values(seen_at=to_micros(now)))


def challenge_session(connection: Connection, session_id: str, challenge: str) -> None:
    """Keep what a passkey must sign; an empty text where that is done."""
    is_it = portal_sessions.c.id == session_id
    connection.execute(portal_sessions.update().where(is_it).values(challenge=challenge))


def end_session(connection: Connection, session_id: str) -> None:
    """End a session."""
    connection.execute(portal_sessions.delete().where(portal_sessions.c.id == session_id))


def end_sessions_of(connection: Connection, customer: str, address: str) -> int:
    """End every session of a contact, and return how many there were."""
    theirs = (portal_sessions.c.customer == customer) & (portal_sessions.c.address == address)
    return connection.execute(portal_sessions.delete().where(theirs)).rowcount
