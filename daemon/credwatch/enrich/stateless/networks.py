"""Tells the kind of a network by its address block and its autonomous system."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from credwatch.world.networks import Network

_PRIVATE = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),  # RFC 1918, RFC 4193
    *("100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"),  # RFC 6598, RFC 6890
)
"""Blocks that nobody on the Internet comes from."""


class Networks:
    """The kinds of networks that are known beforehand; what the operator lists goes before what is shipped."""

    def __init__(self, listed: Iterable[Network] = (), shipped: Iterable[Network] = ()) -> None:
        own = tuple(listed)
        self.is_empty = not own
        self._listed_systems = {system: network.kind for network in own for system in network.systems}
        self._shipped_systems = {system: network.kind for network in shipped for system in network.systems}
        kinds = {ipaddress.ip_network(block): "private" for block in _PRIVATE}
        kinds |= {block: network.kind for network in own for block in network.addresses}
        blocks: dict[tuple[int, int], dict[int, str]] = {}
        for block, kind in kinds.items():
            free_bits = block.max_prefixlen - block.prefixlen
            blocks.setdefault((block.version, free_bits), {})[int(block.network_address) >> free_bits] = kind
        self._blocks = sorted(blocks.items(), key=lambda block: block[0][1])

    def listed(self, address: str, system: int | None) -> str | None:
        """Tell the kind that the operator's list has for an address, by its smallest block, else by its system.

        An address that nobody on the Internet comes from is `private` where no smaller block says otherwise.
        """
        place = ipaddress.ip_address(address)
        for (version, free_bits), kinds in self._blocks:
            if version == place.version and (kind := kinds.get(int(place) >> free_bits)):
                return kind
        return None if system is None else self._listed_systems.get(system)

    def shipped(self, system: int | None) -> str | None:
        """Tell the kind that the shipped list has for an autonomous system."""
        return None if system is None else self._shipped_systems.get(system)
