"""How accounts stand becomes cases of the real daemon, each once, killed or not."""

from __future__ import annotations

import json
from pathlib import Path

from argon2 import PasswordHasher
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.cli.output import ExitCode
from scenarios.daemon import RUN_UNCHECKED, a_site, await_
from scenarios.post_office import a_post_office
from scenarios.site_files import SETTINGS

POSTURE = """[[posture.source]]
id = "shop-accounts"
kind = "export"
path = "{folder}/users.csv"
columns = {{ account = "who", password = "hash" }}
"""


def test_a_weak_hash_becomes_one_case(tmp_path: Path) -> None:
    """The daemon reads the accounts, the rule opens a case, a kill opens no second, and the command shows who it is."""
    (tmp_path / "users.csv").write_text("who,hash\nlan,5f4dcc3b5aa765d61d8327deb882cf99\nminh,$2b$12$abc\n")
    settings = SETTINGS + POSTURE
    with a_post_office() as office, a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        site.started()
        await_(lambda: site.kinds()["policy_violation"], what="the finding becomes a case")
        site.kill()
        site.started()
        await_(lambda: site.metric('credwatch_posture_findings{rule="weak_hash"}'), what="the metrics have it")
        assert {"policy_violation": 1} == dict(site.kinds())
        assert ["lan"] == [incident.subject for incident in site.incidents()]
        done = CliRunner().invoke(app, ["posture", "--format", "json", "--config", str(site.config)])
    told_now = json.loads(done.stdout)
    assert (ExitCode.NO, ["lan"]) == (done.exit_code, [finding["account"] for finding in told_now["findings"]])
    assert {"kept": 1, "broken": 1, "untold": 0} == {
        name: number for name, number in told_now["coverage"][-1].items() if name in ("kept", "broken", "untold")
    }


GUESSED = """[posture.audit]
sources = ["shop-accounts"]
share = 1.0
[[enforcement.channel]]
name = "lock"
kind = "command"
argv = ["/bin/sh", "-c", "cat >> '{folder}/orders'"]
[[enforcement.plan]]
name = "guessed"
rules = ["{rule}"]
actions = ["force_reset"]
channel = "lock"
dry = false
"""
_GUESSABLE = "16b6871d-2e60-55fa-aa20-14f3f28d386f"


def test_a_guessed_password_has_its_owner_choose_another(tmp_path: Path) -> None:
    """The daemon tries the stored passwords, and the plan forces a reset of the one that it guessed, once."""
    accounts = {"lan": "lan2026", "minh": "nobody says this"}
    lines = (json.dumps({"who": name, "hash": PasswordHasher(1, 8, 1).hash(it)}) for name, it in accounts.items())
    (tmp_path / "users.jsonl").write_text("\n".join(lines))
    settings = SETTINGS + (POSTURE + GUESSED).replace("users.csv", "users.jsonl").replace("{rule}", _GUESSABLE)
    orders = tmp_path / "orders"
    with a_post_office() as office, a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        site.started()
        await_(orders.exists, what="the reset is ordered")
        await_(lambda: site.kinds()["policy_violation"], what="the finding is a case")
        done = CliRunner().invoke(app, ["posture", "audit", "--json", "--config", str(site.config)])
    (audited,) = json.loads(done.stdout)["sources"]
    assert (ExitCode.NO, 1, 1, 0) == (done.exit_code, *(audited[name] for name in ("guessed", "held", "untried")))
    events = orders.read_text().replace("}{", "}\n{").splitlines()
    assert ["lan"] == [json.loads(event)["data"]["target"] for event in events]
    assert "lan2026" not in orders.read_text() + done.stdout
