"""`credwatch rehearse`: marked letters to a real mail server, and nothing touched of the installation's own store."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from child_server import a_free_port
from credwatch.cli.main import app
from credwatch.outbox.words.examples import example
from credwatch.rehearsal.marking import SENTENCES, SUBJECT, MarkedTemplates
from credwatch.rehearsal.scenarios import scenarios
from credwatch.rehearsal.telling import troubles
from scenarios.post_office import PostOffice, a_post_office

_ADDRESS = "rehearsal@operator.example"
_FACTS = """
[rehearsal.answers]
trading_address = "Nha Trang"
registration = "0123"
tax_code = "4200000000"
officer_name = "Trần Thị Bình"
officer_title = "DPO"
officer_phone = "+84 258 5550 0100"
officer_mailbox = "dpo@modoro.example"
representative = "Lê Văn An"
"""


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    """Run one mail server for all tests of this module."""
    with a_post_office() as office:
        yield office


def _installation(folder: Path, port: int, more: str = "") -> Path:
    (folder / "customers.toml").write_text(
        '[[customer]]\nid = "acme"\nname = "Acme"\nregimes = ["vn-personal-data", "eu-gdpr"]\n'
        'notice_addresses = ["it@acme.example", "ceo@acme.example"]\n',
        "utf-8",
    )
    config = folder / "credwatch.toml"
    config.write_text(
        f'[daemon]\nstate_directory = "{folder}/state"\nregisters_directory = "{folder}"\n'
        '[contact]\nphone = "+84 258 5550 0100"\n[operators]\naddresses = ["ops@operator.example"]\n'
        f'[outbox.email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n{more}',
        "utf-8",
    )
    return config


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _rehearse(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rehearse", *arguments])


@pytest.mark.parametrize("scenario", [scenario.id for scenario in scenarios()])
def test_each_scenario_passes_in_a_sound_installation(scenario: str, office: PostOffice, tmp_path: Path) -> None:
    """The server takes marked letters, to the one address; nothing of the installation changes."""
    config, before = _installation(tmp_path, office.port, _FACTS), len(office.letters)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "credwatch.sqlite").write_bytes(b"whoever opens this fails")
    files = _files(tmp_path)
    result = _rehearse(scenario, "--to", _ADDRESS, "--json", "--config", str(config))
    outcome = json.loads(result.stdout)
    assert ([], 0) == (outcome["troubles"], result.exit_code)
    assert files == _files(tmp_path)
    letters = office.letters[before:]
    assert [_ADDRESS, _ADDRESS] == [letter.recipient for letter in letters]
    assert {"read", "detected", "case", "queued", "accepted"} == {entry["step"] for entry in outcome["timeline"]}
    assert {"vn-form-08", "vn-record", "eu-gdpr-33", "eu-gdpr-34"} == {
        document["form"] for document in outcome["documents"]
    }
    for letter in letters:
        message = message_from_bytes(letter.content, policy=policy.default)
        assert str(message["Subject"]).startswith(SUBJECT)
        assert (message["To"], message["X-Credwatch-Rehearsal"]) == (_ADDRESS, "yes")
        for kind in ("plain", "html"):
            part = message.get_body((kind,))
            assert part is not None
            assert all(sentence in part.get_content() for sentence in SENTENCES)


def test_a_dead_mail_server_fails_the_rehearsal(tmp_path: Path) -> None:
    """Where nobody listens, each letter is named as not accepted, and its clock as open."""
    config = _installation(tmp_path, a_free_port(), _FACTS)
    result = _rehearse("staff-access", "--to", _ADDRESS, "--within", "1", "--config", str(config))
    assert result.exit_code == 1
    assert "customer_notice for customer@rehearsal.invalid was not accepted" in result.stderr
    assert "contract-modoro-s8/customer_notice" in result.stderr


def test_what_is_not_sent_and_what_a_document_lacks_are_named(office: PostOffice, tmp_path: Path) -> None:
    """Without an address letters are written alone; the officer hears which questions nobody could answer."""
    config, before = _installation(tmp_path, office.port), len(office.letters)
    result = _rehearse("staff-access", "--json", "--config", str(config))
    outcome = json.loads(result.stdout)
    assert result.exit_code == 1
    assert ["unsent", "unsent"] == [letter["state"] for letter in outcome["letters"]]
    assert outcome["troubles"][0].startswith("nothing was sent")
    assert before == len(office.letters)
    assert "vn-record (vn-personal-data) lacks: representative, officer_name" in outcome["troubles"]
    assert any("the clock vn-personal-data/notification" in trouble for trouble in outcome["troubles"])


def test_the_operators_own_templates_cannot_take_the_mark_away(tmp_path: Path) -> None:
    """The mark is put on what templates have made."""
    (tmp_path / "layout.html.j2").write_text("{{ parts[0].body }}", "utf-8")
    (tmp_path / "layout.txt.j2").write_text("nothing", "utf-8")
    words = MarkedTemplates(tmp_path).render(example("customer_notice", "vi"))
    assert words.subject.startswith(SUBJECT)
    assert words.html.startswith(f"<p><strong>{SENTENCES[0]}</strong></p><p><strong>{SENTENCES[1]}</strong></p>")
    assert words.text == "\n\n".join((*SENTENCES, "nothing\n"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a scenario"),
        (("takeover",), "no scenario 'takeover' is known"),
        (("staff-access", "--to", "nobody"), "there is no @ in it"),
        (("./none.toml",), "cannot be read"),
    ],
)
def test_wrong_usage_is_told_apart_from_a_failed_rehearsal(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    """Exit code 2, with what to name instead."""
    result = _rehearse(*arguments, "--config", str(_installation(tmp_path, 1)))
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_lines_that_lead_to_nothing_fail_the_rehearsal() -> None:
    """It is said which kind of incident should have come."""
    wrong = troubles(scenarios()[0], [], [], [], [], _ADDRESS)
    assert ("no incident of the kind account_takeover came of the lines",) == wrong


def test_list_names_every_scenario() -> None:
    """Each shipped scenario has a line with its title."""
    result = _rehearse("--list")
    assert result.exit_code == 0
    assert all(scenario.title in result.stdout for scenario in scenarios())


def test_phases_that_begin_with_a_decision_are_played_too(office: PostOffice, tmp_path: Path) -> None:
    """What waits for an assessment, for an earlier report or for the end has a clock; what a person writes says so."""
    own = '[regimes]\nown = ["sg-pdpa", "eu-nis2", "vn-personal-data"]\n'
    config = _installation(tmp_path, office.port, own + _FACTS)
    outcome = json.loads(_rehearse("account-takeover", "--to", _ADDRESS, "--json", "--config", str(config)).stdout)
    states = {(clock["regime"], clock["phase"]): clock["state"] for clock in outcome["clocks"]}
    assert "met" == states["sg-pdpa", "assessment"]
    assert "met" == states["sg-pdpa", "persons"]
    assert "person" == states["sg-pdpa", "notification"]
    assert "person" == states["eu-nis2", "early_warning"]
    assert "person" == states["vn-personal-data", "supplement"]
    assert [] == outcome["troubles"]


def test_a_customer_rehearses_its_report_to_the_vendor(office: PostOffice, tmp_path: Path) -> None:
    """In role customer the letter is the report, marked and diverted, and the customer's own laws are played."""
    own = '[vendor]\nname = "MODORO"\nmailbox = "security@modoro.example"\n[regimes]\nown = ["vn-personal-data"]\n'
    config = _installation(tmp_path, office.port, own + _FACTS)
    config.write_text(config.read_text("utf-8").replace("[daemon]\n", '[daemon]\nrole = "customer"\n'), "utf-8")
    before = len(office.letters)
    result = _rehearse("account-takeover", "--to", _ADDRESS, "--json", "--config", str(config))
    outcome = json.loads(result.stdout)
    assert (0, []) == (result.exit_code, outcome["troubles"])
    assert [("breach_report", "delivered")] == [(letter["workflow"], letter["state"]) for letter in outcome["letters"]]
    assert [_ADDRESS] == [letter.recipient for letter in office.letters[before:]]
    states = {(clock["regime"], clock["phase"]): clock["state"] for clock in outcome["clocks"]}
    assert "met" == states["contract-modoro-s8", "breach_report"]
    assert "met" == states["vn-personal-data", "notification"]
