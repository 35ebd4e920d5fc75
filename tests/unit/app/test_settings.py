"""The settings file: strict, helpful, and described by the one that is shipped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from credwatch.app.settings import Settings, load_settings
from credwatch.kernel.errors import ConfigurationError, ProblemsFound
from credwatch.kernel.resources import shipped
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, MachineSourceOptions


def a_file(folder: Path, text: str) -> Path:
    path = folder / "credwatch.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_says_the_defaults() -> None:
    """config/credwatch.toml sets every key to what it is without the file, and follows what the machine has."""
    machine = MachineSourceOptions(id="machine", kind="machine")
    assert Settings(source=(machine,)) == load_settings(shipped("config") / "credwatch.toml")


def test_the_shipped_file_names_every_key() -> None:
    """Each key of each table stands in the shipped file, commented out where its default is nothing."""
    text = (shipped("config") / "credwatch.toml").read_text(encoding="utf-8")
    tables = [field.annotation for field in Settings.model_fields.values() if hasattr(field.annotation, "model_fields")]
    keys = {key for table in tables for key in table.model_fields}  # type: ignore[union-attr]
    assert set() == {key for key in keys if f"{key} = " not in text and f".{key}]" not in text}


def test_an_unknown_key_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    """A misspelt key names the file, the key and the one that was probably meant."""
    path = a_file(tmp_path, '[daemon]\nstate_directroy = "/var/lib/credwatch"\n')
    with pytest.raises(ProblemsFound) as caught:
        load_settings(path)
    (problem,) = caught.value.problems
    assert f"{path}: daemon.state_directroy" == problem.where
    assert "did you mean 'state_directory'?" == problem.hint


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    """An unknown zone, a wrong role, a relative path and a mistyped duration are four problems of one reading."""
    text = """
[daemon]
role = "vendor"
time_zone = "Asia/Nha_Trang"
[detection]
lateness = "10 seconds"
[[source]]
id = "a"
paths = ["auth.log"]
"""
    with pytest.raises(ProblemsFound) as caught:
        load_settings(a_file(tmp_path, text))
    keys = {problem.where.rpartition(": ")[2] for problem in caught.value.problems}
    assert {"daemon.role", "daemon.time_zone", "detection.lateness", "source.0.paths"} == keys


def test_two_sources_may_not_share_a_name(tmp_path: Path) -> None:
    """Cursors are kept by the source's name, so a second source of the same name is refused."""
    source = '[[source]]\nid = "a"\npaths = ["/var/log/auth.log"]\n'
    with pytest.raises(ProblemsFound, match="two sources are called 'a'"):
        load_settings(a_file(tmp_path, source * 2))


def test_a_further_profile_leaves_the_default_one(tmp_path: Path) -> None:
    """Naming a profile of one's own does not take the default profile away."""
    settings = load_settings(a_file(tmp_path, "[profile.tcvn.password]\nremember = 10\n"))
    assert {"default", "tcvn"} == set(settings.profile)


def test_durations_are_read_in_their_units(tmp_path: Path) -> None:
    """A duration is a number and a unit."""
    settings = load_settings(a_file(tmp_path, '[duties]\nupdate = "3d"\ncustomer_notice = "90s"\n'))
    assert (timedelta(days=3), timedelta(seconds=90)) == (settings.duties.update, settings.duties.customer_notice)


def test_a_missing_file_is_told_with_advice(tmp_path: Path) -> None:
    """A settings file that is not there is an error that says what to do."""
    with pytest.raises(ConfigurationError, match="create it, or name another with --config"):
        load_settings(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"a%b" = ["x"]', "the placeholder 'a%b' cannot be written as %name%"),
        ("hosts = []", "the placeholder 'hosts' has no value"),
        ('hosts = "web1"', "valid tuple"),
    ],
)
def test_placeholders_that_no_rule_could_use(tmp_path: Path, text: str, message: str) -> None:
    """A placeholder needs a name that can stand between percents, and a list of values."""
    with pytest.raises(ProblemsFound, match=message):
        load_settings(a_file(tmp_path, f"[placeholders]\n{text}\n"))
    settings = load_settings(a_file(tmp_path, '[placeholders]\nhosts = ["web1", "web*"]\n'))
    assert {"hosts": ("web1", "web*")} == settings.placeholders


KINDS = """
[[source]]
id = "a"
paths = ["/var/log/auth.log"]
[[source]]
id = "b"
kind = "json"
paths = ["/var/log/b.log"]
[[source]]
id = "c"
kind = "journal"
units = ["web.service"]
"""


def test_sources_are_of_the_kind_that_they_name(tmp_path: Path) -> None:
    """Files where nothing is said; and where only the lines' form is said, as it was written before."""
    first, second, third = load_settings(a_file(tmp_path, KINDS)).source
    assert FileSourceOptions(id="a", paths=("/var/log/auth.log",)) == first
    assert FileSourceOptions(id="b", paths=("/var/log/b.log",), format="json") == second
    assert JournalSourceOptions(id="c", kind="journal", units=("web.service",)) == third


WRONG = {
    "kind": ('kind = "jurnal"', "source.0", "there is no such kind"),
    "number": ("kind = 4", "source.0", "there is no such kind"),
    "key of files": ('kind = "journal"\npaths = ["/x"]', "source.0.paths", "unknown key 'paths'"),
    "misspelt": ('kind = "journal"\nunit = ["x"]', "source.0.unit", "did you mean 'units'"),
    "facility": ('kind = "journal"\nfacilities = ["authprive"]', "source.0.facilities", "unknown facility"),
    "blank unit": ('kind = "journal"\nunits = [""]', "source.0.units", "a name is empty"),
    "folder": ('kind = "journal"\ndirectory = "x"', "source.0.directory", "begin it with /"),
    "missing": ('kind = "file"', "source.0.paths", "this key is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_a_source_is_told_by_its_key(tmp_path: Path, name: str) -> None:
    """The place is the key as it is written, whatever kind the source is of."""
    text, where, words = WRONG[name]
    with pytest.raises(ProblemsFound) as found:
        load_settings(a_file(tmp_path, f'[[source]]\nid = "a"\n{text}\n'))
    (problem,) = found.value.problems
    assert problem.where.endswith(f": {where}")
    assert words in f"{problem.message}; {problem.hint}"
