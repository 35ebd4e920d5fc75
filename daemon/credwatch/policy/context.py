"""What the gate knows about the person who chooses a password: the first words a guesser would try."""

from __future__ import annotations

import re

from msgspec import Struct

from credwatch.policy.spelling import unaccented

_SHORTEST_WORD = 3
_LONGEST_WORD = 64
_MOST_WORDS = 64
_BETWEEN_WORDS = re.compile(r"[\W_]+")


class PasswordContext(Struct, frozen=True):
    """For whom and for what a password is meant."""

    user: str = ""
    """The account's name."""
    email: str = ""
    """The account's e-mail address."""
    organization: str = ""
    """The customer's id."""
    customer: str = ""
    """The customer's name."""
    service: str = ""
    """The name of the service the password opens."""
    with_mfa: bool = False
    """True where the password is only used together with a second factor."""

    def words(self, further: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the words a password may not be made of, unaccented: each name joined up, and each of its parts."""
        local, _, domain = self.email.partition("@")
        names = (self.user, self.email, local, domain, self.organization, self.customer, self.service, *further)
        words: dict[str, None] = {}
        for name in names:
            parts = [part for part in _BETWEEN_WORDS.split(unaccented(name)) if part]
            for word in ("".join(parts), *parts):
                if _SHORTEST_WORD <= len(word) <= _LONGEST_WORD:
                    words[word] = None
        return tuple(words)[:_MOST_WORDS]
