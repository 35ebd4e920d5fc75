"""Puts the gate together: its decisions, its store, its events."""

from __future__ import annotations

from collections.abc import Callable

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.kernel.account import Account
from credwatch.kernel.clock import Clock
from credwatch.pipeline.pipeline import Knowledge
from credwatch.policy.blocklist import load_blocklist
from credwatch.policy.corpus.corpus import CorpusInUse
from credwatch.policy.events import EventsFile
from credwatch.policy.gate import CustomerPolicy, Gate
from credwatch.policy.history import PasswordHistory
from credwatch.policy.login import LoginStanding
from credwatch.policy.policies import Policies
from credwatch.policy.sealing import Sealer
from credwatch.policy.totp import Totp
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows, PasswordHashes


def build_gate(settings: Settings, database: Database, knowledge: Callable[[], Knowledge], clock: Clock) -> Gate:
    """Build the gate; raises ConfigurationError where a block list or the sealing key cannot be used."""
    options = settings.gate

    def policy_of(account: Account) -> CustomerPolicy:
        recipient = knowledge().facts.recipients.get(account.organization)
        held = knowledge().policies.held_to(account)
        name = recipient.name if recipient else ""
        return CustomerPolicy(held.profile, name, lambda: _standing(knowledge().policies, account))

    sealer = Sealer(keys.totp_key())
    return Gate(
        policy_of=policy_of,
        blocklist=load_blocklist(options.blocklists),
        history=PasswordHistory(PasswordHashes(database), sealer=sealer),
        totp=Totp(FactorRows(database, clock), sealer, issuer=options.service),
        events=EventsFile(options.events_file),
        clock=clock,
        service=options.service,
        breached=CorpusInUse(options.corpus) if options.corpus else None,
    )


def _standing(policies: Policies, account: Account) -> LoginStanding:
    owner = policies.owner_of(account)
    return LoginStanding(
        policies.held_to(account).profile,
        policies.populations_of(account),
        owner.roles if owner else (),
        policies.exemptions_of(account),
    )
