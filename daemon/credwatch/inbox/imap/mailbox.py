"""A folder that an IMAP server keeps: what waits in it, and how it is marked once it is taken in.

Mails are named by UIDVALIDITY and UID. They are read by BODY.PEEK, which marks nothing; the mark is set after the
commit. A crash in between leaves a mail without its mark, and it is known by its digest.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice

import structlog

from credwatch.inbox.imap.login import KEYWORD, WAIT, OpenFolder, TakenMark, opened, quoted, words_of
from credwatch.inbox.interface import AT_ONCE, MailboxLost
from credwatch.inbox.options import ImapOptions
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.secret import Secret

log = structlog.get_logger(__name__)

_WINDOW = 50_000
"""So many mails are searched at once: the library takes answers of a megabyte at most."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class ImapMailbox:
    """One folder at one server; keeps the contract of `IncomingMailbox`."""

    def __init__(self, options: ImapOptions, password: Callable[[], Secret], longest: int) -> None:
        """Take how the password is read, anew for each login, and how many bytes of a mail are read at most."""
        self._options = options
        self._password = password
        self._longest = longest
        self._where = f"inbox.imap: {options.host}:{options.port}"
        self._folder: OpenFolder | None = None
        self._mails = 0

    def waiting(self, apart: Collection[str] = ()) -> list[str]:
        """Name some of the mails that wait, connecting where there is no connection; raises MailboxLost."""
        with self._asked():
            folder = self._looked_at()
            names = (f"{folder.validity}/{uid}" for uid in self._found(folder))
            return list(islice((name for name in names if name not in apart), AT_ONCE))

    def _looked_at(self) -> OpenFolder:
        """Have the folder open, and know how many mails it has; a connection that ended meanwhile is made anew."""
        if self._folder is not None:
            try:
                with self._folder.client.within(self._options.timeout_seconds):
                    self._folder.client.noop()
            except (imaplib.IMAP4.error, OSError):
                self.close()
            else:
                self._mails = int(words_of(self._folder.client.response("EXISTS")[1][-1:]) or self._mails)
                return self._folder
        self._folder = opened(self._options, self._password, self._longest)
        self._mails = self._folder.mails
        self._say_how(self._folder.mark)
        return self._folder

    def _say_how(self, mark: TakenMark) -> None:
        log.info("inbox.connected", server=self._where, folder=self._options.folder, mark=mark.name.lower())
        if mark is TakenMark.SEEN:
            hint = "what somebody else reads first is not taken in; name a folder in moved_to, or let nobody read there"
            log.warning("inbox.no_keywords", server=self._where, hint=hint)

    def _found(self, folder: OpenFolder) -> Iterator[int]:
        """Search for mails that were not taken in, window by window."""
        since = f" SINCE {_day(self._options.since)}" if self._options.since else ""
        for begin in range(1, self._mails + 1, _WINDOW):
            end = str(begin + _WINDOW - 1) if begin + _WINDOW <= self._mails else "*"
            criteria = f"{begin}:{end} {folder.mark.value}{since}"
            with folder.client.within(self._options.timeout_seconds):
                said = self._answer(folder.client.uid("SEARCH", criteria), "cannot be searched")
            yield from sorted(int(uid) for line in said if isinstance(line, bytes) for uid in line.split())

    def read(self, name: str) -> bytes:
        """Fetch a mail without a mark, of one that is too long a byte more than may be read."""
        with self._asked():
            folder = self._open_with(name)
            with folder.client.within(self._options.timeout_seconds):
                wanted = f"(BODY.PEEK[]<0.{self._longest + 1}>)"
                said = self._answer(folder.client.uid("FETCH", _uid(name), wanted), "gives a mail not out")
        for part in said:
            if isinstance(part, tuple) and b"BODY[]" in part[0].upper():
                return bytes(part[1])
        raise CredwatchError("the mail is gone", where=f"{self._where}: {name}", hint="somebody else took it away")

    def done(self, name: str) -> None:
        """TakenMark a mail that was taken in, or move it."""
        with self._asked():
            folder = self._open_with(name)
            with folder.client.within(self._options.timeout_seconds):
                if folder.mark is TakenMark.MOVED:
                    self._move(folder, _uid(name))
                else:
                    self._set(folder, _uid(name), KEYWORD if folder.mark is TakenMark.KEYWORD else "\\Seen")

    def _move(self, folder: OpenFolder, uid: str) -> None:
        """Move a mail (RFC 6851); by a server that cannot, copy it and hide the old one."""
        target = quoted(self._options.moved_to)
        if "MOVE" in folder.client.capabilities:
            self._answer(folder.client.uid("MOVE", uid, target), "moves no mail")
        else:
            self._answer(folder.client.uid("COPY", uid, target), "copies no mail")
            self._set(folder, uid, "\\Deleted")

    def _set(self, folder: OpenFolder, uid: str, flag: str) -> None:
        self._answer(folder.client.uid("STORE", uid, "+FLAGS.SILENT", f"({flag})"), "sets no mark")

    def close(self) -> None:
        """End the connection."""
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.client.drop()

    def _open_with(self, name: str) -> OpenFolder:
        """Return the open folder, where a mail of this name may still be in it."""
        folder = self._folder
        if folder is None or name.partition("/")[0] != folder.validity:
            raise MailboxLost("the folder was opened anew", where=self._where, hint="its mails are named again")
        return folder

    def _answer(self, answer: tuple[str, Sequence[object]], trouble: str) -> Sequence[object]:
        """Return what a server said to a command, where it said yes."""
        kind, said = answer
        if kind != "OK":
            raise MailboxLost(f"the server {trouble}: {words_of(said)}", where=self._where, hint=WAIT)
        return said

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Turn whatever goes wrong while the server is asked into an error of ours, and begin anew after it."""
        try:
            yield
        except MailboxLost:
            self.close()
            raise
        except CredwatchError:
            raise
        except Exception as error:
            # What a server says may break the library in ways that it does not name.
            self.close()
            raise MailboxLost(_reason(error), where=self._where, hint=_hint(error)) from error


def _uid(name: str) -> str:
    return name.rpartition("/")[2]


def _day(day: date) -> str:
    """Write a day as IMAP does, in no language of this machine's."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04}"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server does not answer in time"
    return f"the connection failed: {words_of(str(error)) or type(error).__name__}"


def _hint(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "host must be the name in its certificate; name the authority that signed it in ca_file"
    if isinstance(error, ssl.SSLError):
        return 'the usual ports are 993 with security = "tls" and 143 with "starttls"'
    return WAIT
