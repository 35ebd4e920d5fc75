"""Accounts of a real OpenLDAP are locked, opened again as they stood, told to change; every failure is a receipt."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from builders_measures import an_order
from builders_outbox import NOON
from certificates import Authority
from credwatch.app.enforcement import build_measure_channels
from credwatch.app.settings import load_settings
from credwatch.directory.session import AttributeChange, DirectoryError, Leash, a_session
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.directory import DirectoryChannel
from credwatch.outbox.enforcing.directory_options import LdapChannelOptions
from credwatch.outbox.enforcing.options import EnforcementOptions
from ldap_server import (
    ADMIN,
    BASE,
    PASSWORD,
    PEOPLE,
    READER,
    READER_PASSWORD,
    LdapServer,
    a_person,
    an_ldap_server,
    program,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(program() is None, reason="the package slapd is missing"),
]

LAN = "lan@tanphat.example"
RIGHT = "right-password"
FOR_GOOD = "000001010000Z"
FOR_A_TIME = "20260302075900Z"
_REPLICA = """syncrepl rid=1 provider=ldap://127.0.0.1:1 bindmethod=simple
  searchbase="dc=tanphat,dc=example" retry="3600 +"
updateref "ldap://127.0.0.1:1"
"""
OWN = {"attribute": "employeeState", "value": "suspended", "rest": "active"}


@pytest.fixture
def server() -> Iterator[LdapServer]:
    flags = {"sAMAccountName": "lan", "userAccountControl": "66048", "pwdLastSet": "134167536000000000"}
    with an_ldap_server(a_person("lan", RIGHT, mail=LAN, **flags), a_person("minh", RIGHT)) as running:
        yield running


def a_channel(server: LdapServer, **changes: Any) -> DirectoryChannel:
    chosen = {"name": "ldap", "kind": "ldap", "url": server.url, "base": BASE, "bind_name": ADMIN, "account": "mail"}
    options = LdapChannelOptions.model_validate(chosen | {"secret_file": Path("/none")} | changes)
    secret = READER_PASSWORD if options.bind_name == READER else PASSWORD
    return DirectoryChannel(options, Secret(secret), lambda: NOON)


async def delivered(server: LdapServer, *, undo: bool = False, before: str = "", **changes: Any) -> Receipt:
    asked = {name: changes.pop(name) for name in ("target", "action", "lasts") if name in changes}
    return await a_channel(server, **changes).deliver(an_order(undo=undo, before=before, **asked))


async def test_an_account_is_locked_and_opened_again(server: LdapServer) -> None:
    """The right password lets nobody in while it lasts; no other account is touched."""
    assert isinstance(await delivered(server), Delivered)
    assert [FOR_GOOD] == server.told("lan", "pwdAccountLockedTime")
    assert (False, True) == (server.lets_in("lan", RIGHT), server.lets_in("minh", RIGHT))
    assert isinstance(await delivered(server, undo=True), Delivered)
    assert [] == server.told("lan", "pwdAccountLockedTime")
    assert server.lets_in("lan", RIGHT)


async def test_a_lock_for_a_time_stands_again_afterwards(server: LdapServer) -> None:
    """What wrong passwords had locked is locked for good meanwhile, and then as it was."""
    server.modify("lan", "pwdAccountLockedTime", FOR_A_TIME)
    receipt = await delivered(server)
    assert isinstance(receipt, Delivered)
    assert (FOR_A_TIME, [FOR_GOOD]) == (receipt.before, server.told("lan", "pwdAccountLockedTime"))
    assert isinstance(await delivered(server, undo=True, before=receipt.before), Delivered)
    assert [FOR_A_TIME] == server.told("lan", "pwdAccountLockedTime")


@pytest.mark.parametrize("value", [FOR_GOOD, "00000101000000Z"])
async def test_what_somebody_else_has_locked_is_told(server: LdapServer, value: str) -> None:
    """However it is written, the lock was there before: nothing is changed, and nothing will be undone."""
    server.modify("lan", "pwdAccountLockedTime", value)
    receipt = await delivered(server)
    assert isinstance(receipt, Delivered)
    assert receipt.stood
    assert [value] == server.told("lan", "pwdAccountLockedTime")


async def test_what_somebody_has_changed_since_is_left_alone(server: LdapServer) -> None:
    """An account that was opened, or given another lock, while ours lasted stays as it is."""
    assert isinstance(await delivered(server), Delivered)
    server.modify("lan", "pwdAccountLockedTime", FOR_A_TIME)
    receipt = await delivered(server, undo=True)
    assert isinstance(receipt, Delivered)
    assert [FOR_A_TIME] == server.told("lan", "pwdAccountLockedTime")


async def test_whoever_is_faster_wins(server: LdapServer) -> None:
    """A change of what does not stand there any more is refused by the server, and tried again from the beginning."""
    name = f"uid=lan,{PEOPLE}"
    with a_session(server.place(), Secret(PASSWORD), Leash(60)) as session:
        for change in (
            AttributeChange("employeeState", "active", None),
            AttributeChange("userAccountControl", "7", "8"),
        ):
            with pytest.raises(DirectoryError) as caught:
                session.change(name, change)
            assert 16 == caught.value.code
    assert ["66048"] == server.told("lan", "userAccountControl")


async def test_a_new_password_is_asked_for_at_the_next_login(server: LdapServer) -> None:
    """Who logs in may do nothing until the password is changed; a second order changes nothing."""
    order = {"action": MeasureAction.FORCE_RESET, "lasts": timedelta()}
    assert isinstance(await delivered(server, **order), Delivered)
    receipt = await delivered(server, **order)
    assert isinstance(receipt, Delivered)
    assert receipt.stood
    place = server.place(bind_name=f"uid=lan,{PEOPLE}")
    with a_session(place, Secret(RIGHT), Leash(60)) as session, pytest.raises(DirectoryError, match="ended with 50"):
        list(session.entries("(uid=lan)", ["uid"], 1))


async def test_the_flag_of_active_directory_is_set_alone(server: LdapServer) -> None:
    """The other flags stay, also those that were set while the lock lasted; a reset is pwdLastSet 0."""
    windows = {"preset": "active_directory", "account": "sAMAccountName", "target": "LAN"}
    assert isinstance(await delivered(server, **windows), Delivered)
    assert ["66050"] == server.told("lan", "userAccountControl")
    server.modify("lan", "userAccountControl", str(66050 | 0x40000))
    assert isinstance(await delivered(server, undo=True, before="66048", **windows), Delivered)
    assert [str(66048 | 0x40000)] == server.told("lan", "userAccountControl")
    action = MeasureAction.FORCE_RESET
    assert isinstance(await delivered(server, action=action, lasts=timedelta(), **windows), Delivered)
    assert ["0"] == server.told("lan", "pwdLastSet")


@pytest.mark.parametrize("before", [[], ["false"]])
async def test_the_attribute_of_389_directory_server(server: LdapServer, before: list[str]) -> None:
    """It is true while the lock lasts, and then what it was, or not there."""
    server.modify("lan", "nsAccountLock", *before)
    receipt = await delivered(server, preset="389ds")
    assert isinstance(receipt, Delivered)
    assert ["true"] == server.told("lan", "nsAccountLock")
    assert isinstance(await delivered(server, undo=True, before=receipt.before, preset="389ds"), Delivered)
    assert before == server.told("lan", "nsAccountLock")


@pytest.mark.parametrize(("before", "after"), [([], ["active"]), (["on leave"], ["on leave"])])
async def test_an_attribute_of_ones_own(server: LdapServer, before: list[str], after: list[str]) -> None:
    """What stood before comes back; where nothing stood, what the settings say."""
    server.modify("lan", "employeeState", *before)
    receipt = await delivered(server, lock=OWN)
    assert isinstance(receipt, Delivered)
    assert ["suspended"] == server.told("lan", "employeeState")
    assert isinstance(await delivered(server, undo=True, before=receipt.before, lock=OWN), Delivered)
    assert after == server.told("lan", "employeeState")


async def test_who_is_not_there_cannot_be_locked_and_need_not_be_opened(server: LdapServer) -> None:
    """To lock an account that is gone is refused; to undo it is done."""
    server.delete("lan")
    assert isinstance(await delivered(server), Refused)
    receipt = await delivered(server, undo=True)
    assert isinstance(receipt, Delivered)
    assert "gone" in receipt.reply


@pytest.mark.parametrize("target", ["*", "lan*", "lan)(uid=*", "*)(objectClass=*", "lan\\2a", "\x00", "l\u00e0n", " "])
async def test_a_name_is_never_a_filter(server: LdapServer, target: str) -> None:
    """Whatever a stranger has typed as a name, it finds an account of that name and no other."""
    assert isinstance(await delivered(server, target=target, account="uid"), Refused)
    assert [[], []] == [server.told(name, "pwdAccountLockedTime") for name in ("lan", "minh")]


async def test_one_of_two_accounts_of_a_name_is_not_touched(server: LdapServer) -> None:
    """A name that two have is refused."""
    server.modify("minh", "mail", LAN)
    receipt = await delivered(server)
    assert isinstance(receipt, Refused)
    assert "several" in receipt.reason
    assert server.lets_in("lan", RIGHT)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"base": "dc=other,dc=example"}, Retry, "32|10"),
        ({"filter": "(&)(uid=*)"}, Retry, "filter"),
        ({"bind_name": f"cn=nobody,{BASE}"}, Retry, "49"),
        ({"bind_name": READER}, Retry, "50"),
        ({"lock": {"attribute": "noSuchAttribute", "value": "x"}}, Refused, "17"),
        ({"lock": {"attribute": "pwdAccountLockedTime", "value": "never"}}, Refused, "21"),
        ({"preset": "active_directory", "account": "mail", "action": MeasureAction.BAN_ADDRESS}, Refused, "no such"),
    ],
)
async def test_what_the_server_says_no_to(
    server: LdapServer, changes: dict[str, Any], kind: type[Retry | Refused], words: str
) -> None:
    """What may be put right is tried again, what the server will never do is refused; no password is in the reason."""
    receipt = await delivered(server, **changes)
    assert isinstance(receipt, kind)
    assert any(word in receipt.reason for word in words.split("|")), receipt.reason
    assert PASSWORD not in receipt.reason
    if isinstance(receipt, Retry):
        assert receipt.of_the_way
        assert isinstance(await delivered(server, undo=True, **changes), Retry | Delivered)


async def test_a_wrong_base_is_no_account_that_is_gone(server: LdapServer) -> None:
    """Where the search itself finds no base, nothing is undone, and it is tried again."""
    assert isinstance(await delivered(server, undo=True, base=f"ou=none,{BASE}"), Retry)


@pytest.mark.parametrize("more", ["readonly on", _REPLICA], ids=["read-only", "replica"])
async def test_a_copy_that_takes_no_changes_is_tried_again(more: str) -> None:
    """A database that is read only, and a replica that names its master: neither followed nor taken for done."""
    with an_ldap_server(a_person("lan", RIGHT, mail=LAN), more=more) as server:
        receipt = await delivered(server)
        assert isinstance(receipt, Retry)
        assert receipt.of_the_way
        assert [] == server.told("lan", "pwdAccountLockedTime")


async def test_a_server_that_hangs_or_is_gone_is_tried_again(server: LdapServer) -> None:
    """Frozen or dead: a receipt within the time, and the loop is never held up."""
    server.send(signal.SIGSTOP)
    begun = time.monotonic()
    attempt = asyncio.create_task(delivered(server, timeout_seconds=0.5))
    await asyncio.sleep(0)
    assert not attempt.done()
    receipt = await attempt
    assert isinstance(receipt, Retry)
    assert receipt.of_the_way
    assert time.monotonic() - begun < 30
    server.send(signal.SIGCONT)
    server.end()
    assert isinstance(await delivered(server), Retry)


async def test_an_attempt_that_is_cancelled_lets_go_of_the_server(server: LdapServer) -> None:
    """The connection is cut at once, whatever the server does."""
    server.send(signal.SIGSTOP)
    attempt = asyncio.create_task(delivered(server, timeout_seconds=60))
    await asyncio.sleep(0.2)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    begun = time.monotonic()
    await asyncio.get_running_loop().shutdown_default_executor()  # waits for the thread
    assert time.monotonic() - begun < 20


async def test_a_stranger_is_not_told_the_password(tmp_path: Path) -> None:
    """TLS within the connection and from its beginning: a certificate of another authority ends it."""
    ours, stranger = Authority(tmp_path), Authority(tmp_path, "Another authority")
    with an_ldap_server(a_person("lan", RIGHT, mail=LAN), tls=stranger.issued("ldap.example")) as server:
        for url, start_tls in ((f"ldaps://127.0.0.1:{server.tls_port}", False), (server.url, True)):
            receipt = await delivered(server, url=url, start_tls=start_tls, ca_file=ours.file)
            assert isinstance(receipt, Retry)
            assert "certificate verify failed" in receipt.reason
            assert "('" not in receipt.reason
            assert isinstance(await delivered(server, url=url, start_tls=start_tls, ca_file=stranger.file), Delivered)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "ldap://ldap.example"}, "anybody on the way"),
        ({"url": "ldaps://ldap.example", "start_tls": True}, "from the beginning"),
        ({"url": "https://ldap.example"}, "no server"),
        ({"url": "ldaps://ldap.example/dc=example"}, "no server"),
        ({"url": "ldaps://admin:secret@ldap.example"}, "no user and no password"),
        ({"bind_name": ""}, "nobody may change"),
        ({"filter": "uid=*"}, "round brackets"),
        ({"lock": {"attribute": "x)(y", "value": "1"}}, "pattern"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any], words: str) -> None:
    """In the clear over a network, passwords in the URL, nobody, no filter: said before anything is sent."""
    chosen = {"name": "ldap", "kind": "ldap", "url": "ldaps://ldap.example", "base": BASE, "bind_name": ADMIN}
    with pytest.raises(ValidationError, match=words):
        LdapChannelOptions.model_validate(chosen | {"secret_file": "/none"} | wrong)


@pytest.mark.parametrize(("preset", "action"), [("389ds", "force_reset"), ("openldap", "end_sessions")])
def test_a_plan_asks_for_what_a_directory_can_do(preset: str, action: str) -> None:
    """What the preset has no attribute for is refused with the configuration."""
    channel = {"name": "ldap", "kind": "ldap", "url": "ldaps://ldap.example", "base": BASE, "bind_name": ADMIN}
    plan = {"name": "takeover", "actions": [action], "channel": "ldap", "incidents": ["account_takeover"]}
    table = {"channel": [channel | {"secret_file": "/none", "preset": preset}], "plan": [plan]}
    with pytest.raises(ValidationError, match=f"and no {action}"):
        EnforcementOptions.model_validate(table)


async def test_the_settings_of_an_installation_come_to_a_channel(server: LdapServer, tmp_path: Path) -> None:
    """What a plan's channel names is built with the password of its file, and locks the account of a measure."""
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    config = tmp_path / "credwatch.toml"
    config.write_text(
        f'[[enforcement.channel]]\nname = "portal"\nkind = "ldap"\nurl = "{server.url}"\nbase = "{BASE}"\n'
        f'bind_name = "{ADMIN}"\nsecret_file = "{tmp_path}/secret"\naccount = "mail"\n'
    )
    receipt = await build_measure_channels(load_settings(config), lambda: NOON).deliver(an_order())
    assert isinstance(receipt, Delivered)
    assert [FOR_GOOD] == server.told("lan", "pwdAccountLockedTime")
