"""The event schema: every column an event may have, closed and typed.

Names are ECS (Elastic Common Schema) field names; where ECS has none, ours live under `credwatch.`. A rule or pack
that names a field not listed here is refused at load. `docs/events.md` is the dictionary made from this table.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class FieldType(StrEnum):
    """The column types an event field may have."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    """Polars `Float64`."""
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    """Polars `Datetime("us", "UTC")`."""


class Field(Struct, frozen=True):
    """One field of the event schema."""

    name: str
    """The column name, dotted."""
    type: FieldType
    """The column type."""
    meaning: str
    """What the value is, in one sentence."""
    enriched: bool = False
    """True where an enricher, and no pack, fills it."""


_S, _I, _N = FieldType.STRING, FieldType.INTEGER, FieldType.NUMBER
_B, _T = FieldType.BOOLEAN, FieldType.TIMESTAMP

FIELDS: tuple[Field, ...] = (
    Field("@timestamp", _T, "When it happened, UTC."),
    Field("event.category", _S, "authentication, iam, session, configuration or process (ECS)."),
    Field(
        "event.type", _S, "start, end, info, creation, change, deletion, access, denied, user, group or admin (ECS)."
    ),
    Field("event.action", _S, "What was done, from the list of actions in the event dictionary."),
    Field("event.outcome", _S, "success, failure or unknown (ECS)."),
    Field("event.reason", _S, "Why it ended so, in the log's own words or a short code."),
    Field("event.id", _S, "The writer's own id of the event; the same id twice is the same event."),
    Field("event.code", _S, "The writer's own name for this kind of event, such as Okta's eventType."),
    Field("event.dataset", _S, "The pack that read the line."),
    Field("event.provider", _S, "The program or application that wrote the line."),
    Field("event.original", _S, "The line as it was read, secrets masked."),
    Field("message", _S, "The line's message behind its envelope, secrets masked."),
    Field("log.syslog.priority", _I, "Syslog PRI, 0 to 191 (RFC 5424, section 6.2.1)."),
    Field("host.name", _S, "The host that wrote the line."),
    Field("process.name", _S, "The program that wrote the line."),
    Field("process.pid", _I, "Its process id."),
    Field("process.command_line", _S, "The command that was run or refused."),
    Field("process.working_directory", _S, "The folder the command was run in."),
    Field("service.name", _S, "The service that was logged in to, as PAM or the application names it."),
    Field("user.name", _S, "The account that acts or tries to log in."),
    Field("user.id", _S, "Its id at the writer: uid, UUID, subject."),
    Field("user.email", _S, "Its e-mail address."),
    Field("user.domain", _S, "Its directory or realm."),
    Field("user.effective.name", _S, "The account whose rights are taken (sudo, su, impersonation)."),
    Field("user.target.name", _S, "The account that is acted upon."),
    Field("user.target.id", _S, "Its id at the writer."),
    Field("user.target.email", _S, "Its e-mail address."),
    Field("group.name", _S, "The group or role that is changed or granted."),
    Field("group.id", _S, "Its id at the writer."),
    Field("source.ip", _S, "The address the actor came from, IPv4 or IPv6, without port."),
    Field("source.port", _I, "The port the actor came from."),
    Field("source.domain", _S, "The host name the actor came from, where no address was logged."),
    Field("user_agent.original", _S, "The client's own name for itself."),
    Field(
        "organization.id", _S, "The customer whose account or data it concerns; from the writer, or by the registers."
    ),
    Field("credwatch.session.id", _S, "The session, as the writer names it."),
    Field("credwatch.tty", _S, "The terminal."),
    Field("credwatch.auth.method", _S, "password, publickey, keyboard-interactive, totp, push, recovery_code, token …"),
    Field(
        "credwatch.auth.fingerprint",
        _S,
        "A keyed fingerprint of the secret that failed, such as an HMAC; never a plain hash of it.",
    ),
    Field("credwatch.key.type", _S, "Type of the SSH key or certificate."),
    Field("credwatch.key.fingerprint", _S, "Fingerprint of the SSH key or certificate."),
    Field("credwatch.mfa.used", _B, "True where a second factor was part of the login, false where it was not."),
    Field("credwatch.mfa.factor", _S, "Kind of the second factor: totp, push, webauthn, sms, recovery_code …"),
    Field("credwatch.attempt.role", _S, "result, announce or echo: how the line tells of a login attempt."),
    Field("credwatch.repeat", _I, "How many equal events the line stands for; 1 where nothing is said."),
    Field("credwatch.token.id", _S, "The API token's public id, never the token."),
    Field("credwatch.export.records", _I, "How many records were exported."),
    Field("credwatch.support.reason", _S, "The reason the staff member gave, such as a ticket or order number."),
    Field("credwatch.source.id", _S, "The source that delivered the line.", enriched=True),
    Field(
        "credwatch.native",
        _S,
        "The JSON object of an event whose line wraps it in a syslog header, secrets masked.",
        enriched=True,
    ),
    Field(
        "credwatch.timestamp.stated",
        _T,
        "The time that the line states, where that lies ahead of the time of reading and is not believed.",
        enriched=True,
    ),
    Field("credwatch.masked", _B, "True where a secret was masked in this event.", enriched=True),
    Field("credwatch.attempt", _B, "True on the one event that counts for a login attempt.", enriched=True),
    Field(
        "credwatch.attempt.repeated",
        _B,
        "True where the same secret has failed at this account within the day, by its fingerprint.",
        enriched=True,
    ),
    Field(
        "credwatch.attempt.steady",
        _B,
        "True where a failure is at least the fourth of its client that comes at one pace, as those of a device do.",
        enriched=True,
    ),
    Field("credwatch.user.known", _B, "True where the registers know the account.", enriched=True),
    Field("credwatch.user.privileged", _B, "True where the registers mark the account privileged.", enriched=True),
    Field("credwatch.user.decoy", _B, "True where the registers say that nobody may use the account.", enriched=True),
    Field("credwatch.actor.kind", _S, "staff, customer or unknown: who the actor is by the registers.", enriched=True),
    Field("credwatch.actor.id", _S, "The actor's id in the registers.", enriched=True),
    Field("credwatch.actor.department", _S, "The staff member's department.", enriched=True),
    Field("credwatch.actor.self", _B, "True where actor and target are the same account.", enriched=True),
    Field("credwatch.target.kind", _S, "staff, customer or unknown: whose the target account is.", enriched=True),
    Field("credwatch.mfa.due", _B, "True where the policy profile asks this login for a second factor.", enriched=True),
    Field("credwatch.authorisation.due", _B, "True where staff acts on a customer's account.", enriched=True),
    Field("credwatch.authorisation.id", _S, "The authorisation that covers the act.", enriched=True),
    Field(
        "credwatch.authorisation.basis",
        _S,
        "customer_request, court_order, authority_request or emergency.",
        enriched=True,
    ),
    Field("credwatch.authorisation.reason", _S, "Why no authorisation covers the act.", enriched=True),
    Field("credwatch.authorisation.difference", _S, "How the act differs from the nearest one.", enriched=True),
    Field("source.geo.country_iso_code", _S, "The country of `source.ip`, ISO 3166-1 alpha-2.", enriched=True),
    Field("source.geo.city_name", _S, "The city of `source.ip`, in English.", enriched=True),
    Field("source.geo.location.lat", _N, "Latitude of `source.ip`, degrees north.", enriched=True),
    Field("source.geo.location.lon", _N, "Longitude of `source.ip`, degrees east.", enriched=True),
    Field("source.as.number", _I, "The autonomous system that announces `source.ip`.", enriched=True),
    Field("source.as.organization.name", _S, "Who runs that system.", enriched=True),
    Field(
        "credwatch.source.block",
        _S,
        "The actor's address, or the /64 of an IPv6 one: what one client has.",
        enriched=True,
    ),
    Field(
        "credwatch.network.kind",
        _S,
        "own, private, egress, hosting, anonymiser, mobile, fixed or hostile.",
        enriched=True,
    ),
    Field("credwatch.novelty.network", _B, "True where the account's first login from this /24 or /64.", enriched=True),
    Field("credwatch.novelty.country", _B, "True where the account's first login from this country.", enriched=True),
    Field("credwatch.novelty.as", _B, "True where the account's first login from this system.", enriched=True),
    Field("credwatch.novelty.device", _B, "True where the account's first login with this client.", enriched=True),
    Field("credwatch.novelty.hour", _B, "True where the account's first login near this hour of day.", enriched=True),
    Field(
        "credwatch.login.failed_before",
        _I,
        "How many attempts at the account, from the login's address, failed right before the login.",
        enriched=True,
    ),
    Field(
        "credwatch.source.usual",
        _B,
        "True where the account of an attempt has logged in from its address before, without guesses right before.",
        enriched=True,
    ),
    Field(
        "credwatch.source.shared",
        _B,
        "True where three accounts or more have logged in from the address of an attempt, or many sit behind it.",
        enriched=True,
    ),
    Field("credwatch.login.days_since_last", _I, "Whole days since the account's last login.", enriched=True),
    Field("credwatch.travel.km", _I, "Distance from the account's last login, kilometres.", enriched=True),
    Field("credwatch.travel.kmh", _I, "How fast its owner would have travelled since, km/h.", enriched=True),
)

BY_NAME: dict[str, Field] = {field.name: field for field in FIELDS}

NATIVE = "native:"
"""What the names of columns begin with that hold the values at a path of the writer's own object, as texts in lists."""


def is_native(name: str) -> bool:
    """Say whether a name means a path of the writer's own object."""
    return name.startswith(NATIVE)


def type_of(name: str) -> FieldType:
    """Return the type of a field, or of the values at a path of the writer's object; raises KeyError for others."""
    return FieldType.STRING if is_native(name) else BY_NAME[name].type
