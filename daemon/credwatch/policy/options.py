"""The `[gate]` table of `credwatch.toml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, StrictInt

from credwatch.kernel.options import Options


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
    service: str = "MODORO"
    """The service's name: a context word for passwords, and the issuer that authenticator apps show."""
    workers: StrictInt = Field(default=2, ge=1, le=16)
    """Questions of one kind worked on at a time; each password hash takes 64 MiB while it is made."""
    waiting: StrictInt = Field(default=64, ge=1, le=1024)
    """Questions of one kind taken in at a time; further ones are told to come back."""
    timeout_seconds: StrictInt = Field(default=10, ge=1, le=60)
    """Longest time for one question; then its answer is that of a failure."""
