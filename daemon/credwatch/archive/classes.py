"""Which fields of an event are kept how long, and which of them are personal."""

from __future__ import annotations

from enum import StrEnum

from credwatch.kernel.fields import BY_NAME


class FieldClass(StrEnum):
    """What a field tells; all others go with their events."""

    ACCOUNTS = "accounts"
    """Who."""
    ADDRESSES = "addresses"
    """From where."""
    LINES = "lines"
    """The line itself."""


LINES = ("event.original", "message", "credwatch.native", "process.command_line", "process.working_directory")
"""Fields that hold what the writer wrote, or much of it."""
WHOLE_LINES = ("event.original", "message", "credwatch.native")
"""Those that are left out where lines are not kept."""
_WHO = (
    "user.",
    "credwatch.actor.id",
    "credwatch.session.",
    "credwatch.key.fingerprint",
    "credwatch.token.",
    "credwatch.tty",
)
_WHERE = ("source.", "user_agent.", "credwatch.source.block", "credwatch.network.")


def class_of(name: str) -> FieldClass | None:
    """Say to which class a field belongs; None for those that go with their events."""
    if name in LINES:
        return FieldClass.LINES
    if name.startswith(_WHO):
        return FieldClass.ACCOUNTS
    return FieldClass.ADDRESSES if name.startswith(_WHERE) else None


OF_CLASS: dict[FieldClass, tuple[str, ...]] = {
    kind: tuple(name for name in BY_NAME if class_of(name) is kind) for kind in FieldClass
}
"""The fields of each class."""

PERSONAL = (
    "user.name",
    "user.id",
    "user.email",
    "user.effective.name",
    "user.target.name",
    "user.target.id",
    "user.target.email",
    "credwatch.actor.id",
    "credwatch.session.id",
    "credwatch.key.fingerprint",
    "source.ip",
    "source.domain",
    "credwatch.source.block",
    "user_agent.original",
    *LINES,
)
"""The fields that tell of one person."""
