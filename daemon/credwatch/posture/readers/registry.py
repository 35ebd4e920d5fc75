"""All kinds of sources of accounts, and what reads each."""

from __future__ import annotations

from typing import assert_never

from credwatch.kernel.clock import Clock
from credwatch.posture.options import (
    AccountSourceOptions,
    ExportOptions,
    LdapAccountsOptions,
    ScimAccountsOptions,
    ShadowOptions,
    SqlAccountsOptions,
)
from credwatch.posture.readers.database import DatabaseReader
from credwatch.posture.readers.exported import ExportReader
from credwatch.posture.readers.interface import AccountReader
from credwatch.posture.readers.scim import ScimReader
from credwatch.posture.readers.shadow import ShadowReader


def reader_of(options: AccountSourceOptions, clock: Clock) -> AccountReader:
    """Make the reader of a source; nothing is opened yet."""
    match options:
        case ShadowOptions():
            return ShadowReader(options, clock)
        case SqlAccountsOptions():
            return DatabaseReader(options)
        case ExportOptions():
            return ExportReader(options)
        case ScimAccountsOptions():
            return ScimReader(options, clock)
        case LdapAccountsOptions():
            # The library behind it is spared who has no directory.
            from credwatch.posture.readers.ldap import LdapReader

            return LdapReader(options, clock)
    assert_never(options)
