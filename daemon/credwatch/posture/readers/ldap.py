"""Accounts of a directory, over LDAP: all that a filter finds, page by page, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from credwatch.directory.session import REFERRAL, DirectoryEntry, DirectoryError, DirectorySession, Leash, a_session
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.posture.options import LdapAccountsOptions
from credwatch.posture.readers import ldap_values as values
from credwatch.posture.readers.ldap_presets import PRESETS
from credwatch.posture.rows import Row
from credwatch.sources.pull.secrets import optional_secret_of

_MOMENTS = frozenset({"password_changed_at", "created_at", "last_login_at"})
_LISTS = frozenset({"roles", "factors"})
_FLAGS = "useraccountcontrol"
_HINTS = {
    3: "raise the server's time limit for bind_name, or narrow the filter",
    4: "let bind_name read on past the server's size limit (OpenLDAP: limits … size.prtotal=unlimited)",
    11: "let bind_name read on past the server's limits (OpenLDAP: limits … size.prtotal=unlimited)",
    8: "write ldaps://, or start_tls = true",
    12: "the server gives no pages (RFC 2696); ask another one, or export its accounts",
    13: "write ldaps://, or start_tls = true",
    32: "check base",
    34: "check base and bind_name",
    49: "check bind_name and its password",
    50: "let bind_name read below base",
    REFERRAL: "name the server that has these accounts in url; nothing is followed",
}
"""What to do, by the result code (RFC 4511, appendix A.2)."""


class LdapReader:
    """Asks for the attributes that tell something, and for no others."""

    def __init__(self, options: LdapAccountsOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._preset = PRESETS[options.preset]
        self._columns = self._preset.columns | options.attributes
        is_mapped = {"enabled", "disabled"} & options.attributes.keys()
        self._states = () if is_mapped else self._preset.states

    def rows(self) -> Iterator[Row]:
        """Give every account; see `AccountReader`."""
        options = self._options
        secret = optional_secret_of(options.id, options.password_file)
        where = f"source {options.id}"
        if options.bind_name and secret is None:
            hint = f"name password_file, or hand over the credential source-{options.id}"
            raise SourceError("bind_name has no password", where=where, hint=hint)
        try:
            with a_session(options, secret, Leash(options.read_seconds)) as session:
                yield from self._rows(session)
        except DirectoryError as error:
            hint = _HINTS.get(error.code or 0, "check url, ca_file and the server; it is read again by itself")
            raise SourceError(error.reason, where=where, hint=hint) from None

    def _rows(self, session: DirectorySession) -> Iterator[Row]:
        now, filter_ = self._clock(), self._options.filter or self._preset.filter
        names = {name for names in self._columns.values() for name in names.split("|")}
        for entry in session.entries(filter_, sorted({*names, *self._states}), self._options.page_size):
            yield self._row(entry, now)

    def _row(self, entry: DirectoryEntry, now: datetime) -> Row:
        row: dict[str, Any] = {}
        for column, names in self._columns.items():
            present = [name for name in names.split("|") if entry.values.get(name.lower())]
            value = _value(column, entry, present) if present else None
            if value is not None or column in self._preset.tells_never:
                row[column] = value
        if self._states:
            states = {name.lower(): text for name in self._states for text in entry.texts(name)[:1]}
            row["enabled"] = not values.is_disabled(states, now)
        return row


def _value(column: str, entry: DirectoryEntry, names: list[str]) -> Any:
    """Read what the attributes that an entry has tell for a column; None where that is nothing."""
    if names[0].lower() == _FLAGS:
        return _of_flags(column, next(iter(entry.texts(names[0])), ""))
    if column in _MOMENTS:
        return values.latest(values.moment(name, text) for name in names for text in entry.texts(name))
    if column in _LISTS:
        return [values.group(name, text) for name in names for text in entry.texts(name)]
    if column == "password":
        return values.weakest([value.decode("utf-8", "replace") for value in entry.values[names[0].lower()]])
    texts = entry.texts(names[0])
    return _of_texts(column, names[0].lower(), texts) if texts else None


def _of_texts(column: str, attribute: str, texts: list[str]) -> Any:
    match column, attribute:
        case "kind", "objectclass":
            return values.kind_of(texts)
        case "interactive", "loginshell":
            return values.is_shell(texts[0])
        case "owner", _:
            return values.group(attribute, texts[0])
    return texts[0]


def _of_flags(column: str, text: str) -> Any:
    match column:
        case "password":
            return values.password_of_flags(text)
        case "factors":
            return values.factors_of_flags(text)
    return text
