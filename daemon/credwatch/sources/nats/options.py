"""How a NATS server is reached, and the sources that read from its streams."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from credwatch.kernel.options import Options, known_zone
from credwatch.sources.named import LineFormat, NamedSource

_SERVER = re.compile(r"(?:nats|tls)://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUBJECT = re.compile(r"[A-Za-z0-9_$-]+(?:\.[A-Za-z0-9_$*-]+)*(?:\.>)?")


class NatsServer(Options):
    """Which server, and how it knows us."""

    servers: tuple[str, ...] = Field(default=("nats://127.0.0.1:4222",), min_length=1)
    """Addresses of one server or of a cluster; tls:// has it speak TLS."""
    authority: Path | None = None
    """A PEM file with the authorities that may have signed the server's certificate; those of the system where none."""
    certificate: Path | None = None
    """A PEM file with the certificate that is shown to the server."""
    certificate_key: Path | None = None
    """A PEM file with its private key; none where the certificate's file has it."""
    credentials_file: Path | None = None
    """A .creds file with a JWT and an nkey; a name without a folder is that of a credential of the unit."""
    nkey_file: Path | None = None
    """A file with the seed of an nkey, likewise."""
    token_file: Path | None = None
    """A file with a token, likewise."""
    user: str = ""
    """The user to log in as, where the server wants a user and a password."""
    password_file: Path | None = None
    """A file with the password of that user, likewise."""

    @field_validator("servers")
    @classmethod
    def _addresses(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        if any(not _SERVER.fullmatch(server) for server in servers):
            raise ValueError("no address of a server; write nats://HOST:PORT or tls://HOST:PORT, without a password")
        return servers

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.credentials_file, self.nkey_file, self.token_file, self.password_file)
        if sum(way is not None for way in ways) > 1:
            raise ValueError("two ways to log in; give one of credentials_file, nkey_file, token_file, password_file")
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("a user and a password belong together; give user and password_file")
        if self.certificate is None and self.certificate_key:
            raise ValueError("a key without a certificate; name the certificate too")
        return self

    @property
    def speaks_tls(self) -> bool:
        """Whether the connection is to be one of TLS."""
        return bool(self.authority or self.certificate) or any(server.startswith("tls:") for server in self.servers)


def a_subject(text: str) -> str:
    """Return a subject; raises ValueError, as validators do, where it is none."""
    if not _SUBJECT.fullmatch(text):
        raise ValueError(f"{text!r} is no subject; write words with dots between, such as credwatch.lines")
    return text


def a_name(text: str) -> str:
    """Return the name of a stream or a consumer; raises ValueError where it is none."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a stream or consumer; write letters, digits, - and _")
    return text


class NatsSourceOptions(NatsServer, NamedSource):
    """`kind = "nats"`: messages of a stream of NATS JetStream."""

    kind: Literal["nats"]
    """That it reads from a stream."""
    stream: str
    """The stream's name."""
    subjects: tuple[str, ...] = ()
    """Which of its subjects are read, all where none is named; a stream that is made here has these."""
    consumer: str = "credwatch"
    """The durable consumer that remembers what was committed; of no other reader."""
    make: Literal["nothing", "consumer", "stream"] = "consumer"
    """What is made where it is missing: only the consumer, the stream too, or nothing."""
    read_from: Literal["start", "end"] = "start"
    """Where a consumer that is made for the very first time begins."""
    format: LineFormat = "auto"
    """How lines begin, where a batch does not say it."""
    time_zone: str = "UTC"
    """The time zone of stamps that say none, likewise."""
    waiting_bytes: int = Field(default=32 * 1024 * 1024, ge=65_536, le=1024 * 1024 * 1024)
    """So many bytes of lines may wait for their commit; beyond it nothing is fetched."""
    unpacked_bytes: int = Field(default=4 * 1024 * 1024, ge=65_536, le=256 * 1024 * 1024)
    """Longest message unpacked; a longer one is set aside."""
    unacknowledged: int = Field(default=64, ge=2, le=10_000)
    """So many messages may be under way, in a consumer that is made here (max_ack_pending)."""
    ack_seconds: float = Field(default=30, ge=1, le=3600)
    """After so long without a word the server gives a message again, likewise (ack_wait)."""

    @field_validator("stream", "consumer")
    @classmethod
    def _named(cls, name: str) -> str:
        return a_name(name)

    @field_validator("subjects")
    @classmethod
    def _of_subjects(cls, subjects: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(a_subject(subject) for subject in subjects)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)

    @model_validator(mode="after")
    def _with_subjects(self) -> Self:
        if self.make == "stream" and not self.subjects:
            raise ValueError('a stream has subjects; name them, or choose make = "consumer"')
        return self
