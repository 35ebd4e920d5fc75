"""The `[posture]` table of `credwatch.toml`: which accounts are looked at, how often, and what is asked of them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from credwatch.directory.place import DirectoryPlace
from credwatch.kernel.duration import Duration, LongDuration
from credwatch.kernel.options import Options, known_zone
from credwatch.posture.rows import COLUMNS
from credwatch.sources.rest.options import BasicAuth, BearerAuth, OAuth2Auth, safe_url
from credwatch.sources.sql.options import DatabasePlace
from credwatch.world.staff import PRIVILEGED_ROLES

_PRIVILEGED = (
    *(*sorted(PRIVILEGED_ROLES), "sudo", "wheel", "adm", "domain admins", "enterprise admins", "schema admins"),
    "realm-management:realm-admin",
)
_DEFAULT_ACCOUNTS = (
    *("admin", "administrator", "root", "sa", "guest", "test", "demo", "user", "support", "operator", "oracle"),
    *("postgres", "mysql", "tomcat", "pi", "ubuntu", "debian", "vagrant", "ansible", "ec2-user"),
)


class AccountSource(Options):
    """What every source of accounts has."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    """Its name in findings, metrics and `credwatch posture`; no `[[source]]` may have it too."""
    customer: str = Field(default="", max_length=254)
    """The id of the customer whose accounts they are, where a row does not say it and no register does."""
    time_zone: str = "UTC"
    """The time zone of moments that tell none."""
    most_accounts: int = Field(default=200_000, ge=1, le=2_000_000)
    """A source that gives more is not believed: the reading ends with an error, and nothing of it counts."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)


class ShadowOptions(AccountSource):
    """`kind = "shadow"`: the accounts of a machine, or of a copy of its files."""

    kind: Literal["shadow"]
    """That passwd(5), shadow(5) and group(5) are read."""
    shadow: Path = Path("/etc/shadow")
    """The file with the hashes."""
    passwd: Path = Path("/etc/passwd")
    """The file with the accounts."""
    group: Path = Path("/etc/group")
    """The file with the groups, which are taken for roles."""


class SqlAccountsOptions(AccountSource, DatabasePlace):
    """`kind = "sql"`: the accounts that a query gives."""

    kind: Literal["sql"]
    """That a database is asked."""
    query: str
    """One SELECT whose columns are called as docs/posture.md names them; it is run in a read-only transaction."""

    @field_validator("query")
    @classmethod
    def _one_statement(cls, query: str) -> str:
        text = query.rstrip().rstrip(";")
        if ";" in text:
            raise ValueError("is more than one statement; write one SELECT")
        return text


class ExportOptions(AccountSource):
    """`kind = "export"`: a file of accounts, CSV or JSON, as a service has exported it."""

    kind: Literal["export"]
    """That a file is read."""
    path: Path
    """The file; `.csv` is CSV with a heading, `.jsonl` one object a line, everything else JSON."""
    preset: Literal["", "keycloak", "okta", "entra", "google"] = ""
    """Whose export it is; `columns` says what differs from the preset."""
    records: str = ""
    """Where in the JSON the list of accounts is, such as `value`; the whole where it is empty."""
    columns: dict[str, str] = Field(default_factory=dict)
    """For each of our columns the heading, or the path in an account's object, such as `profile.login`."""

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        return _only_columns(columns)

    @model_validator(mode="after")
    def _names_accounts(self) -> ExportOptions:
        if not self.preset and "account" not in self.columns:
            raise ValueError('nothing says which column names the account; write columns.account = "…", or a preset')
        return self


class ScimAccountsOptions(AccountSource):
    """`kind = "scim"`: the accounts of a service that speaks SCIM 2.0 (RFC 7644)."""

    kind: Literal["scim"]
    """That `/Users` is asked for, page by page."""
    url: str
    """The base that `/Users` stands under; https, or http on the loopback interface."""
    auth: BearerAuth | BasicAuth | OAuth2Auth = Field(default=BearerAuth(kind="bearer"), discriminator="kind")
    """How it is proven who asks: as for a source of kind rest."""
    page_size: int = Field(default=100, ge=1, le=10_000)
    """So many accounts are asked for at a time; a service may give fewer."""
    request_seconds: float = Field(default=60, gt=0, le=600)
    """Longest time for a request and its answer."""
    ca_file: Path | None = None
    """A PEM file with the authorities whose certificates are believed; those of the system where none is named."""

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        return safe_url(url)


class LdapAccountsOptions(AccountSource, DirectoryPlace):
    """`kind = "ldap"`: the accounts of a directory (RFC 4511)."""

    kind: Literal["ldap"]
    """That a directory is asked, and only asked."""
    password_file: Path | None = None
    """A file with the password of bind_name; the credential source-ID where none is named and there is one."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """For each of our columns the attribute that tells it, where the preset does not; several with | between them."""
    page_size: int = Field(default=500, ge=1, le=10_000)
    """So many accounts are asked for at a time (RFC 2696)."""
    read_seconds: float = Field(default=600, gt=0, le=86_400)
    """Longest time for all of them."""

    @field_validator("attributes")
    @classmethod
    def _known_columns(cls, attributes: dict[str, str]) -> dict[str, str]:
        return _only_columns(attributes)


AccountSourceOptions = Annotated[
    ShadowOptions | SqlAccountsOptions | ExportOptions | ScimAccountsOptions | LdapAccountsOptions,
    Field(discriminator="kind"),
]
"""A table `[[posture.source]]`, told apart by its `kind`."""


def _only_columns(columns: dict[str, str]) -> dict[str, str]:
    """Refuse a column that nobody reads; raises ValueError, as validators do."""
    for name in columns:
        if name not in COLUMNS:
            raise ValueError(f"there is no column {name!r}; ours are {', '.join(COLUMNS)}")
    return columns


class RemindersOptions(Options):
    """`[posture.reminders]`: after how long who is written to about an account that breaks a rule."""

    user_after: LongDuration | None = None
    """When its user is, from the reading that showed it first; never where nothing is said."""
    manager_after: LongDuration | None = None
    """When the user's manager is."""
    contact_after: LongDuration | None = None
    """When the customer's notice addresses are; of one's own accounts, the operators."""
    rules: tuple[str, ...] = ()
    """About which rules; all where none is named."""
    most_per_day: int = Field(default=100, ge=1, le=10_000)
    """So many letters leave within a day; what is due beyond waits, the oldest first."""

    @model_validator(mode="after")
    def _climbs(self) -> RemindersOptions:
        times = [time for time in (self.user_after, self.manager_after, self.contact_after) if time is not None]
        if times != sorted(times):
            raise ValueError("user_after, manager_after and contact_after must not become shorter on the way")
        return self


class PasswordAuditOptions(Options):
    """`[posture.audit]`: whether stored passwords are tried with what a guesser would say first."""

    sources: tuple[str, ...] = ()
    """Ids of sources of accounts whose passwords may be tried; none by default."""
    share: float = Field(default=0.1, gt=0, le=1)
    """Which part of one processor may be used for it."""
    account_seconds: float = Field(default=5, gt=0, le=3600)
    """How long one password is tried, in time of the processor."""
    interval: LongDuration = timedelta(days=30)
    """How long after it was tried a password is tried again, unless it was changed meanwhile."""


class PostureOptions(Options):
    """`[posture]`: the state of accounts."""

    source: tuple[AccountSourceOptions, ...] = ()
    """Where accounts are read from; nothing is looked at where there is none."""
    interval: Duration = timedelta(days=1)
    """How long after the end of a reading the next one begins."""
    grace: dict[str, LongDuration] = Field(default_factory=dict)
    """For how long nobody is told of an account that breaks a rule, by the name of the rule."""
    reminders: RemindersOptions = RemindersOptions()
    """Who is reminded of an account that breaks a rule, and when."""
    dormant_after: LongDuration = timedelta(days=45)
    """An account that was not used for so long is dormant (CIS 5.3, TCVN 14423)."""
    password_age: dict[str, LongDuration] = Field(default_factory=dict)
    """How old a password may be, by role, `*` for all; none is too old where nothing is said."""
    second_factor_roles: tuple[str, ...] = ()
    """Roles that need a second factor, beside those of whom the policy profile asks it (`mfa.required_for`)."""
    privileged_roles: tuple[str, ...] = _PRIVILEGED
    """Roles that may change what others may do."""
    default_accounts: tuple[str, ...] = _DEFAULT_ACCOUNTS
    """Names that products are delivered with; an account of such a name should be renamed or locked."""

    audit: PasswordAuditOptions = PasswordAuditOptions()
    """Whether passwords are tried."""

    @model_validator(mode="after")
    def _audits_what_is_there(self) -> PostureOptions:
        names = [source.id for source in self.source]
        for name in self.audit.sources:
            if name not in names:
                raise ValueError(f"audit.sources: no source of accounts is called {name!r}; known: {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _differ(self) -> PostureOptions:
        names = Counter(source.id for source in self.source)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"two sources of accounts are called {twice[0]!r}; give each a name of its own")
        return self
