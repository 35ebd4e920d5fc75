"""Logs in at an IMAP server, and opens a folder. What a server says to a login is never repeated but for its code."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from credwatch.inbox.imap.client import ImapClient
from credwatch.inbox.interface import LoginRefused, MailboxLost
from credwatch.inbox.options import ImapOptions
from credwatch.inbox.texts import one_header
from credwatch.kernel.secret import Secret

KEYWORD = "CredwatchTaken"
"""The keyword of a mail that was taken in."""
_SMALL_TALK_BYTES = 1_000_000
_CODE = re.compile(r"\[([A-Z-]+)\b")


class TakenMark(StrEnum):
    """How it shows that a mail was taken in: by what the server's SEARCH still finds (RFC 3501, section 6.4.4)."""

    KEYWORD = f"UNKEYWORD {KEYWORD}"
    """By a keyword of ours, which no mail program touches."""
    SEEN = "UNSEEN"
    """As a mail that was read, where the server keeps no keywords."""
    MOVED = "UNDELETED"
    """It lies in another folder."""


class OpenFolder(Struct, frozen=True):
    """A folder of a server that is open for us."""

    client: ImapClient
    """The connection."""
    validity: str
    """Its UIDVALIDITY: with another one, the numbers of its mails mean others."""
    mails: int
    """How many mails are in it."""
    mark: TakenMark
    """How mails that were taken in are marked."""


def opened(options: ImapOptions, password: Callable[[], Secret], longest: int) -> OpenFolder:
    """Connect, log in and open the folder; raises MailboxLost, and what the library does."""
    tls = _context(options) if options.security != "none" else None
    implicit, secret = (tls if options.security == "tls" else None), password()
    client = ImapClient(options.host, options.port, options.timeout_seconds, implicit, longest + _SMALL_TALK_BYTES)
    try:
        with client.within(options.timeout_seconds):
            if options.security == "starttls" and tls is not None:
                client.encrypt(tls)
            _log_in(client, options, secret)
            return _selected(client, options)
    except BaseException:
        client.drop()
        raise


def _context(options: ImapOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ssl.SSLError) as error:
        hint = "name a readable PEM file, or leave it out to trust the system's certificates"
        raise MailboxLost(f"{options.ca_file} cannot be used: {error}", where="inbox.imap.ca_file", hint=hint) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _log_in(client: ImapClient, options: ImapOptions, password: Secret) -> None:
    """Log in by SASL PLAIN (RFC 4616), which takes any letters, or else by LOGIN."""
    try:
        if "AUTH=PLAIN" in client.capabilities:
            shown = f"\0{options.username}\0{password.reveal()}".encode()
            client.authenticate("PLAIN", lambda _challenge: shown)
        elif "LOGINDISABLED" not in client.capabilities:
            client.login(quoted(options.username), password.reveal())
        else:
            hint = 'use security = "tls", or allow PLAIN at the server'
            raise LoginRefused("the server takes no password here", where=_place(options), hint=hint)
    except client.abort:
        raise
    except client.error as error:
        code = _CODE.search(str(error))
        raise _refused(options, code[1] if code else "") from None


def _refused(options: ImapOptions, code: str) -> MailboxLost:
    if code in ("UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT"):  # RFC 5530, section 3: it is not about the password
        return MailboxLost(f"the server is not there for us now: {code}", where=_place(options), hint=WAIT)
    hint = "correct username and the password in password_file, or see the server's log"
    said = f"the server refuses the login: {code}" if code else "the server refuses the login"
    return LoginRefused(said, where=_place(options), hint=hint)


WAIT = "it is tried again; see the server's log"


def _place(options: ImapOptions) -> str:
    return f"inbox.imap: {options.host}:{options.port}"


def _selected(client: ImapClient, options: ImapOptions) -> OpenFolder:
    client.ask_capabilities()
    if options.moved_to:
        client.create(quoted(options.moved_to))  # it says NO where it is there
    try:
        answer, said = client.select(quoted(options.folder))
    except imaplib.IMAP4.readonly:
        answer, said = "NO", [b"it may only be read"]
    if answer != "OK":
        hint = "name a folder that is there, and let the user read it and set marks in it"
        reason = f"the folder {options.folder} cannot be opened: {words_of(said)}"
        raise MailboxLost(reason, where=_place(options), hint=hint)
    mark = _mark(client, options)
    return OpenFolder(client, words_of(client.response("UIDVALIDITY")[1]), int(said[0] or b"0"), mark)


def _mark(client: ImapClient, options: ImapOptions) -> TakenMark:
    """Choose how mails are marked, by what the server keeps for good (RFC 3501, section 7.1, PERMANENTFLAGS)."""
    if options.moved_to:
        return TakenMark.MOVED
    flags = words_of(client.response("PERMANENTFLAGS")[1]).strip("()").lower().split()
    if "\\*" in flags or KEYWORD.lower() in flags:
        return TakenMark.KEYWORD
    if "\\seen" in flags:
        return TakenMark.SEEN
    hint = "let its user set marks, or name a folder in moved_to"
    raise MailboxLost(f"no mark can be set in {options.folder}", where=_place(options), hint=hint)


def quoted(text: str) -> str:
    """Write a text as a quoted string (RFC 3501, section 4.3)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words_of(said: object) -> str:
    """Write what a server said as one legible line; empty where it said nothing."""
    first = next(iter(said), None) if isinstance(said, list | tuple) else said
    text = first.decode("ascii", "backslashreplace") if isinstance(first, bytes) else str(first or "")
    return one_header(text)
