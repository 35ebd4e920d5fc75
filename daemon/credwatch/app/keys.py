"""Secrets the daemon needs: handed over by systemd, or read from files that only it can read."""

from __future__ import annotations

import os
import secrets
from base64 import b64encode
from pathlib import Path

from credwatch.app.settings import Settings
from credwatch.inbox.options import ImapOptions
from credwatch.kernel.credentials import credential
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret
from credwatch.ledger.note import SigningKey
from credwatch.outbox.enforcing.directory_options import LdapChannelOptions
from credwatch.outbox.enforcing.options import ServiceOptions, WebhookOptions
from credwatch.outbox.enforcing.signal_keys import SignalKey
from credwatch.outbox.enforcing.signal_options import SignalOptions
from credwatch.outbox.options import EmailOptions
from credwatch.sources.outgoing import secret_path
from credwatch.store.place import Place, ServerPlace

ARCHIVE_KEY = "archive-key"
AUDIT_KEY = "audit-key"
NOTICE_KEY = "notice-key"
TOTP_KEY = "totp-key"
SMTP_PASSWORD = "smtp-password"  # noqa: S105  # the credential's name
STORE_PASSWORD = "store-password"  # noqa: S105  # the credential's name
_SHORTEST_SECRET = 24


def notice_key(settings: Settings) -> Secret:
    """Return the key of the verification codes in notices: the credential, or one made once and kept in the state.

    Raises ConfigurationError where it can be neither read nor made.
    """
    path = settings.daemon.state_directory / "notice.key"
    return _kept(NOTICE_KEY, path, "the key of the verification codes", secrets.token_urlsafe(32))


def archive_key(settings: Settings) -> Secret:
    """Return the key that seals the keys of archived events: the credential, or one made once and kept in the state.

    Raises ConfigurationError where it can be neither read nor made.
    """
    path = settings.daemon.state_directory / "archive.key"
    return _kept(ARCHIVE_KEY, path, "the key of the archive", secrets.token_urlsafe(32))


def audit_key(settings: Settings) -> SigningKey:
    """Return the key that signs the audit trail: the credential, or one made once and kept in the state.

    Raises ConfigurationError where it can be neither read nor made, NotGenuine where what is kept is no such key.
    """
    path = settings.daemon.state_directory / "audit.key"
    return SigningKey(_kept(AUDIT_KEY, path, "the key of the audit trail", b64encode(secrets.token_bytes(32)).decode()))


def totp_key() -> Secret | None:
    """Return the key that seals second factors, None where none is handed over: then the gate accepts no factor."""
    return credential(TOTP_KEY)


def smtp_password(settings: Settings) -> Secret | None:
    """Return the mail server's password from the credential or from `password_file`; raises ConfigurationError."""
    options = settings.outbox.email
    if not options.username:
        return None
    password = credential(SMTP_PASSWORD)
    return password if password is not None else password_of(options, "outbox.email.password_file")


def password_of(options: EmailOptions, where: str) -> Secret | None:
    """Return the password in a mail server's `password_file`, None where none is named; raises ConfigurationError."""
    return _read(options.password_file, where) if options.username and options.password_file is not None else None


def imap_password(options: ImapOptions) -> Secret:
    """Return the password of the IMAP account; raises ConfigurationError."""
    return _read(secret_path(options.password_file), "inbox.imap.password_file")


def store_place(settings: Settings) -> Place:
    """Say where the store is, with the password of its server, if it is on one; raises ConfigurationError."""
    options = settings.store
    if not options.url:
        return settings.daemon.store
    password = credential(STORE_PASSWORD)
    if password is None and options.password_file is not None:
        password = _read(options.password_file, "store.password_file")
    return ServerPlace(options.url, password)


def webhook_secret(options: WebhookOptions) -> Secret:
    """Return the secret that a channel's requests are signed with; raises ConfigurationError where it is short."""
    where = f"enforcement.channel {options.name}: secret_file"
    secret = _read(options.secret_file, where)
    if len(secret.reveal()) < _SHORTEST_SECRET:
        hint = "write a random one into it: openssl rand -base64 32"
        raise ConfigurationError(f"has fewer than {_SHORTEST_SECRET} characters", where=where, hint=hint)
    return secret


def service_secret(options: ServiceOptions | LdapChannelOptions) -> Secret:
    """Return the token, client's secret or password of a service; raises ConfigurationError where there is none."""
    where = f"enforcement.channel {options.name}: secret_file"
    secret = _read(options.secret_file, where)
    if not secret.reveal():
        raise ConfigurationError("is empty", where=where, hint="write the secret alone into it")
    return secret


def signal_key(options: SignalOptions) -> SignalKey:
    """Return the key that a channel's tokens are signed with; raises ConfigurationError where it cannot be used."""
    where = f"enforcement.channel {options.name}: key_file"
    try:
        return SignalKey(_read(options.key_file, where), options.key_id)
    except ValueError as error:
        hint = "make one: openssl ecparam -name prime256v1 -genkey -noout"
        raise ConfigurationError(str(error), where=f"{where} {options.key_file}", hint=hint) from error


def signal_token(options: SignalOptions) -> Secret | None:
    """Return the token that a receiver asks for, None where it asks for none; raises ConfigurationError."""
    if options.token_file is None:
        return None
    where = f"enforcement.channel {options.name}: token_file"
    token = _read(options.token_file, where)
    if not token.reveal():
        raise ConfigurationError("is empty", where=where, hint="write the token alone into it")
    return token


def _read(path: Path, where: str) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigurationError(
            f"cannot be read: {reason}",
            where=f"{where} {path}",
            hint="let the daemon's user read it, and nobody else",
        ) from error


def _kept(name: str, path: Path, what: str, fresh: str) -> Secret:
    """Return the credential of a name, else what a file has, which is made of something fresh where it is not there."""
    key = credential(name)
    if key is not None:
        return key
    try:
        if not path.exists():
            _make(path, fresh)
        return Secret(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigurationError(
            f"{what} cannot be kept: {error.strerror}",
            where=str(path),
            hint="make the state directory writable for the daemon, or hand the key over as a systemd credential",
        ) from error


def _make(path: Path, secret: str) -> None:
    """Write a secret to a file that has its name only once it is whole, however many make it at once."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()
