"""The dry run of a change of profiles, over the accounts that registers and store know."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from credwatch.app import keys
from credwatch.app.build import read_registers
from credwatch.app.policies import accounts_of
from credwatch.app.profiles import profiles_of, read_profile
from credwatch.app.settings import Settings, load_settings
from credwatch.app.store import open_store
from credwatch.kernel.account import Account
from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.policy.dry_run import Difference, JudgedAccount, difference
from credwatch.policy.policies import Policies
from credwatch.policy.profile import PolicyProfile
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows, PasswordHashes


def tried(config: Path, old: str, new: str, now: datetime, customer: str | None = None) -> tuple[int, Difference]:
    """Hold known accounts against two profiles, by name or file; say how many they were, and what differs.

    The accounts are those whom `old` holds for; where it holds for nobody, all of the registers. Raises
    ConfigurationError, ProblemsFound and StoreError.
    """
    settings = load_settings(config)
    profiles, registers = profiles_of(settings), read_registers(settings)
    before, after = (_named(name, profiles) for name in (old, new))
    policies = Policies(profiles, registers, settings.staff_profile, settings.staff_role_profiles)
    everybody = [it for it in accounts_of(registers) if customer in (None, it.organization)]
    accounts = [it for it in everybody if old in policies.names_for(it)] or everybody
    judged = _judged(settings, accounts)
    return len(judged), difference(judged, before, after, policies, now)


def _named(name: str, profiles: dict[str, PolicyProfile]) -> PolicyProfile:
    if name in profiles:
        return profiles[name]
    if name.endswith(".toml"):
        return read_profile(Path(name), profiles)
    hint = nearest(name, profiles) or "`credwatch policy list` names them; a file's name ends in .toml"
    raise ConfigurationError(f"no profile {name!r} is known", where="policy", hint=hint)


def _judged(settings: Settings, accounts: list[Account]) -> list[JudgedAccount]:
    database = open_store(keys.store_place(settings))
    try:
        return [_with_store(account, database) for account in accounts]
    finally:
        database.close()


def _with_store(account: Account, database: Database) -> JudgedAccount:
    factor = FactorRows(database).confirmed(account)
    return JudgedAccount(account, factor, PasswordHashes(database).newest(account))
