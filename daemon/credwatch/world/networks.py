"""The networks: which addresses and autonomous systems are one's own, a hoster's, a carrier's, an attacker's."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from credwatch.kernel.options import Options, read_toml
from credwatch.world.entries import Name, require_unique

IPNetwork = IPv4Network | IPv6Network


def _block(value: object) -> IPNetwork:
    """Read an address or a block; bits of the host are refused, for they are mostly a slip."""
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{value!r} is no block of addresses; write it as in 203.0.113.0/24") from error


AddressBlock = Annotated[IPNetwork, BeforeValidator(_block)]
"""A block of addresses in CIDR notation."""

SystemNumber = Annotated[int, Field(strict=True, ge=1, le=4_294_967_294)]
"""The number of an autonomous system (RFC 6793)."""


class Network(Options):
    """One `[[network]]`."""

    name: Name
    """What it is called here."""
    kind: Literal["own", "egress", "hosting", "anonymiser", "mobile", "fixed", "hostile"]
    """own: one's offices and VPN. egress: many people sit behind each of its addresses, as with a carrier's NAT.
    hosting: servers for hire. anonymiser: Tor, VPN services, open proxies. hostile: attackers come from it."""
    addresses: tuple[AddressBlock, ...] = ()
    """Its blocks of addresses."""
    systems: tuple[SystemNumber, ...] = ()
    """Its autonomous systems, which an ASN database must tell."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Network:
        if not self.addresses and not self.systems:
            raise ValueError('it has neither addresses nor systems; add addresses = ["203.0.113.0/24"]')
        return self


class _NetworksFile(Options):
    network: tuple[Network, ...] = ()


def read_networks(text: str, where: str) -> tuple[Network, ...]:
    """Read `networks.toml`; raises ConfigurationError or ProblemsFound with file, entry and key."""
    networks = read_toml(text, _NetworksFile, where=where).network
    blocks = [str(block) for network in networks for block in network.addresses]
    require_unique(blocks, key="network.addresses", where=where)
    systems = [str(number) for network in networks for number in network.systems]
    require_unique(systems, key="network.systems", where=where)
    return networks
