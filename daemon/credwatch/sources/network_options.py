"""The table `[push]` and the sources whose lines others send over the network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from credwatch.kernel.options import Options, known_zone
from credwatch.sources.named import LineFormat, NamedSource

_HASH = re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


def require_hashes(hashes: tuple[str, ...], maker: str) -> tuple[str, ...]:
    """Return hashes of tokens; raises ValueError, as validators do, for what is none. `maker` names what makes one."""
    if any(not _HASH.fullmatch(text) for text in hashes):
        raise ValueError(f"this is no argon2id hash; {maker} makes a token and its hash")
    return hashes


class Listener(Options):
    """Where something listens, and with which certificate."""

    address: str = "127.0.0.1"
    """The address to listen on; loopback unless others may connect."""
    certificate: Path | None = None
    """A PEM file with the certificate of the listener and those that lead to its authority; then it speaks TLS."""
    certificate_key: Path | None = None
    """A PEM file with its private key; none where the certificate's file has it."""
    client_authority: Path | None = None
    """A PEM file with the authorities whose client certificates are believed."""

    @model_validator(mode="after")
    def _with_certificate(self) -> Self:
        if self.certificate is None and (self.certificate_key or self.client_authority):
            raise ValueError("certificate_key and client_authority are for TLS; name a certificate too")
        return self


class PushOptions(Listener):
    """`[push]`: where shippers push to the sources of kind push."""

    port: int = Field(default=9466, ge=0, le=65535)
    """The port; 0 picks a free one and says it in the log."""
    body_bytes: int = Field(default=8 * 1024 * 1024, ge=4096, le=256 * 1024 * 1024)
    """Longest body of a request as it is sent."""
    unpacked_bytes: int = Field(default=32 * 1024 * 1024, ge=4096, le=1024 * 1024 * 1024)
    """Longest body unpacked."""
    waiting_bytes: int = Field(default=32 * 1024 * 1024, ge=65_536, le=1024 * 1024 * 1024)
    """So many bytes of lines of one source may wait for their commit; beyond it shippers are told to wait."""
    requests_per_second: int = Field(default=200, ge=1, le=100_000)
    """So many requests of one source are taken a second."""
    connections: int = Field(default=256, ge=1, le=4096)
    """Connections at a time."""
    connections_of_one: int = Field(default=64, ge=1, le=4096)
    """How many of them one address may have."""
    head_seconds: float = Field(default=10, gt=0, le=300)
    """Longest time for the head of a request, and for the handshake of TLS."""
    request_seconds: float = Field(default=120, gt=1, le=3600)
    """Longest time for a request and its answer."""
    elasticsearch_version: str = Field(default="8.17.0", pattern=r"^\d+\.\d+\.\d+$")
    """Which version of Elasticsearch shippers are told that this is."""
    commit_seconds: float = Field(default=60, gt=0, le=3600)
    """How long an answer waits for the commit; then the shipper is told to send again."""


class PushSourceOptions(NamedSource):
    """`kind = "push"`: lines that shippers push by HTTP."""

    kind: Literal["push"]
    """That others push."""
    token_hashes: tuple[str, ...] = ()
    """The argon2id hashes of its tokens, as `credwatch push-token` prints them: two while a token is replaced."""
    client_names: tuple[str, ...] = ()
    """Names of client certificates, common name or DNS name, that need no token."""
    format: LineFormat = "auto"
    """How its lines begin."""
    time_zone: str = "UTC"
    """The time zone of stamps that say none."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)

    @field_validator("token_hashes")
    @classmethod
    def _hashed(cls, hashes: tuple[str, ...]) -> tuple[str, ...]:
        return require_hashes(hashes, "credwatch push-token SOURCE")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.token_hashes and not self.client_names:
            raise ValueError("nobody may push to this source; give it token_hashes or client_names")
        return self


class SyslogSourceOptions(Listener, NamedSource):
    """`kind = "syslog"`: messages that senders forward over UDP, TCP or TLS."""

    kind: Literal["syslog"]
    """That it listens for syslog."""
    udp_port: int | None = Field(default=None, ge=0, le=65535)
    """Where it listens for datagrams, RFC 5426."""
    tcp_port: int | None = Field(default=None, ge=0, le=65535)
    """Where it listens for connections in clear, RFC 6587."""
    tls_port: int | None = Field(default=None, ge=0, le=65535)
    """Where it listens for TLS, RFC 5425."""
    client_names: tuple[str, ...] = ()
    """Names of client certificates; any that the authority has signed where none is named."""
    format: LineFormat = "auto"
    """How messages begin."""
    time_zone: str = "UTC"
    """The time zone of stamps that say none."""
    message_bytes: int = Field(default=65_536, ge=480, le=1024 * 1024)
    """Longest message over a connection; the rest is dropped."""
    waiting_bytes: int = Field(default=32 * 1024 * 1024, ge=65_536, le=1024 * 1024 * 1024)
    """So many bytes of lines may wait for their commit; beyond it nothing is read."""
    connections: int = Field(default=256, ge=1, le=4096)
    """Connections at a time."""
    connections_of_one: int = Field(default=64, ge=1, le=4096)
    """How many of them one address may have."""
    idle_seconds: float = Field(default=86_400, gt=0)
    """A connection that brings nothing for so long is closed."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.udp_port is None and self.tcp_port is None and self.tls_port is None:
            raise ValueError("it listens nowhere; give it udp_port, tcp_port or tls_port")
        if self.tls_port is not None and self.certificate is None:
            raise ValueError("tls_port needs a certificate; name its file")
        if self.client_names and self.client_authority is None:
            raise ValueError("no client certificate is believed; name a client_authority")
        return self
