"""The `[gate]` table of `credwatch.toml`."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, StrictInt, field_validator

from credwatch.kernel.options import Options
from credwatch.policy.corpus.layout import HashKind


class GateOptions(Options):
    """Where the gate listens, what it calls itself, and where its events go."""

    enabled: bool = True
    """Whether the gate listens at all."""
    socket: Path = Path("/run/credwatch/gate.sock")
    """The Unix socket; only its owner and group may use it (mode 0660)."""
    socket_group: str = ""
    """The group of the socket, such as the application's; empty keeps the daemon's own."""
    events_file: Path = Path("/var/lib/credwatch/gate.jsonl")
    """Where refusals and other events are appended, one JSON object a line; follow it as a `credwatch-app` source."""
    blocklists: tuple[Path, ...] = ()
    """Further files of passwords that may not be used, one a line."""
    corpus: Path | None = None
    """A file of breached passwords, made by `credwatch corpus`; none of them may be used."""
    corpus_rows: StrictInt = Field(default=0, ge=0)
    """How many of them `corpus update` takes, the most common first; 0 takes all."""
    ranges: Path | None = None
    """A folder with the public ranges, from which `corpus update` builds, and which the gate hands out at /range/."""
    ranges_kind: HashKind = HashKind.SHA1
    """Of which hash they are: sha1 or ntlm."""
    ranges_url: str = ""
    """From where `corpus update` may fetch ranges: what stands before their five digits; empty asks nobody."""
    service: str = "MODORO"
    """The service's name: a context word for passwords, and the issuer that authenticator apps show."""
    workers: StrictInt = Field(default=2, ge=1, le=16)
    """Questions of one kind worked on at a time; each password hash takes 64 MiB while it is made."""
    waiting: StrictInt = Field(default=64, ge=1, le=1024)
    """Questions of one kind taken in at a time; further ones are told to come back."""
    timeout_seconds: StrictInt = Field(default=10, ge=1, le=60)
    """Longest time for one question; then its answer is that of a failure."""

    @field_validator("ranges_url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        """Take https alone, but on this machine: whoever can alter an answer could let a password pass."""
        parts = urlsplit(url)
        if url and not (parts.hostname and (parts.scheme == "https" or _is_this_machine(url))):
            raise ValueError("expected a URL; write https://HOST/range/ with what stands before the five digits")
        return url


def _is_this_machine(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
