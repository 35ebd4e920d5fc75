"""Which profiles hold for whom: by customer, and by what a person may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from credwatch.kernel.account import Account, compared
from credwatch.policy.inheritance import combined
from credwatch.policy.profile import PolicyProfile, Populations
from credwatch.world.entries import folded
from credwatch.world.exemptions import Exemption
from credwatch.world.owners import Owner, Owners
from credwatch.world.register import Registers


class AppliedPolicy(NamedTuple):
    """What an account is held to."""

    names: tuple[str, ...]
    """The profiles: the customer's first, then those of roles."""
    profile: PolicyProfile
    """What they come to together."""


class Policies:
    """The profiles of an installation, and whom each holds for; a value that any thread may use.

    A customer's accounts are held to its profile, all others to the staff's; a role adds another profile, and of each
    rule the stricter one holds.
    """

    def __init__(
        self,
        profiles: Mapping[str, PolicyProfile],
        registers: Registers,
        staff_profile: str = "default",
        staff_roles: Mapping[str, str] | None = None,
    ) -> None:
        """Take profiles by name, each with what it extends already in it; names that are unknown are passed over."""
        self.profiles = profiles
        self._staff = staff_profile
        self._customers = {customer.id: customer.profile for customer in registers.customers}
        self._roles = {customer.id: _by_role(customer.role_profiles) for customer in registers.customers}
        self._roles[""] = _by_role(staff_roles or {})
        self._owners = Owners(registers)
        self._exemptions = registers.exemptions
        self._combined: dict[tuple[str, ...], PolicyProfile] = {}

    def names_for(self, account: Account) -> tuple[str, ...]:
        """Name the profiles that hold for an account, the customer's first."""
        customer = account.organization if account.organization in self._customers else ""
        names = [self._customers.get(customer, self._staff)]
        owner = self.owner_of(account)
        for role in owner.roles if owner else ():
            names += self._roles[customer].get(folded(role), ())
        return tuple(dict.fromkeys(name for name in names if name in self.profiles)) or ("default",)

    def held_to(self, account: Account) -> AppliedPolicy:
        """Say what holds for an account."""
        names = self.names_for(account)
        if names not in self._combined:
            self._combined[names] = combined([self.profiles[name] for name in names])
        return AppliedPolicy(names, self._for_population(self._combined[names], account))

    def is_concerned(self, account: Account, populations: Populations) -> bool:
        """Tell whether an account is among those whom a demand concerns."""
        owner = self.owner_of(account)
        is_staff = owner is not None and owner.kind == "staff"
        is_privileged = owner is not None and bool(owner.privileged)
        return (
            "all" in populations
            or (is_staff and "staff" in populations)
            or (is_privileged and "privileged" in populations)
        )

    def has_role(self, account: Account, roles: Iterable[str]) -> bool:
        """Tell whether the registers give an account one of these roles."""
        owner = self.owner_of(account)
        own = {folded(role) for role in owner.roles} if owner else set()
        return any(folded(role) in own for role in roles)

    def populations_of(self, account: Account) -> Populations:
        """Name the populations that an account belongs to."""
        names: Populations = ("staff", "privileged", "all")
        return tuple(name for name in names if self.is_concerned(account, (name,)))

    def exemptions_of(self, account: Account) -> tuple[Exemption, ...]:
        """Return the exemptions of an account, whenever they hold."""
        named = [it for it in self._exemptions if it.customer == account.organization]
        return tuple(it for it in named if compared(it.account) == compared(account.user))

    def owner_of(self, account: Account) -> Owner | None:
        """Find whose account it is; None where the registers give the name to another customer, or to nobody."""
        owner = self._owners.owner_of(account.user)
        if owner is None or (owner.customer or "") not in (account.organization, ""):
            return None
        return owner

    def _for_population(self, profile: PolicyProfile, account: Account) -> PolicyProfile:
        """Leave out what is asked of others alone."""
        password = profile.password
        if password.remember and not self.is_concerned(account, password.remember_for):
            return profile.model_copy(update={"password": password.model_copy(update={"remember": 0})})
        return profile


def _by_role(roles: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {folded(role): (name,) for role, name in roles.items()}
