"""Which policies hold for whom, by settings and registers, and where they contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from credwatch.app.build import read_registers
from credwatch.app.profiles import profiles_of
from credwatch.app.settings import Settings
from credwatch.kernel.account import Account
from credwatch.kernel.errors import Problem, Severity
from credwatch.policy.inheritance import contradictions
from credwatch.policy.policies import Policies
from credwatch.world.register import Registers


def policies_of(settings: Settings) -> Policies:
    """Read profiles and registers; raises ProblemsFound."""
    profiles = profiles_of(settings)
    return Policies(profiles, read_registers(settings), settings.staff_profile, settings.staff_role_profiles)


def accounts_of(registers: Registers) -> Iterator[Account]:
    """Name every account of the registers: users with their customer, then staff."""
    yield from (Account.of(user.customer or "", user.name) for user in registers.users if not user.decoy)
    yield from (Account.of("", name) for member in registers.staff.staff for name in member.accounts)


def names_in_use(settings: Settings) -> frozenset[str]:
    """Name the profiles that hold for somebody; raises ProblemsFound."""
    registers = read_registers(settings)
    names = {settings.staff_profile, *settings.staff_role_profiles.values()}
    for customer in registers.customers:
        names |= {customer.profile, *customer.role_profiles.values()}
    return frozenset(names)


def policy_problems(settings: Settings, policies: Policies, registers: Registers) -> Iterator[Problem]:
    """Warn where one person is held to rules that contradict each other, and of rules that cannot be kept."""
    held: dict[tuple[str, ...], str] = {}
    for customer in registers.customers:
        held.setdefault(policies.names_for(Account.of(customer.id, "")), f"customer {customer.id!r}")
    held.setdefault(policies.names_for(Account.of("", "")), "staff")
    for account in accounts_of(registers):
        held.setdefault(policies.names_for(account), f"account {account.user!r}")
    for names, whom in held.items():
        yield from _contradicting(names, whom, policies)
    used = {name for names in held for name in names}
    asking = sorted(name for name in used if policies.profiles[name].password.require_corpus)
    if asking and settings.gate.enabled and settings.gate.corpus is None:
        hint = "`credwatch corpus build` makes one; docs/gate.md#breached-passwords"
        message = f"profile {asking[0]} asks that breached passwords are known, and there is no corpus"
        yield Problem("gate.corpus", message, hint, Severity.WARNING)


def _contradicting(names: tuple[str, ...], whom: str, policies: Policies) -> Iterator[Problem]:
    for conflict in contradictions({name: policies.profiles[name] for name in names}):
        where = f"profile {' and '.join(names)}, for {whom}"
        message = f"{conflict.key}: {conflict.asked} asks for what {conflict.forbidden} forbids"
        hint = "the stricter number holds; decide which text counts, and extend that profile (docs/policies.md)"
        yield Problem(where, message, hint, Severity.WARNING)
