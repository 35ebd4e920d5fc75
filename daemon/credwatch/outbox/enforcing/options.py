"""The `[enforcement]` table: when which measures are taken, by which channel, and what keeps them within bounds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from credwatch.kernel.duration import Duration
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.options import Options
from credwatch.outbox.enforcing.directory_options import LdapChannelOptions
from credwatch.outbox.enforcing.requests import SERVICES, ServiceKind
from credwatch.outbox.enforcing.signal_options import SignalOptions
from credwatch.outbox.enforcing.urls import protected_url
from credwatch.world.entries import Id, Name
from credwatch.world.networks import AddressBlock


class WebhookOptions(Options):
    """An `[[enforcement.channel]]` of kind webhook: an application that is told by HTTP."""

    name: Id
    """What plans call it."""
    kind: Literal["webhook"]
    """It is told by HTTP."""
    url: str
    """Where requests go; https, or http on the loopback interface."""
    secret_file: Path
    """File with the secret that requests are signed with: at least 24 characters, or `whsec_` and base64."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, in PEM."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long one request may take."""

    @field_validator("url")
    @classmethod
    def _protected(cls, url: str) -> str:
        return protected_url(url, "requests are signed with what secret_file has")


class ProgramOptions(Options):
    """An `[[enforcement.channel]]` of kind command: a program of the operator's, run without a shell."""

    name: Id
    """What plans call it."""
    kind: Literal["command"]
    """It is a program."""
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    """The program and its arguments; what is to be done comes as JSON on standard input."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long it may run."""

    @field_validator("argv")
    @classmethod
    def _is_absolute(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        if not argv[0].startswith("/"):
            raise ValueError("the program is named by its whole path, such as /usr/local/sbin/lock-account")
        return argv


class NftablesOptions(Options):
    """An `[[enforcement.channel]]` of kind nftables: sets of the kernel's packet filter."""

    name: Id
    """What plans call it."""
    kind: Literal["nftables"]
    """It is the packet filter."""
    table: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")] = "credwatch"
    """The table of family inet that has the sets `banned4` and `banned6`; both are made where they are missing."""
    program: str = "/usr/sbin/nft"
    """The program that changes them."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long it may run."""


class ServiceOptions(Options):
    """An `[[enforcement.channel]]` of kind scim, keycloak, okta or entra: a service that keeps accounts."""

    name: Id
    """What plans call it."""
    kind: ServiceKind
    """Whose API is spoken."""
    url: str
    """Where the API begins; https, or http on the loopback interface."""
    secret_file: Path
    """File with the token, or with the secret of the client that client_id names."""
    client_id: str = ""
    """The client that gets a token for its secret (RFC 6749, section 4.4); empty where the secret is the token."""
    token_url: str = ""
    """Where it gets the token."""
    scope: str = ""
    """What it asks to be allowed."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, in PEM."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=60)
    """How long one attempt may take, with all its requests."""

    @field_validator("url", "token_url")
    @classmethod
    def _protected(cls, url: str) -> str:
        return protected_url(url, "the secret stands in secret_file").rstrip("/")

    @model_validator(mode="after")
    def _has_a_client(self) -> ServiceOptions:
        if bool(self.client_id) != bool(self.token_url):
            raise ValueError("client_id and token_url belong together; leave both out where secret_file has a token")
        return self


def _kind(raw: object) -> str:
    kind = str(raw.get("kind") if isinstance(raw, dict) else getattr(raw, "kind", ""))
    return "service" if kind in SERVICES else kind


_KINDS = ("webhook", "command", "nftables", "ldap", "ssf", *SERVICES)

EnforcementChannelOptions = Annotated[
    Annotated[WebhookOptions, Tag("webhook")]
    | Annotated[ProgramOptions, Tag("command")]
    | Annotated[NftablesOptions, Tag("nftables")]
    | Annotated[ServiceOptions, Tag("service")]
    | Annotated[LdapChannelOptions, Tag("ldap")]
    | Annotated[SignalOptions, Tag("ssf")],
    Discriminator(
        _kind,
        custom_error_type="unknown_kind",
        custom_error_message=f"there is no such kind of channel; write {', '.join(_KINDS)}",
    ),
]
"""One `[[enforcement.channel]]`."""


class PlanOptions(Options):
    """One `[[enforcement.plan]]`: on which incidents which measures are taken."""

    name: Id
    """What lists and letters call it."""
    actions: Annotated[tuple[MeasureAction, ...], Field(min_length=1)]
    """What is done, in this order."""
    channel: Name
    """The channel that carries it out."""
    incidents: tuple[Name, ...] = ()
    """On which kinds of incidents; empty for all."""
    rules: tuple[Name, ...] = ()
    """On detections of which rules, by id; empty for all."""
    level: Literal["informational", "low", "medium", "high", "critical"] = "high"
    """From which level of a detection on."""
    customers: tuple[Name, ...] = ()
    """For which customers; empty for all."""
    lasts: Duration = timedelta(hours=1)
    """How long a lock, a ban or a step-up lasts the first time; each repetition doubles it."""
    dry: bool = True
    """Whether what would be done is recorded only."""

    @model_validator(mode="after")
    def _is_bounded(self) -> PlanOptions:
        if not self.incidents and not self.rules:
            raise ValueError("it means every incident; name the kinds in incidents, or the rules in rules")
        return self


class EnforcementOptions(Options):
    """All of `[enforcement]`."""

    never_accounts: tuple[Name, ...] = ()
    """Accounts that nothing is ever done to, beside the operators' own; * stands for any characters."""
    never_addresses: tuple[AddressBlock, ...] = ()
    """Addresses that are never banned, beside those of networks.toml that are own, egress or mobile."""
    accounts_per_hour: int = Field(default=10, ge=0, le=100_000)
    """So many measures against accounts are taken within an hour; two people must approve more."""
    accounts_per_hour_per_customer: int = Field(default=3, ge=0, le=100_000)
    """So many of these against accounts of one customer."""
    addresses_per_hour: int = Field(default=200, ge=0, le=1_000_000)
    """So many addresses are banned within an hour; two people must approve more."""
    addresses_per_hour_per_customer: int = Field(default=100, ge=0, le=1_000_000)
    """So many of these because of incidents of one customer, or of those of none."""
    approvers: int = Field(default=2, ge=2, le=5)
    """How many people must approve what lies beyond a cap."""
    approve_within: Duration = timedelta(days=1)
    """What they have not approved by then lapses."""
    longest: Duration = timedelta(days=7)
    """The longest that a measure lasts, however often it was repeated."""
    channel: tuple[EnforcementChannelOptions, ...] = ()
    """What carries measures out."""
    plan: tuple[PlanOptions, ...] = ()
    """When which measures are taken."""

    @model_validator(mode="after")
    def _fits(self) -> EnforcementOptions:
        names = [channel.name for channel in self.channel]
        _require_different("channels", names)
        _require_different("plans", [plan.name for plan in self.plan])
        bans_only = {channel.name for channel in self.channel if isinstance(channel, NftablesOptions)}
        for plan in self.plan:
            if plan.channel not in names:
                raise ValueError(f"plan {plan.name!r}: there is no channel {plan.channel!r}; known: {', '.join(names)}")
            if plan.channel in bans_only and {*plan.actions} != {MeasureAction.BAN_ADDRESS}:
                raise ValueError(f"plan {plan.name!r}: the packet filter bans addresses and does nothing else")
            _require_doable(plan, self.channel)
        return self


def _require_doable(plan: PlanOptions, channels: tuple[EnforcementChannelOptions, ...]) -> None:
    for channel in channels:
        if channel.name == plan.channel and isinstance(channel, ServiceOptions | LdapChannelOptions | SignalOptions):
            table = SERVICES[channel.kind].do if isinstance(channel, ServiceOptions) else channel.switches
            for action in plan.actions:
                if action not in table:
                    raise ValueError(f"plan {plan.name!r}: {channel.kind} does {', '.join(table)}, and no {action}")


def _require_different(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two {what} are called {name!r}; call each by a name of its own")
