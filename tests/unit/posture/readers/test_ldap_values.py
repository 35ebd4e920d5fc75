"""What attributes of directories hold: each form that servers write, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from credwatch.posture.readers import ldap_values as values

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
FILE_TIME = 134_167_536_000_000_000
"""Noon of 28 February 2026 in steps of 100 ns since 1601."""


@pytest.mark.parametrize(
    ("attribute", "text", "moment"),
    [
        ("pwdChangedTime", "20260228120000Z", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("pwdLastSuccess", "20260228120000.123456Z", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("createTimestamp", "202602281900+0700", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("whenCreated", "2026022819+07", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("pwdLastSet", str(FILE_TIME), datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("lastLogonTimestamp", "0", None),
        ("accountExpires", "9223372036854775807", None),
        ("shadowLastChange", "20512", datetime(2026, 2, 28, tzinfo=UTC)),
        ("shadowExpire", "-1", None),
        ("pwdChangedTime", "20261399000000Z", "20261399000000Z"),
        ("pwdLastSet", "9" * 30, "9" * 30),
        ("shadowLastChange", "yesterday", "yesterday"),
        ("pwdChangedTime", "000001010000Z", "000001010000Z"),
    ],
)
def test_a_moment_is_read_in_each_form(attribute: str, text: str, moment: datetime | str | None) -> None:
    """GeneralizedTime, steps since 1601, and days since 1970; never is None, and what is no moment stays text."""
    assert moment == values.moment(attribute, text)


def test_the_latest_of_several_moments_counts() -> None:
    """Of two logins the later one, none of none, and one that is none is not hidden by one that is."""
    assert NOW == values.latest([None, NOW - timedelta(days=1), NOW])
    assert values.latest([None]) is None
    assert "yesterday" == values.latest([NOW, "yesterday"])


@pytest.mark.parametrize(
    ("attribute", "text", "name"),
    [
        ("memberOf", "CN=Domain Admins,CN=Users,DC=tanphat,DC=example", "Domain Admins"),
        ("memberOf", r"cn=Sales\, North\2b,ou=groups,dc=tanphat", "Sales, North+"),
        ("memberOf", "cn=admins+gidNumber=7,ou=groups", "admins"),
        ("memberOf", "wheel", "wheel"),
        ("primaryGroupID", "512", "domain admins"),
        ("primaryGroupID", "1104", "rid 1104"),
    ],
)
def test_a_group_is_called_by_its_name(attribute: str, text: str, name: str) -> None:
    """By the first value of its DN, escapes undone, or by the number of a primary group."""
    assert name == values.group(attribute, text)


def test_the_weakest_of_several_passwords_counts() -> None:
    """Each of them opens the account, so that a locked one or a strong one hides none."""
    strong, weak = "{ARGON2}$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "{SSHA}Qm9vdHM="
    assert weak == values.weakest([strong, weak, "{CRYPT}!"])
    assert strong == values.weakest(["{CRYPT}!", strong])
    assert values.weakest([]) is None


@pytest.mark.parametrize(
    "states",
    [
        {"pwdaccountlockedtime": "000001010000Z"},
        {"pwdendtime": "20260301000000Z"},
        {"pwdstarttime": "20260401000000Z"},
        {"shadowexpire": "20400"},
        {"nsaccountlock": "TRUE"},
        {"useraccountcontrol": "514"},
        {"accountexpires": str(FILE_TIME)},
        {"msds-useraccountdisabled": "TRUE"},
    ],
)
def test_who_cannot_log_in_is_disabled(states: dict[str, str]) -> None:
    """A lock for good, an end that is past, a beginning that lies ahead, and the flags of each server."""
    assert values.is_disabled(states, NOW)


@pytest.mark.parametrize(
    "states",
    [
        {},
        {"pwdaccountlockedtime": "20260302075900Z"},
        {"pwdendtime": "20270301000000Z", "pwdstarttime": "20260101000000Z"},
        {"shadowexpire": "-1"},
        {"shadowexpire": "0"},
        {"nsaccountlock": "false"},
        {"useraccountcontrol": "512", "accountexpires": "0"},
        {"useraccountcontrol": "many", "accountexpires": "9223372036854775807"},
        {"pwdendtime": "soon", "shadowexpire": "soon", "accountexpires": "9" * 40},
    ],
)
def test_who_can_log_in_again_is_not_disabled(states: dict[str, str]) -> None:
    """A lock after wrong passwords ends by itself, and a value that is none disables nobody."""
    assert not values.is_disabled(states, NOW)


def test_flags_of_active_directory() -> None:
    """A password that is kept reversibly is one in the clear, and an account that needs a smart card has one."""
    assert "{CLEARTEXT}" == values.password_of_flags(str(0x200 | 0x80))
    assert values.password_of_flags("512") is None
    assert ["smartcard"] == values.factors_of_flags(str(0x200 | 0x40000))
    assert values.factors_of_flags("512") is None
    assert "service" == values.kind_of(["top", "user", "msDS-GroupManagedServiceAccount"])
    assert "person" == values.kind_of(["top", "person", "user"])
