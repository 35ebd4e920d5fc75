"""Thresholds as operators meet them: in `replay`, `rules match`, `explain`, `rules test` and `check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.app.settings import load_settings
from credwatch.cli.main import app
from credwatch.kernel.errors import ProblemsFound

RULE = "brute_force_from_address"
"""Eight failures within two minutes, as shipped."""


def _settings(folder: Path, general: str = "", customer: str = "", source: str = "") -> Path:
    """Write settings with a source and a customer, and what they say of thresholds."""
    (folder / "customers.toml").write_text(
        '[[customer]]\nid = "acme"\nname = "Acme"\nnotice_addresses = ["a@acme.example", "b@acme.example"]\n'
        f'{customer}\nrecognise = {{ users = ["acme1"] }}\n'
    )
    path = folder / "credwatch.toml"
    path.write_text(
        f'[daemon]\nregisters_directory = "{folder}"\nstate_directory = "{folder}"\n'
        f'[[source]]\nid = "mail"\nkind = "file"\npaths = ["/var/log/mail.log"]\n{source}\n{general}\n'
    )
    return path


def _lines(user: str, address: str, count: int) -> str:
    """Write failures five seconds apart."""
    return "".join(
        f"2026-03-02T12:00:{at * 5:02}+00:00 web1 sshd[{500 + at}]:"
        f" Failed password for {user} from {address} port 4002{at} ssh2\n"
        for at in range(count)
    )


def _guessers(folder: Path, config: Path, *further: str) -> dict[str, int]:
    """Replay guesses at an account of nobody and at a customer's, and say how many are enough for each.

    Each number of failures has its own address, which tells both.
    """
    log, most = folder / "auth.log", 12
    users = {"lan": 1, "acme1": 2}
    log.write_text(
        "".join(_lines(user, f"203.0.{net}.{count}", count) for user, net in users.items() for count in range(2, most))
    )
    result = CliRunner().invoke(app, ["replay", "--json", "--config", str(config), *further, str(log)])
    assert 0 == result.exit_code, result.output
    found = {
        detection["subject"]
        for detection in json.loads(result.stdout)["incidents"]
        if detection["kind"] == "brute_force"
    }
    return {
        user: min((count for count in range(2, most) if f"203.0.{net}.{count}" in found), default=0)
        for user, net in users.items()
    }


@pytest.mark.parametrize(
    ("general", "customer", "source", "further", "enough"),
    [
        (f"[detection.thresholds]\n{RULE} = {{ at_least = 5 }}", f"thresholds = {{ {RULE} = 4 }}", "", (), (5, 4)),
        (f"[detection.thresholds]\n{RULE} = {{ at_least = 10 }}", "", f"thresholds = {{ {RULE} = 3 }}", (), (10, 10)),
        ("", f"thresholds = {{ {RULE} = 6 }}", f"thresholds = {{ {RULE} = 3 }}", ("--source", "mail"), (3, 6)),
        (f'[detection.thresholds]\n{RULE} = {{ within = "20s" }}', "", "", (), (10, 10)),
    ],
    ids=["customer", "general", "source", "time"],
)
def test_a_replay_counts_to_the_number_in_force(
    tmp_path: Path, general: str, customer: str, source: str, further: tuple[str, ...], enough: tuple[int, int]
) -> None:
    """So many failures as are set for a customer, a source or all are enough, and one less are not.

    Eight failures five seconds apart are not within twenty; ten make the slow rule open.
    """
    config = _settings(tmp_path, general, customer, source)
    assert dict(zip(("lan", "acme1"), enough, strict=True)) == _guessers(tmp_path, config, *further)


def test_matching_counts_alike(tmp_path: Path) -> None:
    """`rules match --correlate` opens a detection at the number of the event's customer."""
    config = _settings(tmp_path, customer=f"thresholds = {{ {RULE} = 4 }}")
    event = {
        "event.category": "authentication",
        "event.action": "login",
        "event.outcome": "failure",
        "credwatch.attempt": True,
        "source.ip": "203.0.113.7",
    }
    for customer, opened in ((None, 0), ("acme", 1)):
        lines = "\n".join(json.dumps(event | ({"organization.id": customer} if customer else {})) for _ in range(4))
        result = CliRunner().invoke(app, ["rules", "match", "--config", str(config), "--correlate"], input=lines)
        assert opened == result.stdout.count("967d7d28-4985-5b8f-b7f2-28b50d0ac83c"), result.output


def test_explain_says_the_number_in_force(tmp_path: Path) -> None:
    """What is needed and missing is told by the number of the event's customer."""
    config = _settings(tmp_path, customer=f"thresholds = {{ {RULE} = 4 }}")
    for user, needed, missing in (("acme1", 4, 1), ("lan", 8, 5)):
        lines = _lines(user, "203.0.113.7", 3)
        result = CliRunner().invoke(app, ["explain", "--config", str(config), "--rule", RULE, "-"], input=lines)
        assert f"needed: matches >= {needed}; in the window: 3; missing: {missing}" in result.stdout


def test_check_says_which_are_in_force(tmp_path: Path) -> None:
    """Numbers that are not the rules' own are listed; a misspelt rule is an error with the nearest name."""
    config = _settings(
        tmp_path, f"[detection.thresholds]\n{RULE} = {{ at_least = 12 }}\nbrute_forse = {{ at_least = 2 }}"
    )
    result = CliRunner().invoke(app, ["check", "--offline", "--config", str(config)])
    assert f"threshold: {RULE}: ≥ 12 within 2m" in result.stderr
    assert "detection.thresholds.brute_forse: no rule 'brute_forse' is known" in result.stderr
    assert "did you mean" in result.stderr


def test_shipped_cases_rest_on_the_rules_own_numbers(tmp_path: Path) -> None:
    """`rules test` with settings says what is in force, and does not call a shipped rule broken for it."""
    config = _settings(tmp_path, f"[detection.thresholds]\n{RULE} = {{ at_least = 5000 }}")
    rules = Path(__file__).parents[3] / "rules" / "correlations" / "guessing.yml"
    result = CliRunner().invoke(app, ["rules", "test", "--config", str(config), str(rules)])
    assert 0 == result.exit_code, result.stderr
    assert f"threshold: {RULE}: ≥ 5000 within 2m; shipped cases rest on the rule's own" in result.stderr


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    """A text, a truth or a number below one is no threshold."""
    for wrong in ('"8"', "true", "0", "-3"):
        config = _settings(tmp_path, f"[detection.thresholds]\n{RULE} = {{ at_least = {wrong} }}")
        with pytest.raises(ProblemsFound, match=f"detection.thresholds.{RULE}.at_least"):
            load_settings(config)
