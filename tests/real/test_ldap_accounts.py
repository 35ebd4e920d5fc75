"""Accounts of a real OpenLDAP: read to their end, graded, and given up where the server does not answer."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from msgspec.json import encode

from certificates import Authority
from credwatch.kernel.errors import SourceError
from credwatch.policy.context import PasswordContext
from credwatch.posture.account import AccountState
from credwatch.posture.guessing.auditing import AuditWords, due_passwords, tried
from credwatch.posture.guessing.guesser import Guesser
from credwatch.posture.hashes.scheme import Weakness
from credwatch.posture.options import LdapAccountsOptions, PostureOptions
from credwatch.posture.readers.ldap import LdapReader
from credwatch.posture.reading import AccountsReading, read
from ldap_server import BASE, READER, READER_PASSWORD, LdapServer, a_person, an_ldap_server, program

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(program() is None, reason="the package slapd is missing"),
]

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECRET = "Zm9yLXRoZS10ZXN0cw"
PASSWORDS = {
    "ssha": ("{SSHA}" + SECRET, "salted_sha1", Weakness.BROKEN),
    "crypt": ("{CRYPT}$6$rounds=5000$salt$" + SECRET, "sha512_crypt", Weakness.NOTHING),
    "argon": ("{ARGON2}$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$" + SECRET, "argon2id", Weakness.NOTHING),
    "pbkdf": ("{PBKDF2-SHA512}10000$c2FsdA$" + SECRET, "pbkdf2_sha512", Weakness.LOW_COST),
    "bare": ("{MD5}" + SECRET, "unsalted_digest", Weakness.UNSALTED),
    "clear": ("{CLEARTEXT}" + SECRET, "plain", Weakness.PLAIN),
    "locked": ("{CRYPT}!$6$salt$" + SECRET, "sha512_crypt", Weakness.NOTHING),
}
LAN = a_person(
    "lan",
    "{SSHA}" + SECRET,
    objectClass=["shadowAccount", "posixAccount"],
    uidNumber="1001",
    gidNumber="1001",
    homeDirectory="/home/lan",
    loginShell="/usr/sbin/nologin",
    shadowLastChange="20000",
    pwdChangedTime="20260101000000Z",
    pwdLastSuccess="20260228120000.123456Z",
    memberOf=[f"cn=Wheel,ou=groups,{BASE}", f"cn=staff,ou=groups,{BASE}"],
)
MINH = a_person("minh", "{SSHA}" + SECRET, pwdAccountLockedTime="000001010000Z")
CHI = a_person("chi", "{SSHA}" + SECRET, pwdAccountLockedTime="20260302075900Z")
WINDOWS = {"objectCategory": "person", "userAccountControl": "512", "pwdLastSet": "134167536000000000"}
DUNG = a_person("dung", sAMAccountName="dung", lastLogonTimestamp="134167536000000000", **WINDOWS)
HA = a_person("ha", sAMAccountName="ha", primaryGroupID="512", **(WINDOWS | {"userAccountControl": "262786"}))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[LdapServer]:
    people = [a_person(name, stored) for name, (stored, _, _) in PASSWORDS.items()]
    with an_ldap_server(*people, LAN, MINH, CHI, DUNG, HA, tls=authority.issued("ldap.example")) as running:
        yield running


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{READER_PASSWORD}\n")
    return path


def some_options(server: LdapServer, password_file: Path, **changes: Any) -> LdapAccountsOptions:
    chosen = {"id": "directory", "kind": "ldap", "url": server.url, "base": BASE, "bind_name": READER}
    return LdapAccountsOptions.model_validate(chosen | {"password_file": password_file} | changes)


def reading_of(server: LdapServer, password_file: Path, **changes: Any) -> AccountsReading:
    return read(some_options(server, password_file, **changes), lambda _account: None, lambda: NOW)


def account_of(reading: AccountsReading, name: str) -> AccountState:
    (account,) = (it for it in reading.accounts if it.user == name)
    return account


@pytest.mark.parametrize("page_size", [1, 5, 500])
def test_every_account_is_read_however_small_the_pages_are(
    server: LdapServer, password_file: Path, page_size: int
) -> None:
    """Pages of one, of some, and one page: the same accounts, once, and nothing that is no account."""
    reading = reading_of(server, password_file, page_size=page_size)
    assert sorted([*PASSWORDS, "lan", "minh", "chi", "dung", "ha"]) == sorted(it.user for it in reading.accounts)
    assert 0 == reading.wrong


def test_each_password_is_graded_and_none_is_kept(server: LdapServer, password_file: Path) -> None:
    """Scheme and weakness are told, a lock of crypt is seen, and no part of a hash is in what came of it."""
    reading = reading_of(server, password_file)
    for name, (_, scheme, weakness) in PASSWORDS.items():
        password = account_of(reading, name).password
        assert password is not None
        assert (scheme, weakness, name == "locked") == (password.scheme, password.weakness, password.is_locked)
    assert SECRET not in encode(reading).decode()


def test_what_the_password_policy_keeps_is_told(server: LdapServer, password_file: Path) -> None:
    """The later of two changes, the last login, groups, the shell; a lock for good disables, another one does not."""
    reading = reading_of(server, password_file)
    lan, minh, chi = (account_of(reading, name) for name in ("lan", "minh", "chi"))
    assert datetime(2026, 1, 1, tzinfo=UTC) == lan.password_changed_at
    assert datetime(2026, 2, 28, 12, tzinfo=UTC) == lan.last_login_at
    assert (("staff", "wheel"), False) == (lan.roles, lan.is_interactive)
    assert [True, False, True] == [it.is_enabled for it in (lan, minh, chi)]
    assert chi.has_logged_in is None


def test_what_active_directory_writes_is_told(server: LdapServer, password_file: Path) -> None:
    """Steps since 1601, flags and primary groups; who has no lastLogonTimestamp has never logged in."""
    reading = reading_of(server, password_file, preset="active_directory", filter="(objectCategory=person)")
    dung, ha = (account_of(reading, name) for name in ("dung", "ha"))
    assert (True, True) == (dung.is_enabled, dung.has_logged_in)
    assert datetime(2026, 2, 28, 12, tzinfo=UTC) == dung.password_changed_at == dung.last_login_at
    assert (None, ()) == (dung.password, dung.roles)
    assert (False, False, ("smartcard",), ("domain admins",)) == (
        ha.is_enabled, ha.has_logged_in, ha.factors, ha.roles,
    )  # fmt: skip
    assert ha.password is not None
    assert Weakness.PLAIN is ha.password.weakness


def test_a_value_that_is_none_is_told_and_its_account_stays(server: LdapServer, password_file: Path) -> None:
    """An attribute that does not hold what its column should is a problem of that row, and is not quoted."""
    reading = reading_of(server, password_file, attributes={"last_login_at": "userPassword"}, filter="(uid=clear)")
    assert (1, "last_login_at") == (reading.wrong, reading.problems[0].column)
    assert ["clear"] == [it.user for it in reading.accounts]
    assert SECRET not in encode(reading).decode()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("begins", ["ldaps", "start_tls"])
def test_tls_is_spoken_in_both_ways(
    server: LdapServer, password_file: Path, authority: Authority, begins: str, name: str
) -> None:
    """From the beginning or within the connection, with the authority that is named."""
    is_tls = begins == "ldaps"
    url = f"ldaps://{name}:{server.tls_port}" if is_tls else f"ldap://{name}:{server.port}"
    reading = reading_of(server, password_file, url=url, start_tls=not is_tls, ca_file=authority.file)
    assert 12 == len(reading.accounts)


@pytest.mark.parametrize("begins", ["ldaps", "start_tls"])
def test_a_stranger_is_not_told_the_password(
    server: LdapServer, password_file: Path, tmp_path: Path, begins: str
) -> None:
    """A certificate of another authority, of another name, or none: nothing is said to that server."""
    is_tls = begins == "ldaps"
    url = f"ldaps://localhost:{server.tls_port}" if is_tls else f"ldap://localhost:{server.port}"
    stranger = Authority(tmp_path, "Another authority")
    with pytest.raises(SourceError, match="certificate verify failed"):
        reading_of(server, password_file, url=url, start_tls=not is_tls, ca_file=stranger.file)


@pytest.mark.parametrize(
    ("changes", "words", "hint"),
    [
        ({"bind_name": f"cn=nobody,{BASE}"}, "the login ended with 49", "check bind_name"),
        ({"base": "dc=other,dc=example"}, "ended with 32|ended with 10", "base|name the server"),
        ({"filter": "(&(uid=*)(|))("}, "round brackets|filter", ""),
        ({"filter": "(&)(uid=*)"}, "filter", ""),
        ({"base": "no dn at all"}, "34|invalid", ""),
        ({"most_accounts": 3}, "more than 3 accounts", "narrow"),
    ],
)
def test_what_is_set_wrong_is_named(
    server: LdapServer, password_file: Path, changes: dict[str, Any], words: str, hint: str
) -> None:
    """Name, base, filter, limit: the error says which, what to do, and no password."""
    with pytest.raises((SourceError, ValueError), match=words) as caught:
        reading_of(server, password_file, **changes)
    assert READER_PASSWORD not in str(caught.value)
    if isinstance(caught.value, SourceError) and hint:
        assert any(word in caught.value.hint for word in hint.split("|"))


def test_a_server_that_gives_only_a_part_is_not_believed(password_file: Path) -> None:
    """Where the server's limit ends the search, nothing of it counts, and the hint names the limit."""
    with an_ldap_server(*(a_person(f"user{number}") for number in range(9)), limit="size.prtotal=5") as server:
        with pytest.raises(SourceError, match=r"ended with (4|11)") as caught:
            reading_of(server, password_file, page_size=2)
        assert "size.prtotal" in caught.value.hint


def test_a_server_that_hangs_or_is_gone_is_given_up(password_file: Path) -> None:
    """Frozen between two pages, then killed: an error within the bound, and nothing of the pages before it."""
    with an_ldap_server(*(a_person(f"user{number}") for number in range(9))) as server:
        rows = LdapReader(some_options(server, password_file, page_size=2, answer_seconds=1), lambda: NOW).rows()
        next(rows)
        server.send(signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(SourceError):
            list(rows)
        assert time.monotonic() - begun < 30
        server.end()
        with pytest.raises(SourceError):
            reading_of(server, password_file, answer_seconds=1)


@contextmanager
def a_babbler(answer: bytes, pause: float = 0.0) -> Iterator[int]:
    """Answer whoever connects with the same bytes again and again, until it goes; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def babble() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    while True:
                        connection.sendall(answer)
                        time.sleep(pause)
                except OSError:
                    return

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(30)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (b"\x30", 0.01),  # a length that never comes to its end, a byte at a time
        (b"\x30\x84\x7f\xff\xff\xff" + b"\x00" * 1000, 0.01),  # two gigabytes are promised
        (b"\x00\xff nonsense\r\n", 0.0),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 0.0),
        (b"\x30\x0c\x02\x01\x07\x61\x07\x0a\x01\x00\x04\x00\x04\x00", 0.01),  # the answer to another question
    ],
)
def test_what_speaks_no_ldap_is_given_up(password_file: Path, answer: bytes, pause: float) -> None:
    """Drops, promises and nonsense end within the time for all, with an error of our own."""
    with a_babbler(answer, pause) as port:
        options = LdapAccountsOptions(
            id="directory", kind="ldap", url=f"ldap://127.0.0.1:{port}", base=BASE, bind_name=READER,
            password_file=password_file, read_seconds=0.5, answer_seconds=1,
        )  # fmt: skip
        with pytest.raises(SourceError):
            list(LdapReader(options, lambda: NOW).rows())


def test_passwords_of_a_directory_are_tried(password_file: Path) -> None:
    """What the directory gives is tried by the process: what is usual or the account's own word is guessed."""
    stored = {
        "usual": PasswordHasher(1, 8, 1).hash("123456"),
        "own": PasswordHasher(1, 8, 1).hash("Own@2026"),
        "good": PasswordHasher(1, 8, 1).hash("nobody says this"),
    }
    people = [a_person(name, "{ARGON2}" + text) for name, text in stored.items()]
    locked = a_person("locked", "{ARGON2}" + stored["usual"], pwdAccountLockedTime="000001010000Z")
    words = AuditWords(lambda _account: None, lambda state: PasswordContext(state.user).words())
    with an_ldap_server(*people, locked) as server, Guesser(1.0) as guesser:
        options = PostureOptions(source=(some_options(server, password_file),))
        due = due_passwords(options.source[0], options, {}, words, lambda: NOW)
        outcomes = {audited.user: audited.outcome for audited, _ in tried(due, guesser, lambda: NOW)}
    assert {"usual": "guessed", "own": "guessed", "good": "held"} == outcomes
