"""Bans addresses in sets of the kernel's packet filter, through `nft -j -f -` (libnftables-json(5)).

An element of a set has a time-out of its own, so that a ban ends even if nobody is left to end it.
"""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox.enforcing.options import NftablesOptions
from credwatch.outbox.enforcing.orders import Order
from credwatch.outbox.program import ran

FAMILY = "inet"
"""The family of the table: it sees IPv4 and IPv6."""
_GONE = ("No such file or directory", "element does not exist")
"""What the kernel, and the library before it, say of an element that is not there."""


class NftablesChannel:
    """Adds to a set, or takes from it; keeps the contract of `Channel`."""

    def __init__(self, options: NftablesOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        name = self._options.program
        try:
            order = Order.of(command)
            script = json.dumps({"nftables": unban(self._options.table, order.block)}).encode()
            if not order.undo:
                script = json.dumps({"nftables": ban(self._options.table, order.block, order.lasts_seconds)}).encode()
        except (KeyError, TypeError, ValueError):
            return Refused("not done: the target is no address")
        try:
            run = await ran((name, "-j", "-f", "-"), script, self._options.timeout_seconds)
        except TimeoutError:
            return Retry(f"{name}: not done after {self._options.timeout_seconds:g} seconds", of_the_way=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", "") or type(error).__name__
            return Retry(on_a_terminal(f"{name}: {reason}"), of_the_way=True)
        word = on_a_terminal(f"{name}: exit {run.code} {run.complaint}".rstrip())
        is_gone = order.undo and any(words in run.complaint for words in _GONE)
        if run.code and not is_gone:
            return Retry(word, of_the_way=True)
        gone = " (the ban had ended already)" if run.code else ""
        return Delivered(self._clock(), f"{word}{gone}")


def sets(table: str) -> list[dict[str, Any]]:
    """Give the commands that make the table, its sets and the chain that drops, where they are not there yet."""
    here = {"family": FAMILY, "table": table}
    return [
        {"add": {"table": {"family": FAMILY, "name": table}}},
        *(
            {"add": {"set": here | {"name": name, "type": kind, "flags": ["timeout", "interval"]}}}
            for name, kind in (("banned4", "ipv4_addr"), ("banned6", "ipv6_addr"))
        ),
    ]


def ban(table: str, block: str, seconds: int) -> list[dict[str, Any]]:
    """Give the commands that ban a block for a time, in one transaction; a ban that is there already is made anew."""
    return [
        *sets(table),
        {"add": {"element": _element(table, block, seconds)}},
        {"delete": {"element": _element(table, block)}},
        {"add": {"element": _element(table, block, seconds)}},
    ]


def unban(table: str, block: str) -> list[dict[str, Any]]:
    """Give the commands that end a ban."""
    return [{"delete": {"element": _element(table, block)}}]


def _element(table: str, block: str, seconds: int = 0) -> dict[str, Any]:
    network = ip_network(block)
    address = str(network.network_address)
    whole = network.prefixlen == network.max_prefixlen
    value: Any = address if whole else {"prefix": {"addr": address, "len": network.prefixlen}}
    element = {"elem": {"val": value, "timeout": seconds}} if seconds else value
    return {"family": FAMILY, "table": table, "name": f"banned{network.version}", "elem": [element]}
