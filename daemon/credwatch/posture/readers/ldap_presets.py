"""Which attributes of which directory servers tell of an account."""

from __future__ import annotations

from msgspec import Struct

from credwatch.directory.place import DirectoryPreset


class LdapPreset(Struct, frozen=True):
    """One kind of server."""

    filter: str
    """What accounts are, where the options do not say it."""
    columns: dict[str, str]
    """For each of our columns the attributes, with | between them: of moments the latest counts, else the first."""
    states: tuple[str, ...]
    """Attributes that tell whether one can log in; see `ldap_values.is_disabled`."""
    tells_never: frozenset[str] = frozenset()
    """Columns of which an account that has no such attribute is told to have none."""


_PEOPLE = "(&(|(objectClass=person)(objectClass=posixAccount)(objectClass=account)(objectClass=shadowAccount))(uid=*))"
_POSIX = {
    "account": "uid",
    "password": "userPassword",
    "created_at": "createTimestamp",
    "roles": "memberOf",
    "interactive": "loginShell",
}

PRESETS: dict[DirectoryPreset, LdapPreset] = {
    # slapo-ppolicy(5), slapd.conf(5) "lastbind", slapo-lastbind(5), RFC 2307 (shadowAccount)
    "openldap": LdapPreset(
        _PEOPLE,
        _POSIX
        | {
            "password_changed_at": "pwdChangedTime|shadowLastChange",
            "last_login_at": "pwdLastSuccess|authTimestamp",
        },
        ("pwdAccountLockedTime", "pwdStartTime", "pwdEndTime", "shadowExpire"),
    ),
    # 389 Directory Server: account policy plugin and password policy
    "389ds": LdapPreset(
        _PEOPLE,
        _POSIX
        | {
            "password_changed_at": "pwdUpdateTime|passwordLastChanged|krbLastPwdChange|shadowLastChange",
            "last_login_at": "lastLoginTime|krbLastSuccessfulAuth",
        },
        ("nsAccountLock", "shadowExpire"),
    ),
    # [MS-ADA1] to [MS-ADA3]; userAccountControl: [MS-ADTS] section 2.2.16
    "active_directory": LdapPreset(
        "(&(objectCategory=person)(objectClass=user))",
        {
            "account": "sAMAccountName",
            "password": "userAccountControl",
            "password_changed_at": "pwdLastSet",
            "last_login_at": "lastLogonTimestamp",
            "created_at": "whenCreated",
            "roles": "memberOf|primaryGroupID",
            "factors": "userAccountControl",
            "kind": "objectClass",
        },
        ("userAccountControl", "accountExpires", "msDS-UserAccountDisabled"),
        frozenset({"last_login_at", "roles"}),
    ),
}
