"""Changing what a running daemon knows, and ending it, without losing a line or a count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.kernel.resources import shipped
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import app_guessing, at, guessing, ssh
from scenarios.post_office import Letter, a_post_office
from scenarios.site_files import CUSTOMERS, RULES, STEALING_PACK

SUCCESS = "credwatch_reload_success"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run a daemon."""
    with a_post_office() as office, a_site(tmp_path, office.port, command=RUN_UNCHECKED) as furnished:
        yield furnished.started()


def said(*arguments: str) -> str:
    """Return what a command says on stdout."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def _text_of(letter: Letter) -> str:
    body = message_from_bytes(letter.content, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


BROKEN = {
    "a rule": ("rules/other.yml", "title: x\nid: no-uuid\ndetection: {condition: nothing}\n"),
    "a register": ("registers/customers.toml", f"{CUSTOMERS}\ncolour = 'red'\n"),
    "a pack": ("packs/thief.yml", STEALING_PACK),
    "not TOML": ("registers/staff.toml", "[[staff\n"),
}


@pytest.mark.parametrize(("file", "text"), list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_file_leaves_the_last_good_state(site: Site, file: str, text: str) -> None:
    """SIGHUP on a mistake says so in log and metric, and detection goes on; mending reloads without being told."""
    path = site.folder / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(text, encoding="utf-8")
    site.hang_up()
    await_(lambda: site.metric(SUCCESS) == 0, what="the reload has failed")
    assert path.name in next(line for line in site.log().splitlines() if "reload.failed" in line)
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: site.kinds()["own_break_in"], what="the break-in is found")
    await_(lambda: site.messages("delivered"), what="its notice is delivered")
    if before is None:
        path.unlink()
    else:
        path.write_text(before, encoding="utf-8")
    await_(lambda: site.metric(SUCCESS) == 1, what="the mended file was taken up")


def test_lines_that_nothing_read_are_read_once_a_pack_is_there(site: Site) -> None:
    """The command drafts the pack; laid into the folder, it has the daemon read the kept lines, each once."""
    lines = [f"{at(n)} srv1 vaultd[7]: denied user {name} from 203.0.113.{n}" for n, name in enumerate(("lan", "minh"))]
    append(site.auth_log, *lines)
    await_(lambda: site.lines_taken() == len(lines), what="the lines are kept")
    sources = json.loads(said("status", "--json", "-c", str(site.config)))["sources"]
    assert [("servers", 2, 2)] == [
        (it["id"], it["lines_today"], it["unparsed_today"]) for it in sources if it["heard_at"]
    ]
    (shape,) = (json.loads(line) for line in said("unparsed", "list", "--json", "-c", str(site.config)).splitlines())
    assert (2, "vaultd", "denied user <name> from <address>") == (shape["count"], shape["program"], shape["shape"])
    (site.folder / "packs" / "vault.yml").write_text(said("unparsed", "draft", shape["id"], "-c", str(site.config)))
    await_(lambda: "unparsed.read_again" in site.log(), what="the lines are read again")
    assert "" == said("unparsed", "list", "--json", "-c", str(site.config))
    assert 2 == next(json.loads(line)["lines"] for line in site.log().splitlines() if "unparsed.read_again" in line)


def test_edited_templates_count_from_the_next_message(tmp_path: Path) -> None:
    """SIGHUP refuses a broken template with file and line, and the old words stay; the mended one is used."""
    with a_post_office() as office, a_site(tmp_path, office.port, command=RUN_UNCHECKED) as site:
        words = site.folder / "templates" / "vi" / "customer_notice.j2"
        words.parent.mkdir(parents=True)
        text = (shipped("config") / "templates" / "vi" / "customer_notice.j2").read_text(encoding="utf-8")
        words.write_text(text, encoding="utf-8")
        settings = site.config.read_text(encoding="utf-8")
        settings = settings.replace("[daemon]", f'[daemon]\ntemplates_directory = "{site.folder}/templates"', 1)
        site.config.write_text(settings, encoding="utf-8")
        site.started()
        words.write_text(f"{text}{{% if %}}", encoding="utf-8")
        site.hang_up()
        await_(lambda: site.metric(SUCCESS) == 0, what="the reload has failed")
        told = next(line for line in site.log().splitlines() if "reload.failed" in line)
        assert f"customer_notice.j2:{len(text.splitlines()) + 1}" in told
        words.write_text(text.replace("Kính gửi", "Trân trọng kính gửi"), encoding="utf-8")
        site.hang_up()
        await_(lambda: site.metric(SUCCESS) == 1, what="the mended template was taken up")
        append(site.application_log, *app_guessing(0, "lan@haiau.example", "hai-au", "203.0.113.9"))
        await_(
            lambda: any("Trân trọng kính gửi" in _text_of(letter) for letter in office.letters), what="the new words"
        )


def test_an_edited_register_counts_from_the_next_line(site: Site) -> None:
    """A customer that is entered while the daemon runs gets its notices, at the address that was entered."""
    entry = """
[[customer]]
id = "sao-mai"
name = "Sao Mai"
notice_addresses = ["a@saomai.example", "b@saomai.example"]
recognise = { organizations = ["sao-mai"] }
"""
    (site.folder / "registers" / "customers.toml").write_text(CUSTOMERS + entry, encoding="utf-8")
    await_(lambda: "reload.done" in site.log(), what="the register was taken up")
    append(site.application_log, *app_guessing(0, "x@saomai.example", "sao-mai", "203.0.113.9"))
    await_(lambda: site.messages("delivered"), what="the notices are delivered")
    assert {"a@saomai.example", "b@saomai.example"} == {stored.command.recipient for stored in site.messages()}


def test_registers_that_are_swung_are_taken_up(tmp_path: Path) -> None:
    """Registers of the next generation count once the link is swung: the link to the folder, or one within it."""
    with a_post_office() as office, a_site(tmp_path, office.port, command=RUN_UNCHECKED) as site:
        folder = site.folder / "registers"
        for generation in ("..1", "..2"):
            (folder / generation).mkdir()
            (folder / generation / "customers.toml").write_text(CUSTOMERS.replace("Hải Âu", generation))
        (folder / "..data").symlink_to("..1")
        (folder / "customers.toml").unlink()
        (folder / "customers.toml").symlink_to("..data/customers.toml")
        folder.rename(site.folder / "first")
        folder.symlink_to("first")
        site.started()
        (folder / "..data_tmp").symlink_to("..2")
        (folder / "..data_tmp").rename(folder / "..data")
        await_(lambda: site.log().count("reload.done") == 1, what="the link within is noticed")
        copytree(folder, site.folder / "second", symlinks=True)
        (site.folder / "next").symlink_to("second")
        (site.folder / "next").rename(folder)
        await_(lambda: site.log().count("reload.done") == 2, what="the link to the folder is noticed")
        assert "part.down" not in site.log()
        append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
        await_(lambda: site.messages("delivered"), what="its notice is delivered")
        assert any("Công ty Cổ phần ..2" in str(stored.command.payload.context) for stored in site.messages())


def test_a_source_that_is_renamed_is_read_on_until_a_restart(site: Site) -> None:
    """Sources are those of the start: a reload with other ones reads on, and sets no line aside."""
    settings = site.config.read_text(encoding="utf-8")
    site.config.write_text(settings.replace('id = "servers"', 'id = "renamed"'), encoding="utf-8")
    assert settings != site.config.read_text(encoding="utf-8")
    site.hang_up()
    await_(lambda: "reload.done" in site.log(), what="the settings were taken up")
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: site.kinds()["own_break_in"], what="the break-in is found")
    assert "pipeline.failed" not in site.log()


def test_windows_survive_a_reload(site: Site) -> None:
    """Four failures before a reload and four after it are eight."""
    append(site.auth_log, *(ssh(n, "Failed", "quocbao", "203.0.113.7", process=n + 1) for n in range(4)))
    await_(lambda: site.lines_taken() == 4, what="the first failures are taken")
    site.rules.write_text(
        RULES.replace("title: Any login that succeeded", "title: Any that succeeded"), encoding="utf-8"
    )
    site.hang_up()
    await_(lambda: "reload.done" in site.log(), what="the rules were taken up")
    append(site.auth_log, *(ssh(n, "Failed", "quocbao", "203.0.113.7", process=n + 1) for n in range(4, 8)))
    await_(lambda: site.lines_taken() == 8, what="the other failures are taken")
    assert 1 == site.kinds()["own_guessing"]


def test_an_unchanged_episode_is_not_opened_again(site: Site) -> None:
    """Guessing that goes on over a reload stays one detection and one incident."""
    append(site.auth_log, *(ssh(n, "Failed", "quocbao", "203.0.113.7", process=n + 1) for n in range(9)))
    await_(lambda: site.kinds()["own_guessing"] == 1, what="the guessing is found")
    before = _own_guessing(site)
    site.hang_up()
    await_(lambda: "reload.done" in site.log(), what="the daemon reloaded")
    append(site.auth_log, *(ssh(n, "Failed", "quocbao", "203.0.113.7", process=n + 1) for n in range(9, 18)))
    await_(lambda: site.lines_taken() == 18, what="the other failures are taken")
    assert before == _own_guessing(site)


def test_the_end_in_order_commits_each_line_once(site: Site) -> None:
    """SIGTERM in a stream of lines ends with exit 0; the next start goes on behind what was committed."""
    lines = [ssh(n / 100, "Accepted", f"user{n}", "198.51.100.4", process=n + 1) for n in range(30_000)]
    append(site.auth_log, *lines)
    append(site.auth_log, *guessing(400, "quocbao", "203.0.113.7"))
    await_(lambda: site.lines_taken() > 0, what="the first lines are taken")
    assert 0 == site.terminate()
    assert "daemon.stopped" in site.log()
    append(site.auth_log, *guessing(500, "quocbao", "203.0.113.8"))
    site.started()
    await_(lambda: site.lines_taken() >= 30_022, what="the rest is taken")
    assert 30_022 == site.lines_taken()
    assert {"203.0.113.7", "203.0.113.8"} == {subject for subject, _ in _own_guessing(site)}


def _own_guessing(site: Site) -> set[tuple[str, tuple[str, ...]]]:
    """Return subject and detections of the incidents that the site's own rule opened."""
    return {(each.subject, each.detections) for each in site.incidents() if each.kind == "own_guessing"}
