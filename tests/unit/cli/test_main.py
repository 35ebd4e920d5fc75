"""What holds for every command: `--json`, exit codes, plain errors, and a start without delay."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.cli.options import LineKind
from credwatch.cli.output import ExitCode
from credwatch.kernel.resources import shipped
from credwatch.parse.envelopes import SourceKind

OPERATIONS = shipped("config").parent / "docs" / "operations.md"


def commands(group: Any = None, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk the commands, each with the words that call it."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


@pytest.mark.parametrize(("path", "command"), [pytest.param(*each, id=" ".join(each[0])) for each in commands()])
def test_every_command(path: tuple[str, ...], command: Any) -> None:
    """Each has `--json`, help for every option and argument, and a first sentence that fits the table of commands."""
    assert "--json" in {option for parameter in command.params for option in parameter.opts}
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*path, "--help"])
    assert 0 == shown.exit_code
    assert [] == [parameter.name for parameter in command.params if not getattr(parameter, "help", "")]
    overview = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*path[:-1], "--help"]).stdout
    assert "..." not in overview.partition("Commands:")[2]


def test_a_start_loads_nothing_heavy() -> None:
    """The libraries of frames, store and configuration are loaded by the commands that need them."""
    stores = ("polars", "numpy", "sqlalchemy", "pydantic", "cryptography")
    heavy = (*stores, "jinja2", "starlette", "rich", "asyncio", "http.client")
    program = f"import sys, credwatch.cli.main; print([name for name in {heavy} if name in sys.modules])"
    assert "[]\n" == subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout


def test_exit_codes_are_documented() -> None:
    """The help and the operators' page name each exit code."""
    told = CliRunner().invoke(app, ["--help"]).stdout
    page = OPERATIONS.read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
    for code in ExitCode:
        assert re.search(rf"\b{code.value}\b", told), code
        assert re.search(rf"^\| {code.value} \|", page, re.MULTILINE), code


def test_kinds_of_lines() -> None:
    """The kinds that can be named on the command line are those that the parser knows."""
    assert [kind.value for kind in SourceKind] == [kind.value for kind in LineKind]


def test_version() -> None:
    """The version comes as it is, or as JSON with Python's."""
    plain = CliRunner().invoke(app, ["version"]).stdout.strip()
    told = json.loads(CliRunner().invoke(app, ["version", "--json"]).stdout)
    assert {"version": plain, "python": sys.version.split()[0]} == told


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["replay", "x.log"],
        ["explain", "x"],
        ["rules", "check"],
        ["rules", "test"],
        ["rules", "match"],
        ["rules", "diff", ".", ".", "x.log"],
        ["incidents", "list"],
        ["incidents", "show", "CW-1"],
        ["incidents", "close", "CW-1", "--why", "x"],
        ["outbox", "list"],
        ["outbox", "retry"],
        ["notice", "verify", "aaaa"],
    ],
)
def test_settings_that_are_not_there(tmp_path: Path, command: list[str]) -> None:
    """Every command that reads settings names the file it lacks, says what to do, and ends with 2."""
    missing = tmp_path / "none.toml"
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*command, "--config", str(missing)])
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"error: {missing}: cannot be read" in result.stderr
    assert "hint: create it, or name another with --config" in result.stderr


@pytest.mark.parametrize("command", [["incidents", "list"], ["outbox", "list"], ["notice", "verify", "aaaa"]])
def test_a_store_that_is_not_there(tmp_path: Path, command: list[str]) -> None:
    """Before the daemon has run there is no store; reading makes none."""
    settings = tmp_path / "credwatch.toml"
    settings.write_text(f'[daemon]\nstate_directory = "{tmp_path}"\n')
    result = CliRunner().invoke(app, [*command, "--config", str(settings)])
    assert (2, True) == (result.exit_code, "there is no store" in result.stderr)
    assert [settings] == list(tmp_path.iterdir())


def test_check(tmp_path: Path) -> None:
    """Problems go to stderr with their number, or to stdout as JSON; the exit code is 1."""
    settings = tmp_path / "credwatch.toml"
    settings.write_text('[daemon]\nstate_directori = "/tmp"\n')
    told = CliRunner().invoke(app, ["check", "--offline", "--config", str(settings)])
    assert (1, "") == (told.exit_code, told.stdout)
    assert "did you mean 'state_directory'?" in told.stderr
    assert told.stderr.rstrip().splitlines()[-1].startswith("problems found: ")
    problems = json.loads(CliRunner().invoke(app, ["check", "--offline", "--json", "--config", str(settings)]).stdout)[
        "problems"
    ]
    assert {"where", "message", "hint", "severity"} == set(problems[0])


def test_check_warns(tmp_path: Path) -> None:
    """A rule that can never match is named, and `run` would start all the same: the exit code is 0."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "customers.toml").touch()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.yml").write_text(
        "title: one\nlogsource: {product: solaris}\ndetection:\n  s: {EventID: 4625}\n  condition: s\n"
    )
    settings = tmp_path / "credwatch.toml"
    settings.write_text(
        f'[daemon]\nrole = "customer"\nstate_directory = "{tmp_path}/state"\nregisters_directory = "{tmp_path}"\n'
        f'rules_directories = ["{tmp_path}/rules"]\n[operators]\naddresses = ["ops@acme.example"]\n'
        f'[gate]\nenabled = false\n[[source]]\nid = "servers"\npaths = ["{settings}"]\n'
        '[contact]\nphone = "+84 28 5550 0100"\n[vendor]\nphone = "+84 258 555 0100"\n'
    )
    told = CliRunner().invoke(app, ["check", "--offline", "--config", str(settings)])
    assert (0, True) == (told.exit_code, "warning: " in told.stderr), told.stderr
    assert "rule 'one' can never match: no pack gives events of product solaris" in told.stderr
    assert told.stderr.rstrip().splitlines()[-1].startswith("no problems found, warnings: ")
