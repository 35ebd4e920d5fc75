"""The staff: people of one's own whose acts on customers' accounts need an authorisation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from credwatch.kernel.options import Options, read_toml
from credwatch.world.addresses import EmailAddress
from credwatch.world.entries import Id, Name, folded, require_unique

PRIVILEGED_ROLES = frozenset({"admin", "administrator", "dba", "owner", "root", "security", "sysadmin"})
"""Roles that make a staff member privileged where the entry does not say."""


class StaffMember(Options):
    """One `[[staff]]`."""

    id: Id
    """The person's id, by which authorisations name actors and approvers."""
    name: Name
    """The person's name."""
    accounts: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Login names and e-mail addresses the person acts under."""
    department: Name
    """Where the person works."""
    manager: EmailAddress | None = None
    """The address of whom the person answers to, who is reminded where the person does not mend what is asked."""
    roles: tuple[Name, ...] = ()
    """What the person may do."""
    privileged: bool | None = None
    """Whether the person may change what others may do; by the roles where nothing is said."""

    @property
    def is_privileged(self) -> bool:
        """Whether the accounts are privileged: as the entry says, or else by `PRIVILEGED_ROLES`."""
        if self.privileged is not None:
            return self.privileged
        return any(folded(role) in PRIVILEGED_ROLES for role in self.roles)


class Departments(Options):
    """`[departments]`: which of them may act on customers' accounts at all."""

    may_touch_customers: tuple[Name, ...] = ()
    """Departments whose staff an authorisation can cover; empty stands for all."""


class Staff(Options):
    """All of `staff.toml`."""

    staff: tuple[StaffMember, ...] = ()
    """The people."""
    departments: Departments = Departments()
    """What their departments may do."""

    @property
    def barred(self) -> frozenset[str]:
        """The ids of those whose department may not act on customers' accounts, whatever is authorised."""
        allowed = self.departments.may_touch_customers
        return frozenset(member.id for member in self.staff if allowed and member.department not in allowed)

    def member_named(self, name: str) -> StaffMember | None:
        """Return who has this id, or acts under this account; None where nobody does."""
        wanted = folded(name)
        return next(
            (one for one in self.staff if wanted == folded(one.id) or wanted in map(folded, one.accounts)), None
        )


def read_staff(text: str, where: str) -> Staff:
    """Read `staff.toml`; raises ConfigurationError or ProblemsFound with file, entry and key."""
    staff = read_toml(text, Staff, where=where)
    require_unique((member.id for member in staff.staff), key="staff.id", where=where)
    accounts = (account for member in staff.staff for account in member.accounts)
    require_unique(accounts, key="staff.accounts", where=where)
    return staff
