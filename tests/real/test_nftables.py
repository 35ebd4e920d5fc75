"""Bans in the real packet filter, in a network namespace of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from builders_measures import an_order
from builders_outbox import NOON
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.receipt import Delivered
from credwatch.outbox.enforcing.nftables import NftablesChannel
from credwatch.outbox.enforcing.options import NftablesOptions

pytestmark = pytest.mark.real


class Filter:
    """A namespace that lives as long as a process in it, and `nft` within."""

    def __init__(self, folder: Path) -> None:
        self._holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(b"x")
        self._holder.stdin.flush()
        self._holder.stdout.read(1)  # once it answers, it is there
        self.program = folder / "nft"
        self.program.write_text(f'#!/bin/sh\nexec nsenter -t {self._holder.pid} -n nft "$@"\n')
        self.program.chmod(0o755)

    def banned(self, name: str) -> list[Any]:
        """List the elements of a set."""
        command = [str(self.program), "-j", "list", "set", "inet", "credwatch", name]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        (whole,) = [item["set"] for item in answer["nftables"] if "set" in item]
        return [element["elem"]["val"] for element in whole.get("elem", [])]

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def packet_filter(tmp_path: Path):
    if shutil.which("nft") is None or shutil.which("nsenter") is None:
        pytest.skip("nft is missing: apt-get install nftables")
    probe = subprocess.run(["unshare", "-n", "nft", "add", "table", "inet", "probe"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"the kernel lets nobody filter here: {probe.stderr.decode().strip()[:200]}")
    running = Filter(tmp_path)
    yield running
    running.close()


def a_channel(running: Filter) -> NftablesChannel:
    options = NftablesOptions(name="firewall", kind="nftables", program=str(running.program), timeout_seconds=60)
    return NftablesChannel(options, lambda: NOON)


@pytest.mark.parametrize(
    ("target", "name", "listed"),
    [
        ("198.51.100.7", "banned4", "198.51.100.7"),
        ("2001:db8:1:2::/64", "banned6", {"prefix": {"addr": "2001:db8:1:2::", "len": 64}}),
    ],
)
async def test_an_address_is_banned_and_free_again(packet_filter: Filter, target: str, name: str, listed: Any) -> None:
    """Twice is once, the end takes it out, and to end what has ended is done."""
    channel, about = a_channel(packet_filter), {"action": MeasureAction.BAN_ADDRESS, "target": target}
    for _ in range(2):
        assert isinstance(await channel.deliver(an_order(**about)), Delivered)
    assert [listed] == packet_filter.banned(name)
    assert isinstance(await channel.deliver(an_order(undo=True, **about)), Delivered)
    assert [] == packet_filter.banned(name)
    gone = await channel.deliver(an_order(undo=True, **about))
    assert isinstance(gone, Delivered)
    assert "ended already" in gone.reply
