"""The accounts of a machine, from its three files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.posture.options import ShadowOptions
from credwatch.posture.reading import AccountsReading, read

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
postgres:x:110:110::/var/lib/postgresql:/bin/bash
lan:x:1000:1000:Lan,,,:/home/lan:/bin/bash
old:x:1001:1001::/home/old:/bin/bash
open:x:1002:1002::/home/open:/bin/bash
"""
SHADOW = """root:!:20000:0:99999:7:::
daemon:*:20000:0:99999:7:::
postgres:!:20000:0:99999:7:::
lan:$y$j9T$abcdefgh$Qm9vdHM:20454:0:99999:7:::
old:$1$abcdefgh$Qm9vdHM:15000:0:99999:7::20100:
open::0:0:99999:7:::
"""
GROUP = """sudo:x:27:lan
staff:x:1000:
"""


def machine(folder: Path, **files: str) -> ShadowOptions:
    """Write the files of a machine, and give the source that reads them."""
    texts = {"passwd": PASSWD, "shadow": SHADOW, "group": GROUP, **files}
    for name, text in texts.items():
        (folder / name).write_text(text)
    paths = {name: folder / name for name in texts}
    return ShadowOptions(id="host", kind="shadow", **paths)


def reading_of(options: ShadowOptions) -> AccountsReading:
    return read(options, lambda _account: None, lambda: NOW)


def test_every_account_of_a_machine(tmp_path: Path) -> None:
    """Each has its scheme, the age of its password, its groups, and whether a person can log in with it."""
    accounts = {account.user: account for account in reading_of(machine(tmp_path)).accounts}
    lan, old, root = accounts["lan"], accounts["old"], accounts["root"]
    assert ("yescrypt", datetime(2026, 1, 1, tzinfo=UTC)) == (
        lan.password and lan.password.scheme,
        lan.password_changed_at,
    )
    assert (("staff", "sudo"), "person", True) == (lan.roles, lan.kind, lan.is_interactive)
    assert ("md5_crypt", False) == (old.password and old.password.scheme, old.is_enabled)
    assert (True, True) == (root.password and root.password.is_locked, root.is_privileged)
    assert ("service", False) == (accounts["daemon"].kind, accounts["daemon"].is_interactive)
    assert (None, "empty") == (
        accounts["open"].password_changed_at,
        accounts["open"].password and accounts["open"].password.scheme,
    )


@pytest.mark.parametrize(("name", "text"), [("shadow", "lan:$6$abc\n"), ("passwd", "lan:x\n"), ("group", "sudo\n")])
def test_a_torn_file_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    """A line with too few fields ends the reading, names the line, and quotes nothing."""
    with pytest.raises(SourceError, match=r"line 1 has \d fields") as caught:
        reading_of(machine(tmp_path, **{name: text}))
    assert "$6$" not in str(caught.value)


def test_what_nobody_may_read(tmp_path: Path) -> None:
    """A file that is not there is named, with what to do."""
    options = machine(tmp_path)
    (tmp_path / "shadow").unlink()
    with pytest.raises(SourceError, match="cannot be read") as caught:
        reading_of(options)
    assert str(tmp_path / "shadow") == caught.value.where


def test_numbers_that_are_none(tmp_path: Path) -> None:
    """Ids and days beyond all bounds are read as far as they can be."""
    passwd, shadow = f"lan:x:{'9' * 5000}:1000:::/bin/bash\n", f"lan:*:{'9' * 5000}::::::\n"
    (account,) = reading_of(machine(tmp_path, passwd=passwd, shadow=shadow)).accounts
    assert "lan" == account.user
