"""The settings of `credwatch collect`, in a file of their own."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from credwatch.kernel.duration import Duration
from credwatch.kernel.options import Options
from credwatch.sources.nats.options import NatsServer, a_name, a_subject
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, MachineSourceOptions, SourceOptions

_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?/?")
_COLLECTED = (FileSourceOptions, JournalSourceOptions, MachineSourceOptions)


class CollectorOptions(Options):
    """`[collect]`: what is kept where, and how much of it."""

    host: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9._-]{1,253}$")
    """The name of this host, under which its logs are known to the daemon."""
    state_directory: Path = Path("/var/lib/credwatch-collect")
    """Where the buffer is, and the metrics."""
    buffer_bytes: int = Field(default=1024**3, ge=1024**2, le=1024**4)
    """So much is kept on disk, packed; beyond it nothing more is read, and the logs keep it."""
    buffer_age: Duration = timedelta(days=7)
    """What could not be sent for so long is dropped, and counted."""
    batch_bytes: int = Field(default=900_000, ge=65_536, le=2 * 1024**2)
    """So many bytes of lines go into one message at most; less than the server's max_payload."""
    linger: float = Field(default=1.0, ge=0.05, le=60)
    """So many seconds lines are gathered before they are kept and sent."""
    metrics_file: Path | None = None
    """Where metrics are written as text for node_exporter; metrics.prom in the state directory where none is named."""


class NatsTarget(NatsServer):
    """`[nats]`: lines are sent to a stream of NATS JetStream."""

    subject: str = "credwatch.lines"
    """Messages go to this subject with the host's name behind it."""
    stream: str = ""
    """The stream that must take them; any where none is named."""
    make_stream: bool = False
    """Whether the stream is made where it is missing."""

    @field_validator("subject")
    @classmethod
    def _is_subject(cls, subject: str) -> str:
        return a_subject(subject)

    @field_validator("stream")
    @classmethod
    def _is_name(cls, name: str) -> str:
        return a_name(name) if name else name

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.make_stream and not self.stream:
            raise ValueError("a stream that is made has a name; give stream")
        return self


class PushTarget(Options):
    """`[push]`: lines are pushed by HTTP."""

    url: str
    """Where the daemon listens: https://HOST:PORT."""
    authority: Path | None = None
    """A PEM file with the authorities that may have signed the daemon's certificate."""
    certificate: Path | None = None
    """A PEM file with the certificate that is shown to the daemon."""
    certificate_key: Path | None = None
    """A PEM file with its private key."""
    token_file: Path | None = None
    """A file with the source's token; a name without a folder is that of a credential of the unit."""
    answer_seconds: float = Field(default=90, ge=1, le=3600)
    """So long an answer is waited for; longer than push.commit_seconds there."""

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        if not _URL.fullmatch(url):
            raise ValueError("expected https://HOST:PORT, without a path or a password")
        return url.rstrip("/")

    @property
    def speaks_tls(self) -> bool:
        """Whether the connection is one of TLS."""
        return self.url.startswith("https:")


class CollectOptions(Options):
    """The whole file."""

    collect: CollectorOptions = CollectorOptions()
    """What is kept."""
    nats: NatsTarget | None = None
    """Where it is sent to: this, or push."""
    push: PushTarget | None = None
    """Where it is sent to: this, or nats."""
    source: tuple[SourceOptions, ...] = Field(min_length=1)
    """What is read."""

    @model_validator(mode="before")
    @classmethod
    def _here(cls, raw: Any) -> Any:
        """Refuse what only the daemon decides."""
        sources = raw.get("source") if isinstance(raw, dict) else None
        if isinstance(sources, list) and any(isinstance(it, dict) and "lateness" in it for it in sources):
            raise ValueError("lateness is for the daemon; write it there, at the source that takes these lines")
        return raw

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.nats is None) == (self.push is None):
            raise ValueError("lines go to one place; write one of the tables [nats] and [push]")
        if any(not isinstance(source, _COLLECTED) for source in self.source):
            raise ValueError('only files and the journal are collected; write kind = "file", "journal" or "machine"')
        names = [source.id for source in self.source]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two sources are called {twice!r}; each has an id of its own")
        return self
