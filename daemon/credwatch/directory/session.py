"""Asks a directory server over LDAP v3 (RFC 4511): bounded in time, TLS checked, no reference followed elsewhere.

The library checks the names of certificates by itself, from a time when Python could not; here Python does.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE, NONE, SUBTREE, SYNC, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from msgspec import Struct
from pyasn1.error import PyAsn1Error

from credwatch.directory.place import DirectoryPlace
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.secret import Secret
from credwatch.kernel.trust import trust_of

SUCCESS, NO_SUCH_OBJECT, REFERRAL = 0, 32, 10
"""Result codes (RFC 4511, appendix A)."""
_MOST_WORDS = 200
_WRAPPING = re.compile(r"""^(?:\(["'])+|(?:["'],?\))+$""")
"""What stands around the words of errors that the library has wrapped in tuples."""
_BROKEN = (LDAPException, PyAsn1Error, OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError)
"""What the library raises: its own errors, and whatever it trips over in an answer that is no LDAP."""


class DirectoryError(Exception):
    """The server did not do what it was asked; says why without secrets."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        """The result code; None where there was no answer of LDAP."""


class DirectoryEntry(Struct, frozen=True):
    """One entry, as it was asked for."""

    name: str
    """Its DN."""
    values: dict[str, list[bytes]]
    """The values of each attribute that it has, by the attribute's name in small letters."""

    def texts(self, attribute: str) -> list[str]:
        """Give the values of an attribute as text; what is no UTF-8 is left out."""
        return [text for text in map(_text, self.values.get(attribute.lower(), [])) if text is not None]


class AttributeChange(Struct, frozen=True):
    """What is changed of one attribute at once; the server refuses it where `before` does not stand there any more."""

    attribute: str
    """Which."""
    before: str | None
    """The value that goes; None where there is none."""
    after: str | None
    """The value that comes; None where none does."""
    is_blind: bool = False
    """Whether it comes in place of whatever stands there."""


class DirectorySession:
    """A connection that is bound; made by `a_session`."""

    def __init__(self, connection: Any, place: DirectoryPlace) -> None:
        self._connection = connection
        self._place = place

    def entries(self, filter_: str, attributes: list[str], page_size: int) -> Iterator[DirectoryEntry]:
        """Give what a filter finds below the base, page by page (RFC 2696); raises DirectoryError.

        References to other servers are passed over.
        """
        cookie: bytes | None = None
        while True:
            with _told():
                self._connection.search(
                    self._place.base,
                    filter_,
                    SUBTREE,
                    attributes=attributes,
                    time_limit=self._place.answer_seconds,
                    paged_size=page_size,
                    paged_criticality=True,
                    paged_cookie=cookie,
                )
                answers, cookie = self._connection.response or [], self._cookie()
            self._require_success("the search")
            yield from (_entry(answer) for answer in answers if answer.get("type") == "searchResEntry")
            if not cookie:
                return

    def change(self, name: str, change: AttributeChange) -> None:
        """Change one attribute of an entry, in one step; raises DirectoryError."""
        old, new = ([] if value is None else [value] for value in (change.before, change.after))
        steps = [(MODIFY_DELETE, old), (MODIFY_ADD, new)]
        steps = [(MODIFY_REPLACE, new)] if change.is_blind else [step for step in steps if step[1]]
        with _told():
            self._connection.modify(name, {change.attribute: steps})
        self._require_success("the change")

    def _cookie(self) -> bytes:
        controls = self._connection.result.get("controls") or {}
        value = controls.get("1.2.840.113556.1.4.319", {}).get("value") or {}
        return bytes(value.get("cookie") or b"")

    def _require_success(self, what: str) -> None:
        _require_success(self._connection, what)


class Leash:
    """Cuts a connection after its time, or at once when it is pulled, whatever the server does meanwhile.

    An answer that comes a byte at a time would never come to its end otherwise.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.has_cut = False
        self._is_over = False
        self._wakes = threading.Event()

    def pull(self) -> None:
        """Cut the connection now; may be called from another thread, before there is one too."""
        self._wakes.set()

    def require_uncut(self) -> None:
        """Raise DirectoryError where it has cut before there was anything to cut."""
        if self.has_cut:
            raise DirectoryError("called off")

    @contextmanager
    def holding(self, connection: Any) -> Iterator[None]:
        """Watch over a connection for a block."""
        watch = threading.Thread(target=self._watch, args=(connection,), daemon=True, name="directory-leash")
        watch.start()
        try:
            yield
        finally:
            self._is_over = True
            self._wakes.set()
            watch.join()

    def _watch(self, connection: Any) -> None:
        self._wakes.wait(self.seconds)
        if self._is_over:
            return
        self.has_cut = True
        if connection.socket is not None:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def a_session(place: DirectoryPlace, secret: Secret | None, leash: Leash) -> Iterator[DirectorySession]:
    """Connect and bind for a block; raises DirectoryError, also once the leash has cut the connection."""
    with _told():
        connection = _connection(place, secret)
    with leash.holding(connection):
        try:
            with _told():
                connection.open(read_server_info=False)
            leash.require_uncut()
            if place.start_tls:
                with _told():
                    connection.start_tls(read_server_info=False)
            with _told():
                connection.bind(read_server_info=False)
            _require_success(connection, "the login")
            yield DirectorySession(connection, place)
        except DirectoryError as error:
            if leash.has_cut:
                raise DirectoryError(f"not done after {leash.seconds:g} seconds") from None
            raise _without(error, secret) from None
        finally:
            with suppress(*_BROKEN):
                connection.unbind()


def named(attribute: str, value: str) -> str:
    """Write the filter of entries that have a value; whatever the value is, it stays one (RFC 4515, section 3)."""
    return f"({attribute}={escape_filter_chars(value)})"


def _connection(place: DirectoryPlace, secret: Secret | None) -> Any:
    end, seconds = place.endpoint, place.answer_seconds
    server = Server(
        end.host,
        port=end.port,
        use_ssl=end.is_tls,
        tls=_CheckedTls(place) if end.is_tls or place.start_tls else None,
        get_info=NONE,
        connect_timeout=seconds,
    )
    return Connection(
        server,
        user=place.bind_name or None,
        password=secret.reveal() if secret is not None and place.bind_name else None,
        client_strategy=SYNC,
        receive_timeout=seconds,
        auto_referrals=False,
        check_names=False,
    )


class _CheckedTls(Tls):  # type: ignore[misc]  # published without types
    """Begins TLS as all other connections of credwatch do: the chain and the name are checked by Python itself."""

    def __init__(self, place: DirectoryPlace) -> None:
        super().__init__()
        self._trust = trust_of(place.ca_file)
        self._host = place.endpoint.host

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Begin TLS on the socket of a connection; called by the library."""
        connection.socket = self._trust.wrap_socket(
            connection.socket, server_hostname=self._host, do_handshake_on_connect=do_handshake
        )


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the library raises into our own; its words name hosts, DNs and codes."""
    try:
        yield
    except _BROKEN as error:
        raise DirectoryError(_plain(_WRAPPING.sub("", str(error))) or type(error).__name__) from None


def _require_success(connection: Any, what: str) -> None:
    result = connection.result or {}
    code = result.get("result")
    if code != SUCCESS:
        words = _plain(" ".join(filter(None, [result.get("description"), result.get("message")])))
        raise DirectoryError(f"{what} ended with {code} {words}".rstrip(), code if isinstance(code, int) else None)


def _without(error: DirectoryError, secret: Secret | None) -> DirectoryError:
    """Give an error without the secret, should the server repeat what it was told."""
    word = secret.reveal() if secret is not None else ""
    return DirectoryError(error.reason.replace(word, "…"), error.code) if word and word in error.reason else error


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _plain(words: str) -> str:
    return on_a_terminal(" ".join(words.split()))[:_MOST_WORDS]


def _entry(answer: dict[str, Any]) -> DirectoryEntry:
    values = {str(name).lower(): list(raw) for name, raw in dict(answer["raw_attributes"]).items()}
    return DirectoryEntry(str(answer["dn"]), {name: raw for name, raw in values.items() if raw})
