"""Policy profiles come from files and tables, and every mistake in them is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.app.policies import policies_of, policy_problems
from credwatch.app.profiles import profiles_of, read_profile, shipped_profiles
from credwatch.app.settings import Settings
from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.options import read_toml
from credwatch.world.customers import Customer
from credwatch.world.register import Registers

ASKED = (
    *("nist-63b-4", "asvs-5-l1", "asvs-5-l2", "asvs-5-l3", "cis-8"),
    *(f"tcvn-14423-{level}" for level in range(1, 6)),
)


def settings(text: str, folder: Path | None = None) -> Settings:
    """Read settings, with a folder of profiles where one is named."""
    named = f'[daemon]\nprofiles_directories = ["{folder}"]\n' if folder else ""
    return read_toml(f"{text}\n{named}", Settings, where="credwatch.toml")


def test_the_shipped_profiles_are_there() -> None:
    """Those of each standard and level, and the default."""
    assert {*ASKED, "default"} == set(shipped_profiles())


def test_a_file_and_a_table_extend_what_is_there(tmp_path: Path) -> None:
    """A table may extend a file of one's own, which extends a shipped one, whatever their order."""
    (tmp_path / "zz-ours.toml").write_text('extends = "tcvn-14423-2"\n[password]\nminimum_alone = 16\n')
    text = '[profile.branch]\nextends = "zz-ours"\n[profile.branch.mfa]\nmax_failures = 3'
    profiles = profiles_of(settings(text, tmp_path))
    branch = profiles["branch"]
    assert (16, 4, 3) == (branch.password.minimum_alone, branch.password.require_classes, branch.mfa.max_failures)
    assert "profile branch" == branch.mfa.rules["max_failures"]
    own = tmp_path / "alone.toml"
    own.write_text('extends = "branch"\n[password]\nremember = 2\n')
    assert 2 == read_profile(own, profiles).password.remember


@pytest.mark.parametrize(
    ("name", "content", "where", "what"),
    [
        ("ours.toml", b'extends = "nist-63b"\n', "profile 'ours': extends", "'nist-63b', which is not known"),
        ("ours.toml", b'extends = "ours"\n', "profile 'ours': extends", "it extends itself"),
        ("ours.toml", b"[password]\nminimum_lenght = 15\n", "ours.toml: password.minimum_lenght", "unknown key"),
        ("ours.toml", b"[password]\nminimum_alone = 4\n", "ours.toml: password.minimum_alone", "8"),
        ("ours.toml", b"[password]\nminimum_with_mfa = 15\n[password.rules]\nlength = 'x'\n", "password", "no key"),
        ("ours.toml", b"extends = 'cis-8'\n[mfa]\nwait_first_seconds = 3600\n[", "ours.toml", "not valid TOML"),
        ("ours.toml", b"title = '\xff'\n", "ours.toml", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, name: str, content: bytes, where: str, what: str) -> None:
    """With the file, the key, and what was expected."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProblemsFound) as caught:
        profiles_of(settings("", tmp_path))
    (problem,) = caught.value.problems
    assert where in problem.where
    assert what in problem.message
    assert problem.hint


def test_a_circle_is_found(tmp_path: Path) -> None:
    """Two files that extend each other are both named."""
    (tmp_path / "a.toml").write_text('extends = "b"\n')
    (tmp_path / "b.toml").write_text('extends = "a"\n')
    with pytest.raises(ProblemsFound) as caught:
        profiles_of(settings("", tmp_path))
    assert ["it extends 'b' in a circle", "it extends 'a' in a circle"] == [it.message for it in caught.value.problems]


def test_a_profile_of_staff_that_is_none_is_named() -> None:
    """With the nearest name."""
    with pytest.raises(ProblemsFound) as caught:
        profiles_of(settings('staff_profile = "asvs-5-l9"\nstaff_role_profiles = { admin = "cis" }'))
    assert ["staff_profile", "staff_role_profiles.admin"] == [problem.where for problem in caught.value.problems]


def test_rules_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    """For each set of profiles that holds for somebody, once; and a corpus that a profile asks for."""
    registers = Registers(
        customers=(
            Customer(
                id="hoasen",
                name="Hoa Sen",
                notice_addresses=("a@hoasen.example", "b@hoasen.example"),
                profile="ours",
            ),
        )
    )
    (tmp_path / "customers.toml").write_text(
        '[[customer]]\nid = "hoasen"\nname = "Hoa Sen"\nnotice_addresses = ["a@x.example", "b@x.example"]\n'
        'profile = "ours"\n'
    )
    text = f"""staff_profile = "asvs-5-l2"
[profile.ours.password]
require_classes = 3
[daemon]
registers_directory = "{tmp_path}"
"""
    chosen = settings(text)
    composition, corpus = policy_problems(chosen, policies_of(chosen), registers)
    assert "profile ours, for customer 'hoasen'" == composition.where
    assert "password.require_classes: profile ours (3)" in composition.message
    assert ("gate.corpus", True) == (corpus.where, "asvs-5-l2" in corpus.message)
