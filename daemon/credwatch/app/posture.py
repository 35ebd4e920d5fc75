"""What is asked of accounts: settings, policy profiles and registers put together."""

from __future__ import annotations

from credwatch.app.profiles import profiles_of
from credwatch.app.settings import Settings
from credwatch.kernel.account import compared
from credwatch.policy.context import PasswordContext
from credwatch.policy.profile import MfaProfile
from credwatch.posture.account import AccountState
from credwatch.posture.guessing.auditing import AuditWords
from credwatch.posture.judging import Expectations
from credwatch.posture.options import RemindersOptions
from credwatch.workflows.account_reminder import Ladder, Rung
from credwatch.world.owners import Owners
from credwatch.world.register import Registers


def expectations_of(settings: Settings, registers: Registers) -> Expectations:
    """Put together what accounts are held to; raises ProblemsFound where a profile is wrong."""
    rules = profiles_of(settings)
    profiles = {customer.id: customer.profile for customer in registers.customers}

    def mfa_of(customer: str) -> MfaProfile:
        name = profiles.get(customer, "default") if customer else settings.staff_profile
        return rules[name].mfa

    members = registers.staff.staff
    names = {compared(name) for member in members for name in (member.id, member.name, *member.accounts)}
    return Expectations(settings.posture, Owners(registers).owner_of, mfa_of, frozenset(names))


def ladder_of(options: RemindersOptions) -> Ladder:
    """Say after how long who is reminded of an account that breaks a rule."""
    times = {Rung.USER: options.user_after, Rung.MANAGER: options.manager_after, Rung.CONTACT: options.contact_after}
    return {rung: time for rung, time in times.items() if time is not None}


def audit_words_of(settings: Settings, registers: Registers) -> AuditWords:
    """Put together what a guesser knows of accounts beforehand; raises ProblemsFound where a profile is wrong."""
    rules = profiles_of(settings)
    customers = {customer.id: customer for customer in registers.customers}

    def words_of(state: AccountState) -> tuple[str, ...]:
        customer = customers.get(state.customer)
        profile = rules[customer.profile if customer else settings.staff_profile]
        email = state.user if "@" in state.user else ""
        name = customer.name if customer else settings.vendor.name
        context = PasswordContext(state.user, email, state.customer, name)
        return context.words(profile.password.context_words)

    return AuditWords(Owners(registers).owner_of, words_of)
