"""Where a directory is, and whose entries are meant."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from credwatch.kernel.options import Options

DirectoryPreset = Literal["openldap", "389ds", "active_directory"]
"""The servers whose attributes are known here."""
_PORTS = {"ldap": 389, "ldaps": 636}


class Endpoint(NamedTuple):
    """What a URL of LDAP names (RFC 4516)."""

    host: str
    """The name or address, which the certificate must be for."""
    port: int
    """The port."""
    is_tls: bool
    """Whether TLS begins with the connection."""


class DirectoryPlace(Options):
    """Where entries are asked for, by whom, and how long that may take."""

    url: str
    """The server: ldaps://HOST, or ldap://HOST with start_tls, or on the loopback interface without it."""
    start_tls: bool = False
    """Whether TLS begins within the connection, before anything else is said (RFC 4511, section 4.14)."""
    ca_file: Path | None = None
    """A PEM file with the authorities whose certificates are believed; those of the system where none is named."""
    bind_name: str = ""
    """Who asks: a DN, or what Active Directory takes for one; nobody where it is empty."""
    base: str
    """The DN that all accounts stand under."""
    filter: str = ""
    """A filter that an account must match too (RFC 4515), such as (objectClass=inetOrgPerson)."""
    preset: DirectoryPreset = "openldap"
    """Whose attributes tell of an account."""
    answer_seconds: int = Field(default=20, ge=1, le=600)
    """Longest time for one answer, and for the connection."""

    @field_validator("url")
    @classmethod
    def _names_a_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("names no user and no password; they stand in bind_name and in a file")
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("is no server; write ldaps://HOST or ldap://HOST, and the DN in base")
        return url

    @field_validator("filter")
    @classmethod
    def _is_in_brackets(cls, text: str) -> str:
        if text and not (text.startswith("(") and text.endswith(")") and text.count("(") == text.count(")")):
            raise ValueError("is no filter; it stands in round brackets, such as (objectClass=person)")
        return text

    @model_validator(mode="after")
    def _is_protected(self) -> DirectoryPlace:
        end = self.endpoint
        if end.is_tls and self.start_tls:
            raise ValueError("ldaps:// is TLS from the beginning; leave start_tls out")
        if not (end.is_tls or self.start_tls or _is_loopback(end.host)):
            raise ValueError("anybody on the way could read it; write ldaps://, or start_tls = true")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """The server that `url` names."""
        parts = urlsplit(self.url)
        return Endpoint(parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.scheme == "ldaps")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
