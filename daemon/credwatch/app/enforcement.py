"""Builds what enforcement goes by: its plans, its governor with the list of what is never touched, its channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_network

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.kernel.account import compared
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.detection import Level
from credwatch.kernel.receipt import Receipt, Refused
from credwatch.outbox.enforcing.directory_options import LdapChannelOptions
from credwatch.outbox.enforcing.nftables import NftablesChannel
from credwatch.outbox.enforcing.options import (
    EnforcementChannelOptions,
    NftablesOptions,
    PlanOptions,
    ServiceOptions,
    WebhookOptions,
)
from credwatch.outbox.enforcing.program import MeasureProgram
from credwatch.outbox.enforcing.service import ServiceChannel
from credwatch.outbox.enforcing.signal_options import SignalOptions
from credwatch.outbox.enforcing.signals import SignalChannel
from credwatch.outbox.enforcing.webhook import WebhookChannel
from credwatch.outbox.interface import Channel
from credwatch.rules.sigma.sigma import SHIPPED_PLACEHOLDERS
from credwatch.workflows.enforcement import Enforcement, EnforcementPlan
from credwatch.workflows.governor import Governor, MeasureCaps
from credwatch.world.networks import IPNetwork
from credwatch.world.register import Registers

_EMERGENCY = "emergency_accounts"


def build_enforcement(settings: Settings, registers: Registers, network: Callable[[str], str]) -> Enforcement:
    """Build when which measures are taken, and what keeps them within bounds."""
    options = settings.enforcement
    return Enforcement(
        plans=tuple(map(_plan, options.plan)),
        governor=Governor(
            caps=MeasureCaps(
                accounts=options.accounts_per_hour,
                accounts_of_customer=options.accounts_per_hour_per_customer,
                addresses=options.addresses_per_hour,
                addresses_of_customer=options.addresses_per_hour_per_customer,
            ),
            longest=options.longest,
            approvers=options.approvers,
            patience=options.approve_within,
            protector=Protected(settings, registers),
            network=network,
        ),
    )


def _plan(options: PlanOptions) -> EnforcementPlan:
    return EnforcementPlan(
        name=options.name,
        actions=options.actions,
        channel=options.channel,
        incidents=options.incidents,
        rules=options.rules,
        level=Level[options.level.upper()],
        customers=options.customers,
        lasts=options.lasts,
        dry=options.dry,
    )


class Protected:
    """What is never touched: accounts for emergencies, the operators', credwatch's own mailboxes, named addresses."""

    def __init__(self, settings: Settings, registers: Registers) -> None:
        self._accounts = {compared(name): entry for name, entry in _names(settings, registers)}
        patterns = dict.fromkeys(settings.enforcement.never_accounts, "enforcement.never_accounts")
        emergency = settings.placeholders.get(_EMERGENCY, SHIPPED_PLACEHOLDERS[_EMERGENCY])
        patterns |= dict.fromkeys(emergency, f"placeholders.{_EMERGENCY}")
        self._patterns = [(compared(pattern), entry) for pattern, entry in patterns.items()]
        self._blocks = settings.enforcement.never_addresses

    def __call__(self, target: str) -> str:
        """Tell which entry protects an account or a block; empty where none does."""
        block = _block(target)
        if block is not None:
            return "enforcement.never_addresses" if any(map(block.overlaps, self._alike(block))) else ""
        name = compared(target)
        if name in self._accounts:
            return self._accounts[name]
        return next((entry for pattern, entry in self._patterns if fnmatchcase(name, pattern)), "")

    def _alike(self, block: IPNetwork) -> Iterator[IPNetwork]:
        return (one for one in self._blocks if one.version == block.version)


def _names(settings: Settings, registers: Registers) -> Iterator[tuple[str, str]]:
    """Give the accounts that are never touched, by which entry."""
    operators = {compared(address) for address in settings.operators.addresses}
    for member in registers.staff.staff:
        if operators & {compared(account) for account in member.accounts}:
            yield from ((account, "an account of an operator in staff.toml") for account in member.accounts)
    outbox = settings.outbox
    for email, where in ((outbox.email, "outbox.email"), (outbox.fallback.email, "outbox.fallback.email")):
        if email is not None:
            yield from ((name, where) for name in (email.username, email.sender) if name)
    yield settings.contact.mailbox, "contact.mailbox"
    yield settings.vendor.mailbox, "vendor.mailbox"
    yield from ((address, "operators.addresses") for address in settings.operators.addresses)


def _block(target: str) -> IPNetwork | None:
    try:
        return ip_network(target)
    except ValueError:
        return None


class MeasureChannels:
    """Gives each command of enforcement to the channel that it names; keeps the contract of `Channel`."""

    def __init__(self, channels: dict[str, Channel]) -> None:
        self._channels = channels

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        channel = self._channels.get(command.recipient)
        if channel is None:
            return Refused(f"no channel is called {command.recipient} any more")
        return await channel.deliver(command)


def build_measure_channels(settings: Settings, clock: Clock) -> MeasureChannels:
    """Build what carries measures out; raises ConfigurationError where a secret cannot be read."""
    return MeasureChannels({options.name: _channel(options, clock) for options in settings.enforcement.channel})


def signal_keys(settings: Settings) -> list[dict[str, str]]:
    """Give the public keys that tokens are verified with (RFC 7517); raises ConfigurationError where one is no key."""
    some = [it for it in settings.enforcement.channel if isinstance(it, SignalOptions)]
    public = [keys.signal_key(options).jwk() for options in some]
    return [*{key["kid"]: key for key in public}.values()]


def _channel(options: EnforcementChannelOptions, clock: Clock) -> Channel:
    match options:
        case WebhookOptions():
            return WebhookChannel(options, keys.webhook_secret(options), clock)
        case ServiceOptions():
            return ServiceChannel(options, keys.service_secret(options), clock)
        case LdapChannelOptions():
            # The library behind it is spared who has no directory.
            from credwatch.outbox.enforcing.directory import DirectoryChannel

            return DirectoryChannel(options, keys.service_secret(options), clock)
        case SignalOptions():
            return SignalChannel(options, keys.signal_key(options), keys.signal_token(options), clock)
        case NftablesOptions():
            return NftablesChannel(options, clock)
        case _:
            return MeasureProgram(options, clock)
