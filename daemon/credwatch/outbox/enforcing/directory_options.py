"""An `[[enforcement.channel]]` of kind ldap, and which attributes lock accounts in which directories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field, field_validator

from credwatch.directory.place import DirectoryPlace, DirectoryPreset
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.options import Options
from credwatch.world.entries import Id

AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
"""The short name of an attribute (RFC 4512, section 1.4)."""


class Switch(Struct, frozen=True):
    """One attribute that carries out an action when it is set."""

    attribute: str
    """Which."""
    value: str = ""
    """What it has then."""
    rest: str = ""
    """What it has when it is undone and nobody knows what stood before; nothing where it is empty."""
    alike: str = ""
    """How values begin that mean the same."""
    bit: int = 0
    """The bit of a number that is set; `value` is empty then."""

    def is_on(self, current: str) -> bool:
        """Say whether a value means that it is carried out."""
        if self.bit:
            return bool(int(current or "0") & self.bit)
        return current.casefold() == self.value.casefold() or bool(self.alike and current.startswith(self.alike))

    def on(self, current: str) -> str:
        """Give the value that carries it out."""
        return str(int(current or "0") | self.bit) if self.bit else self.value

    def off(self, current: str, before: str) -> str:
        """Give the value that undoes it, empty for none; of a number the other bits stay as they are now."""
        return str(int(current or "0") & ~self.bit) if self.bit else before or self.rest


SWITCHES: dict[DirectoryPreset, dict[MeasureAction, Switch]] = {
    # slapo-ppolicy(5): locked until somebody takes it away; a new password where pwdMustChange is TRUE
    "openldap": {
        MeasureAction.LOCK_ACCOUNT: Switch("pwdAccountLockedTime", "000001010000Z", alike="0000"),
        MeasureAction.FORCE_RESET: Switch("pwdReset", "TRUE"),
    },
    "389ds": {MeasureAction.LOCK_ACCOUNT: Switch("nsAccountLock", "true")},
    # [MS-ADTS], sections 2.2.16 (ACCOUNTDISABLE) and 3.1.1.5.3 (pwdLastSet 0: at the next login)
    "active_directory": {
        MeasureAction.LOCK_ACCOUNT: Switch("userAccountControl", bit=2),
        MeasureAction.FORCE_RESET: Switch("pwdLastSet", "0"),
    },
}
"""What each kind of server has for it."""
_NAMES: dict[DirectoryPreset, str] = {"openldap": "uid", "389ds": "uid", "active_directory": "sAMAccountName"}


class SwitchOptions(Options):
    """An attribute of one's own that carries an action out."""

    attribute: AttributeName
    """Which."""
    value: str = Field(min_length=1)
    """What it has then."""
    rest: str = ""
    """What it has when it is undone and nobody knows what stood before; nothing where it is empty."""

    @property
    def switch(self) -> Switch:
        """The same, as the channel takes it."""
        return Switch(self.attribute, self.value, self.rest)


class LdapChannelOptions(DirectoryPlace):
    """An `[[enforcement.channel]]` of kind ldap: a directory that keeps accounts."""

    name: Id
    """What plans call it."""
    kind: Literal["ldap"]
    """It is a directory."""
    secret_file: Path
    """File with the password of bind_name."""
    account: AttributeName | None = None
    """The attribute that has the account's name; the preset's own where it is left out."""
    lock: SwitchOptions | None = None
    """What locks an account, where it is not the preset's own attribute."""
    reset: SwitchOptions | None = None
    """What forces a new password, where it is not the preset's own attribute."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=60)
    """How long one attempt may take, with all its requests."""

    @field_validator("bind_name")
    @classmethod
    def _is_somebody(cls, name: str) -> str:
        if not name:
            raise ValueError("nobody may change accounts; name who does it")
        return name

    @property
    def name_attribute(self) -> str:
        """The attribute that has the account's name."""
        return self.account or _NAMES[self.preset]

    @property
    def switches(self) -> dict[MeasureAction, Switch]:
        """What carries each action out."""
        own = {MeasureAction.LOCK_ACCOUNT: self.lock, MeasureAction.FORCE_RESET: self.reset}
        return SWITCHES[self.preset] | {action: it.switch for action, it in own.items() if it is not None}
