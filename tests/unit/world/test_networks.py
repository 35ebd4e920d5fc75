"""The register of networks: blocks and systems, each mistake with its entry and key."""

from __future__ import annotations

import pytest

from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.resources import shipped
from credwatch.world.networks import read_networks


@pytest.mark.parametrize("name", ["networks.toml", "examples/networks.toml"])
def test_the_shipped_lists_are_valid(name: str) -> None:
    """What is shipped and the example can be read, and say something."""
    assert read_networks((shipped("config") / name).read_text(encoding="utf-8"), name)


@pytest.mark.parametrize(
    ("entry", "where", "message"),
    [
        ('kind = "own"\naddresses = ["203.0.113.9/24"]', "network.0.addresses.0", "'203.0.113.9/24' is no block"),
        ('kind = "own"\naddresses = [7]', "network.0.addresses.0", "7 is no block"),
        ('kind = "hosted"\nsystems = [64500]', "network.0.kind", "Input should be"),
        ('kind = "own"\nsystems = ["AS64500"]', "network.0.systems.0", "valid integer"),
        ('kind = "own"\nsystems = [0]', "network.0.systems.0", "greater than"),
        ('kind = "own"', "network.0", "neither addresses nor systems"),
        ('kind = "own"\nsystem = [64500]', "network.0.system", "unknown key"),
    ],
)
def test_a_mistake_names_entry_and_key(entry: str, where: str, message: str) -> None:
    """File, entry and key of what is wrong, with advice."""
    with pytest.raises(ProblemsFound) as caught:
        read_networks(f'[[network]]\nname = "n"\n{entry}\n', "networks.toml")
    problem = caught.value.problems[0]
    assert f"networks.toml: {where}" == problem.where
    assert message in problem.message
    assert problem.hint


@pytest.mark.parametrize("what", ['addresses = ["203.0.113.0/24"]', "systems = [64500]"])
def test_one_network_cannot_be_two(what: str) -> None:
    """A block or system that two entries name is refused."""
    entry = f'[[network]]\nname = "n"\nkind = "own"\n{what}\n'
    with pytest.raises(ProblemsFound, match="2 times"):
        read_networks(entry * 2, "networks.toml")
