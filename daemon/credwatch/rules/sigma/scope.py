"""Where in which document a reader stands, and what the configuration tells it: errors name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.errors import RuleError
from credwatch.rules.documents import Document, Key
from credwatch.rules.logsource import EVERYTHING, Route

Placeholders = Mapping[str, tuple[str, ...]]
"""The values of each placeholder, from the `[placeholders]` table of the configuration."""


class Scope(Struct, frozen=True):
    """A place in a document."""

    document: Document
    """The document."""
    placeholders: Placeholders
    """What `|expand` puts in."""
    keys: tuple[Key, ...] = ()
    """The way to the place."""
    route: Route = EVERYTHING
    """Where the rule's events come from, and so what names of fields mean."""

    def at(self, *keys: Key) -> Scope:
        """Step further down."""
        return replace(self, keys=(*self.keys, *keys))

    def field(self, name: str) -> str:
        """Return the column that a name here means; raises RuleError with the nearest name where there is none."""
        return self.route.tested(name, self.where)

    @property
    def where(self) -> str:
        """Name file, line and key."""
        return self.document.where(*self.keys)

    def error(self, message: str, hint: str) -> RuleError:
        """Say what is wrong here, and what would be right."""
        return RuleError(message, where=self.where, hint=hint)
