"""Builds the ways by which messages leave, from the settings."""

from __future__ import annotations

from collections.abc import Callable

from credwatch.app import keys
from credwatch.app.enforcement import build_measure_channels
from credwatch.app.settings import Settings
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import CommandKind
from credwatch.kernel.return_path import ReturnPath
from credwatch.outbox.email.channel import EmailChannel
from credwatch.outbox.email.render import Renderer
from credwatch.outbox.fallback import Fallback, Heard
from credwatch.outbox.file import FileChannel
from credwatch.outbox.interface import Channel
from credwatch.outbox.options import EmailOptions
from credwatch.outbox.program import ProgramChannel

_WALL = ("wall",)


def build_channels(settings: Settings, renderer: Renderer, clock: Clock) -> dict[CommandKind, Channel]:
    """Build what carries commands, by their kind; raises ConfigurationError."""
    options, password = settings.outbox.email, keys.smtp_password(settings)
    mail = EmailChannel(options, renderer, clock, password, return_path=return_path_of(settings, options))
    return {
        CommandKind.NOTIFY: mail,
        CommandKind.REPORT: mail,
        CommandKind.ESCALATE: mail,
        CommandKind.DIGEST: mail,
        CommandKind.ENFORCE: build_measure_channels(settings, clock),
    }


def build_fallback(
    settings: Settings, renderer: Renderer, clock: Clock, on_heard: Callable[[Heard], None] = lambda _heard: None
) -> Fallback:
    """Build what takes over while the mail server takes nothing; raises ConfigurationError."""
    options = settings.outbox.fallback
    second = None
    if options.email is not None:
        password = keys.password_of(options.email, "outbox.fallback.email.password_file")
        path, where = return_path_of(settings, options.email), "outbox.fallback.email"
        second = EmailChannel(options.email, renderer, clock, password, where=where, return_path=path)
    return Fallback(second, _ways(settings, renderer, clock), on_heard)


def return_path_of(settings: Settings, options: EmailOptions) -> ReturnPath | None:
    """Say where the messages of a mail server come back to; None where nobody wants them back."""
    return ReturnPath(options.bounces, keys.notice_key(settings)) if options.bounces else None


def _ways(settings: Settings, renderer: Renderer, clock: Clock) -> dict[str, Channel]:
    options = settings.outbox.fallback
    ways: dict[str, Channel] = {}
    if options.command:
        ways["command"] = ProgramChannel(options.command, renderer, clock, options.timeout_seconds)
    if options.file is not None:
        ways["file"] = FileChannel(options.file, renderer, clock, options.timeout_seconds)
    if options.wall:
        ways["wall"] = ProgramChannel(_WALL, renderer, clock, options.timeout_seconds)
    return ways
