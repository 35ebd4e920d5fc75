"""`credwatch.toml`: every setting, strict, with defaults that work."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from credwatch.archive.options import ArchiveOptions
from credwatch.inbox.options import InboxOptions
from credwatch.kernel.account_finding import POSTURE
from credwatch.kernel.canary import CANARY
from credwatch.kernel.duration import Duration, LongDuration
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.mailbox import MailAddress, OptionalMailAddress
from credwatch.kernel.options import Options, known_zone, read_toml
from credwatch.kernel.telephone import OptionalTelephone
from credwatch.kernel.thresholds import ThresholdOptions
from credwatch.outbox.enforcing.options import EnforcementOptions
from credwatch.outbox.options import EmailOptions, FallbackOptions
from credwatch.policy.options import GateOptions
from credwatch.policy.profile import PolicyProfile
from credwatch.posture.options import PostureOptions
from credwatch.sources.network_options import PushOptions
from credwatch.sources.options import SourceOptions
from credwatch.store.options import RetentionOptions, StoreOptions
from credwatch.web.access.options import AccessApiOptions
from credwatch.web.portal.options import PortalOptions
from credwatch.world.entries import Name


class DaemonOptions(Options):
    """`[daemon]`: where the daemon keeps things."""

    role: Literal["provider", "customer"] = "provider"
    """provider: tells customers. customer: reports to the vendor."""
    state_directory: Path = Path("/var/lib/credwatch")
    """Where the store is, unless it is on a server, and what else the daemon keeps."""
    registers_directory: Path = Path("/etc/credwatch")
    """Where the registers are, customers.toml and its like; a file that is missing is empty."""
    rules_directories: tuple[Path, ...] = ()
    """Folders of rules of your own, beside the shipped ones."""
    packs_directories: tuple[Path, ...] = ()
    """Folders of log packs of your own, beside the shipped ones."""
    profiles_directories: tuple[Path, ...] = ()
    """Folders of policy profiles of your own, a file each, beside the shipped ones."""
    templates_directory: Path | None = None
    """A folder of notice templates of your own, searched before the shipped ones."""
    time_zone: str = "Asia/Ho_Chi_Minh"
    """The time zone that readers of notices live in."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """auto: for the journal under systemd, text on a terminal."""

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.state_directory / "credwatch.sqlite"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)


def microseconds(span: timedelta) -> int:
    """Tell a span in the unit of event time."""
    return int(span.total_seconds() * 1_000_000)


class DetectionOptions(Options):
    """`[detection]`: how events are held against the rules."""

    lateness: Duration = timedelta(seconds=10)
    """How much later than those of other logs a line may come, so that windows are kept for it."""
    clock_skew: Duration = timedelta(minutes=5)
    """How far ahead of the time of reading a line may be stamped; what lies beyond is given its neighbours' time."""
    history_after: LongDuration = timedelta(hours=6)
    """What is read later than this after it happened is history: its messages wait for a person to let them go."""
    batch_bytes: int = Field(default=9_000_000, ge=65_536, le=64_000_000)
    """How much of a backlog is read at once."""
    window_rows: int = Field(default=2_000_000, ge=10_000)
    """How many rows each window may hold, 32 to 48 bytes of memory each; when it is full, the oldest go."""
    window_rows_per_customer: int = Field(default=500_000, ge=1_000)
    """How many of these one customer may have, so that a flood at one takes nothing from the others."""
    thresholds: dict[str, ThresholdOptions] = Field(default_factory=dict)
    """Numbers and times in the place of the rules' own, by the name of the rule."""


class EnrichmentOptions(Options):
    """`[enrichment]`: what is known of addresses, and how long the habits of an account are learnt and kept."""

    city_database: Path | None = None
    """An MMDB file with places, such as GeoLite2-City.mmdb."""
    asn_database: Path | None = None
    """An MMDB file with autonomous systems, such as GeoLite2-ASN.mmdb."""
    anonymous_database: Path | None = None
    """An MMDB file with anonymisers and hosting providers, such as GeoIP2-Anonymous-IP.mmdb."""
    connection_database: Path | None = None
    """An MMDB file with kinds of lines, such as GeoIP2-Connection-Type.mmdb."""
    learning: Duration = timedelta(days=14)
    """How long after its first login nothing of an account counts as new."""
    learning_logins: int = Field(default=10, ge=1, le=1000)
    """After so many logins the learning ends earlier."""
    forget_after: Duration = timedelta(days=90)
    """A network, country, device or hour that was not seen for so long is new again."""
    most_accounts: int = Field(default=100_000, ge=1, le=10_000_000)
    """So many accounts are remembered; those unseen longest go first."""

    @property
    def databases(self) -> dict[str, Path]:
        """The databases that are named, by what they know."""
        paths = {
            "city": self.city_database,
            "asn": self.asn_database,
            "anonymous": self.anonymous_database,
            "connection": self.connection_database,
        }
        return {kind: path for kind, path in paths.items() if path is not None}


class ContactOptions(Options):
    """`[contact]`: who stands under every notice."""

    name: str = "Công ty TNHH MODORO DIGITAL"
    """The company."""
    mailbox: MailAddress = "info@modoro.com.vn"
    """The address it reads."""
    phone: OptionalTelephone = ""
    """The telephone number it answers; letters name none where it is empty."""
    address: str = "Tầng 7, Tòa nhà VCN Vĩnh Điềm Trung, Nha Trang, Khánh Hòa"
    """Where it sits."""


class VendorOptions(Options):
    """`[vendor]`: to whom a customer reports, in role customer."""

    name: str = "Công ty TNHH MODORO DIGITAL"
    """The company."""
    mailbox: MailAddress = "info@modoro.com.vn"
    """Its security mailbox."""
    language: Literal["vi", "en"] = "vi"
    """The language it reads first."""
    phone: OptionalTelephone = ""
    """Where it is called when a report cannot reach it by mail."""
    reserve_mailbox: OptionalMailAddress = ""
    """Where a report goes that the security mailbox sends back; empty for nowhere."""


class OperatorsOptions(Options):
    """`[operators]`: who runs credwatch."""

    addresses: tuple[MailAddress, ...] = ()
    """Who gets escalations and the digest."""
    language: Literal["vi", "en"] = "vi"
    """The language they read first."""
    digest_at: str = Field(default="08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """When the daily digest is sent, in `daemon.time_zone`."""
    forgotten_after: Duration = timedelta(days=3)
    """An open incident that nobody has worked on for so long is forgotten."""


class DutiesOptions(Options):
    """`[duties]`: how long each duty may take; the policy says immediately and names no number."""

    customer_notice: Duration = timedelta(minutes=15)
    """From the detection to the acceptance of the notice."""
    disclosure_notice: Duration = timedelta(minutes=15)
    """From the act to the acceptance of the notice."""
    breach_report: Duration = timedelta(minutes=15)
    """From the detection to the acceptance of the report."""
    update: Duration = timedelta(hours=72)
    """From a notice to the update that it promises."""
    report_answer: Duration = timedelta(hours=24)
    """From a customer's report to the answer that it is owed."""
    answer: Duration = timedelta(hours=24)
    """How long a customer or the vendor has to answer before the notice goes on, then the operators are reminded."""


class RegimesOptions(Options):
    """`[regimes]`: which laws and contracts have clocks."""

    contract: Name = "contract-modoro-s8"
    """The contract between vendor and customers, whose duties the notices and reports do."""
    own: tuple[Name, ...] = ()
    """The laws that apply to whoever runs credwatch; those of a customer stand in customers.toml."""
    directories: tuple[Path, ...] = ()
    """Folders of regimes of your own, read after the shipped ones: one of the same id takes its place."""


class OutboxOptions(Options):
    """`[outbox]`: how messages leave."""

    email: EmailOptions = EmailOptions()
    """The mail server."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """How many messages are under way at once."""
    fallback: FallbackOptions = FallbackOptions()
    """How the operators hear while the mail server takes nothing."""


class AuditOptions(Options):
    """`[audit]`: the audit trail."""

    checkpoint_every: Duration = timedelta(minutes=15)
    """How often it is held against what was signed last, and signed anew."""
    timestamp_url: str = ""
    """An authority of RFC 3161 that stamps what was signed, as in https://tsa.example/; empty: none does."""
    timestamp_roots: Path | None = None
    """A file with the certificates, PEM, that the authority's signature leads to."""
    timestamp_every: Duration = timedelta(days=1)
    """How often it is asked."""
    second_person: bool = True
    """Whether two people must confirm changes of what concerns staff; the staff register must name two for it."""
    confirm_within: Duration = timedelta(days=1)
    """Within what time; then an incident tells that nobody did."""

    @field_validator("checkpoint_every")
    @classmethod
    def _often_enough(cls, every: timedelta) -> timedelta:
        if not timedelta(seconds=10) <= every <= timedelta(days=1):
            raise ValueError('must lie between "10s" and "1d"')
        return every

    @field_validator("confirm_within")
    @classmethod
    def _before_it_is_forgotten(cls, within: timedelta) -> timedelta:
        if not timedelta(minutes=10) <= within <= timedelta(days=31):
            raise ValueError('must lie between "10m" and "31d"')
        return within

    @field_validator("timestamp_every")
    @classmethod
    def _seldom_enough(cls, every: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= every <= timedelta(days=31):
            raise ValueError('must lie between "1m" and "31d"')
        return every

    @field_validator("timestamp_url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("must be https://HOST/… or http://HOST/…; answers are signed, so either will do")
        return url

    @model_validator(mode="after")
    def _believable(self) -> Self:
        if self.timestamp_url and self.timestamp_roots is None:
            raise ValueError("timestamp_roots is missing: the file with the authority's certificates")
        return self


class CanaryOptions(Options):
    """`[canary]`: logins that are made up, to prove that lines become messages."""

    address: MailAddress | None = None
    """Where they are sent, such as a mailbox that nobody reads; none are made up where it is left out."""
    interval: Duration = timedelta(minutes=5)
    """How often one is made up."""
    within: Duration = timedelta(minutes=5)
    """A canary whose message was not accepted within this time is lost, and the operators are told."""

    @field_validator("interval", "within")
    @classmethod
    def _seldom_enough(cls, span: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= span <= timedelta(days=1):
            raise ValueError('must lie between "1m" and "1d"')
        return span


class RehearsalOptions(Options):
    """`[rehearsal]`: where rehearsals are sent, and which one comes by itself."""

    address: MailAddress | None = None
    """The one mailbox that gets the letters of rehearsals; without it they are written, and not sent."""
    answers: dict[str, str] = Field(default_factory=dict)
    """What forms ask of your organisation that no case tells, such as tax_code, by the id of the question."""
    scenario: str = ""
    """What is played by the timetable: the name of a scenario, or a file; nothing is where it is left out."""
    every: Duration = timedelta(days=30)
    """How often."""
    at: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")
    """At which local time of the day, such as 05:30; without it whenever it is due."""
    within: Duration = timedelta(minutes=10)
    """After this time one that has not ended is stopped, and has failed."""

    @field_validator("every")
    @classmethod
    def _often_enough(cls, every: timedelta) -> timedelta:
        if not timedelta(hours=1) <= every <= timedelta(days=366):
            raise ValueError('must lie between "1h" and "366d"')
        return every

    @field_validator("within")
    @classmethod
    def _soon_enough(cls, within: timedelta) -> timedelta:
        if not timedelta(seconds=30) <= within <= timedelta(hours=1):
            raise ValueError('must lie between "30s" and "1h"')
        return within


class MetricsOptions(Options):
    """`[metrics]`: where Prometheus scrapes."""

    enabled: bool = True
    """Whether metrics are served."""
    address: str = "127.0.0.1"
    """The address to listen on; loopback unless a firewall stands before it."""
    port: int = Field(default=9465, ge=0, le=65535)
    """The port; 0 picks a free one and says it in the log."""


class Settings(Options):
    """All of `credwatch.toml`."""

    daemon: DaemonOptions = DaemonOptions()
    """Where the daemon keeps things."""
    source: tuple[SourceOptions, ...] = ()
    """The sources."""
    push: PushOptions = PushOptions()
    """Where shippers push."""
    detection: DetectionOptions = DetectionOptions()
    """How events are held against the rules."""
    enrichment: EnrichmentOptions = EnrichmentOptions()
    """What is known of addresses and habits."""
    contact: ContactOptions = ContactOptions()
    """Who stands under every notice."""
    vendor: VendorOptions = VendorOptions()
    """To whom a customer reports."""
    operators: OperatorsOptions = OperatorsOptions()
    """Who runs credwatch."""
    duties: DutiesOptions = DutiesOptions()
    """How long each duty may take."""
    regimes: RegimesOptions = RegimesOptions()
    """Which laws and contracts have clocks."""
    outbox: OutboxOptions = OutboxOptions()
    """How messages leave."""
    inbox: InboxOptions = InboxOptions()
    """The mail that comes in."""
    enforcement: EnforcementOptions = EnforcementOptions()
    """What is done against accounts and addresses."""
    gate: GateOptions = GateOptions()
    """The gate."""
    portal: PortalOptions = PortalOptions()
    """The customers' pages."""
    access_api: AccessApiOptions = AccessApiOptions()
    """Where ticket systems ask for access of staff."""
    posture: PostureOptions = PostureOptions()
    """The state of accounts."""
    store: StoreOptions = StoreOptions()
    """Which database the store is on."""
    retention: RetentionOptions = RetentionOptions()
    """How long the store keeps what is over."""
    archive: ArchiveOptions = ArchiveOptions()
    """Every event, for those who ask later."""
    audit: AuditOptions = AuditOptions()
    """The audit trail."""
    canary: CanaryOptions = CanaryOptions()
    """Whether the whole path is tried now and then."""
    rehearsal: RehearsalOptions = RehearsalOptions()
    """Where rehearsals are sent."""
    metrics: MetricsOptions = MetricsOptions()
    """Where Prometheus scrapes."""
    profile: dict[str, PolicyProfile] = Field(default_factory=lambda: {"default": PolicyProfile()})
    """The policy profiles by name."""
    staff_profile: str = "default"
    """The profile that holds for the vendor's own staff."""
    staff_role_profiles: dict[str, str] = Field(default_factory=dict)
    """Further profiles for staff, by the role: of each rule the stricter one holds."""
    placeholders: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What rules put in for %name% where they say |expand: values of which one must match."""

    @field_validator("profile")
    @classmethod
    def _with_default(cls, profiles: dict[str, PolicyProfile]) -> dict[str, PolicyProfile]:
        return {"default": PolicyProfile()} | profiles

    @field_validator("placeholders")
    @classmethod
    def _usable(cls, placeholders: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, values in placeholders.items():
            if not re.fullmatch(r"[^%\\]+", name):
                raise ValueError(f"the placeholder {name!r} cannot be written as %name%; leave % and \\ out")
            if not values:
                raise ValueError(f"the placeholder {name!r} has no value; name one at least, or take it out")
        return placeholders

    @model_validator(mode="after")
    def _sources_differ(self) -> Settings:
        names = [source.id for source in self.source]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are called {name!r}; give each a name of its own")
        if both := sorted({source.id for source in self.posture.source}.intersection(names)):
            raise ValueError(f"{both[0]!r} is a source of lines and of accounts; give one another name")
        for name, what in ((CANARY, "canaries"), (POSTURE, "findings about accounts")):
            if name in names:
                raise ValueError(f"{name!r} is the source of {what}; give yours another name")
        return self


def load_settings(path: Path) -> Settings:
    """Read the settings file; raises ConfigurationError or ProblemsFound with file and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        hint = (
            "create it, or name another with --config"
            if isinstance(error, FileNotFoundError)
            else "check its permissions"
        )
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("is not UTF-8", where=str(path), hint="save it as UTF-8") from error
    return read_toml(text, Settings, where=str(path))
