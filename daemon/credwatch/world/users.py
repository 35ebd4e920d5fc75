"""The users: accounts that are known by name, with the customer they belong to and what they may do."""

from __future__ import annotations

from credwatch.kernel.options import Options, read_toml
from credwatch.world.addresses import EmailAddress
from credwatch.world.entries import Id, Name, require_unique


class User(Options):
    """One `[[user]]`."""

    name: Name
    """The login name, as the logs write it."""
    email: EmailAddress | None = None
    """The e-mail address, where it is another way to log in."""
    manager: EmailAddress | None = None
    """The address of whom its user answers to, who is reminded where the user does not mend what is asked."""
    customer: Id | None = None
    """The customer it belongs to; none for accounts of one's own systems."""
    roles: tuple[Name, ...] = ()
    """What it may do."""
    privileged: bool = False
    """Whether it may change what others may do."""
    decoy: bool = False
    """Whether nobody may use it: it is there to be tried by those who look for accounts."""


class _UsersFile(Options):
    user: tuple[User, ...] = ()


def read_users(text: str, where: str) -> tuple[User, ...]:
    """Read `users.toml`; raises ConfigurationError or ProblemsFound with file, entry and key."""
    users = read_toml(text, _UsersFile, where=where).user
    names = [name for user in users for name in {user.name, user.email or user.name}]
    require_unique(names, key="user.name, user.email", where=where)
    return users
