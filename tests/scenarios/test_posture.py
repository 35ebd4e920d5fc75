"""How accounts stand becomes cases of the real daemon, each once, killed or not."""

from __future__ import annotations

import json
from pathlib import Path

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
