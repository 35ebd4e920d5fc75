"""Files that decide what is found, and secrets, are for few."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credwatch.app.settings import load_settings
from credwatch.checks.permissions import permission_problems
from credwatch.kernel.errors import Severity


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write settings that name a register, a rule and a password, all closed as they should be."""
    for name in ("registers/customers.toml", "rules/own.yml", "password", "reader", "locker"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        path.chmod(0o640)
    config = tmp_path / "credwatch.toml"
    config.write_text(
        f"""
[daemon]
registers_directory = "{tmp_path}/registers"
rules_directories = ["{tmp_path}/rules"]
[outbox.email]
username = "x"
password_file = "{tmp_path}/password"
[[posture.source]]
id = "ldap"
kind = "ldap"
url = "ldaps://ldap.example"
base = "dc=example"
bind_name = "cn=reader"
password_file = "{tmp_path}/reader"
[[enforcement.channel]]
name = "ldap"
kind = "ldap"
url = "ldaps://ldap.example"
base = "dc=example"
bind_name = "cn=locker"
secret_file = "{tmp_path}/locker"
"""
    )
    config.chmod(0o640)
    return config


def found(config: Path) -> list[str]:
    """Name the files that are warned of."""
    problems = [*permission_problems(config, load_settings(config))]
    assert {Severity.WARNING} >= {problem.severity for problem in problems}
    return [str(Path(problem.where).relative_to(config.parent)) for problem in problems]


def test_closed_files_are_no_problem(config: Path) -> None:
    """What only their owner may write is not spoken of."""
    assert [] == found(config)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("credwatch.toml", 0o646),
        ("registers", 0o777),
        ("registers/customers.toml", 0o666),
        ("rules/own.yml", 0o642),
        ("password", 0o644),
        ("password", 0o642),
        ("reader", 0o644),
        ("locker", 0o644),
    ],
)
def test_open_files_are_warned_of(config: Path, name: str, mode: int) -> None:
    """Each is named, whether it may be written or, where it is a secret, read."""
    (config.parent / name).chmod(mode)
    assert [name] == found(config)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_a_file_of_another_account_is_warned_of(config: Path) -> None:
    """Its owner may change it whatever its mode says."""
    os.chown(config.parent / "rules" / "own.yml", 65534, -1)
    assert ["rules/own.yml"] == found(config)
