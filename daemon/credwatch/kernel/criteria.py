"""What an operator may name of detections and cases: to find them, or to silence them for a while."""

from __future__ import annotations

from msgspec import Struct


class Criteria(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is named; an empty one names nothing, and of several each must hold."""

    rule: str = ""
    """The id of a rule."""
    account: str = ""
    """An account, however its name is written."""
    address: str = ""
    """An address or network, in CIDR."""
    customer: str = ""
    """The id of a customer."""
    host: str = ""
    """The host of the latest event."""

    @property
    def names_something(self) -> bool:
        """Whether any criterion is given."""
        return any(getattr(self, name) for name in Criteria.__struct_fields__)
