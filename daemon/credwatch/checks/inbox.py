"""Asks whether mail can be had from where the settings say that it comes."""

from __future__ import annotations

from collections.abc import Iterator

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.inbox.imap.mailbox import ImapMailbox
from credwatch.kernel.errors import CredwatchError, Problem, Severity

_SECONDS = 20.0


def imap_problems(settings: Settings) -> Iterator[Problem]:
    """Log in at the IMAP server, open the folder and search it, which marks nothing; say what fails."""
    imap = settings.inbox.imap
    if imap is None:
        return
    options = imap.model_copy(update={"timeout_seconds": min(imap.timeout_seconds, _SECONDS)})
    mailbox = ImapMailbox(options, lambda: keys.imap_password(options), settings.inbox.message_bytes)
    try:
        mailbox.waiting()
    except CredwatchError as error:
        yield Problem(error.where, error.message, error.hint, Severity.FAULT)
    finally:
        mailbox.close()
