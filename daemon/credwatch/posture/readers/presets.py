"""Where the exports of well-known services have what is told of an account."""

from __future__ import annotations

from msgspec import Struct


class Preset(Struct, frozen=True):
    """One export."""

    records: str
    """Where the list of accounts is, in JSON."""
    columns: dict[str, str]
    """For each of our columns the paths in an account, the first one that is there counts, with | between them."""


PRESETS: dict[str, Preset] = {
    "": Preset("", {}),
    # https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/ ; factors are added to each user
    "okta": Preset(
        "",
        {
            "account": "profile.login|Login|login",
            "created_at": "created|Created Date",
            "last_login_at": "lastLogin|Last Login",
            "password_changed_at": "passwordChanged|Password Changed",
            "enabled": "status|Status",
            "factors": "factors",
        },
    ),
    # https://learn.microsoft.com/graph/api/resources/user and userregistrationdetails
    "entra": Preset(
        "value",
        {
            "account": "userPrincipalName",
            "created_at": "createdDateTime",
            "last_login_at": "signInActivity.lastSignInDateTime",
            "password_changed_at": "lastPasswordChangeDateTime",
            "enabled": "accountEnabled",
            "factors": "methodsRegistered",
            "privileged": "isAdmin",
        },
    ),
    # https://developers.google.com/workspace/admin/directory/reference/rest/v1/users
    "google": Preset(
        "users",
        {
            "account": "primaryEmail",
            "created_at": "creationTime",
            "last_login_at": "lastLoginTime",
            "disabled": "suspended",
            "second_factor": "isEnrolledIn2Sv",
            "privileged": "isAdmin",
        },
    ),
}
