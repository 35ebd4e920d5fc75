"""What concerns staff is changed by two people who prove who they are, or the change is an incident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from builders_outbox import NOON, some_facts
from credwatch.app.settings import AuditOptions, DaemonOptions, Settings
from credwatch.casework.access_desk import CodeRefused
from credwatch.casework.change_desk import ChangeDesk
from credwatch.casework.change_keeping import KIND
from credwatch.casework.silences import Silences
from credwatch.cli.main import app
from credwatch.kernel.account import Account
from credwatch.kernel.secret import Secret
from credwatch.kernel.silence import Silence
from credwatch.kernel.staff_change import ChangeForbidden, StaffChange, StaffChangeState
from credwatch.policy.totp import MfaOutcome
from credwatch.service.signing import Signing
from credwatch.store import audit
from credwatch.store.audit import Chosen
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.telemetry.metrics import Metrics
from credwatch.world.staff import Staff, read_staff

STAFF = "".join(
    f'[[staff]]\nid = "{name}"\nname = "{name}"\naccounts = ["{name}-login"]\ndepartment = "it"\n'
    for name in ("hoa", "quang", "mai")
)
SHORT = timedelta(hours=6)


class Office:
    """Registers and rules in a folder, a store, and the daemon's look at its files."""

    def __init__(self, folder: Path, **audited: object) -> None:
        self.now, self.folder = NOON, folder
        rules = folder / "rules"
        rules.mkdir()
        (folder / "credwatch.toml").write_text("")
        self.staff_file, self.rule = folder / "staff.toml", rules / "own.yml"
        self.staff_file.write_text(STAFF)
        self.rule.write_text("title: first\n")
        options = AuditOptions(confirm_within="6h", **audited)
        daemon = DaemonOptions(state_directory=folder, registers_directory=folder, rules_directories=(rules,))
        self.settings = Settings(daemon=daemon, audit=options)
        self.database = Database(folder / "credwatch.sqlite")
        self.database.migrate()
        self.signing = Signing(self.settings, self.database, Metrics(), lambda: self.now, self.facts)
        self.desk = ChangeDesk(self.settings, self.database, self.facts, lambda: self.now)

    def facts(self):
        """Return facts with the register as it is in the file."""
        staff = read_staff(self.staff_file.read_text(), "staff.toml") if self.staff_file.exists() else Staff()
        return replace(some_facts(), staff=staff)

    def look(self) -> list[StaffChange]:
        """Have the daemon look at its files; return the changes."""
        self.signing.note_files(self.folder / "credwatch.toml", self.settings)
        return self.desk.changes()

    def confirm(self, number: str, by: str) -> StaffChange:
        """Confirm with a code, which is the name of the account that it proves."""

        def check(account: Account, code: Secret) -> MfaOutcome:
            return MfaOutcome.ACCEPTED if code.reveal() == account.user else MfaOutcome.WRONG

        return self.desk.confirm(number, by, Secret(by if by.endswith("login") else f"{by}-login"), check, "agreed")

    def incidents(self) -> list[str]:
        """Return what open incidents tell of."""
        with self.database.reading() as connection:
            return [one.subject for one in list_incidents(connection, only_open=True) if one.kind == KIND]

    def letters(self) -> list[str]:
        """Return the reasons for which the operators were written to."""
        return [str(it.command.payload.context["reason"]) for it in OutboxStore(self.database).listed(EVERY)]

    def acts(self) -> list[str]:
        """Return the kinds of the trail's entries about changes, the earliest first."""
        with self.database.reading() as connection:
            rows = audit.listed(connection, Chosen(), 100)[::-1]
        kinds = [json.loads(row.entry)["kind"] for row in rows]
        return [kind.removeprefix("staff_change_") for kind in kinds if kind.startswith("staff_change")]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office whose files have been looked at once."""
    office = Office(tmp_path)
    assert [] == office.look()
    yield office
    office.database.close()


def test_two_people_confirm_a_change_and_nothing_more_follows(office: Office) -> None:
    """Both prove who they are; the trail has each word, and the time passes without an incident."""
    office.rule.write_text("title: second\n")
    (change,) = office.look()
    assert (str(office.rule), StaffChangeState.WAITING, ["staff_change"]) == (
        change.what,
        change.state,
        office.letters(),
    )
    assert StaffChangeState.WAITING is office.confirm(change.id, "hoa").state
    assert StaffChangeState.CONFIRMED is office.confirm(change.id, "quang-login").state
    office.now += SHORT * 2
    office.signing.look_after_changes()
    assert ([], ["noticed", "approved", "approved", "confirmed"]) == (office.incidents(), office.acts())


def test_one_person_is_not_enough_and_the_change_is_an_incident(office: Office) -> None:
    """At the end of its time, and once; the operators are called, and nobody can confirm it any more."""
    office.staff_file.write_text(STAFF + "\n# more\n")
    (change,) = office.look()
    office.confirm(change.id, "hoa")
    with pytest.raises(ChangeForbidden, match="hoa has confirmed it"):
        office.confirm(change.id, "hoa")
    office.now += SHORT - timedelta(seconds=1)
    office.signing.look_after_changes()
    assert [] == office.incidents()
    office.now += timedelta(seconds=1)
    office.signing.look_after_changes()
    office.signing.look_after_changes()
    assert [str(office.staff_file)] == office.incidents()
    assert ["staff_change", "staff_change_unconfirmed"] == office.letters()
    with pytest.raises(ChangeForbidden, match="overdue already"):
        office.confirm(change.id, "quang")
    assert "overdue" == office.acts()[-1]


def test_whom_a_change_brings_in_cannot_confirm_it(office: Office) -> None:
    """Neither a new person, nor an old one under an account that the change gave them; who was there before can."""
    accomplice = '[[staff]]\nid = "eve"\nname = "Eve"\naccounts = ["eve-login"]\ndepartment = "it"\n'
    office.staff_file.write_text(STAFF.replace('"mai-login"', '"mallory-login"') + accomplice)
    (change,) = office.look()
    for name in ("eve", "mallory-login"):
        with pytest.raises(ChangeForbidden, match="was none of the staff before it"):
            office.confirm(change.id, name)
    assert ["mai"] == [approval.by for approval in office.confirm(change.id, "mai").approvals]
    (later,) = [one for one in office.look() if one.id != change.id] or [change]
    assert later == change


def test_a_wrong_code_is_no_word(office: Office) -> None:
    """The change waits as before."""
    office.rule.write_text("title: second\n")
    (change,) = office.look()
    with pytest.raises(CodeRefused, match="the code is wrong"):
        office.desk.confirm(change.id, "hoa", Secret("0"), lambda *_: MfaOutcome.WRONG, "x")
    assert () == office.desk.changes()[0].approvals


def test_what_is_as_it_was_needs_nobody(office: Office) -> None:
    """A file that is put back is taken back, whatever was in between; what is edited again waits anew, as one."""
    office.rule.write_text("title: second\n")
    (change,) = office.look()
    office.confirm(change.id, "hoa")
    office.now += timedelta(hours=1)
    office.rule.write_text("title: third\n")
    (again,) = office.look()
    assert (change.id, change.before, (), office.now + SHORT) == (again.id, again.before, again.approvals, again.due_at)
    office.rule.write_text("title: first\n")
    assert [StaffChangeState.TAKEN_BACK] == [one.state for one in office.look()]
    office.now += SHORT * 2
    office.signing.look_after_changes()
    assert [] == office.incidents()


def test_a_filter_that_comes_or_goes_is_a_change_and_other_files_are_none(office: Office) -> None:
    """Rules, filters and the registers of staff count; customers and settings stand in the trail alone."""
    (office.folder / "rules" / "filter.yml").write_text("title: hides\n")
    office.rule.unlink()
    (office.folder / "customers.toml").write_text("")
    (office.folder / "credwatch.toml").write_text("# changed\n")
    assert {"filter.yml", "own.yml"} == {Path(one.what).name for one in office.look()}
    assert 1 == len(office.letters()), "what comes together is one letter"


@pytest.mark.parametrize(("staff", "audited"), [("", {}), (STAFF, {"second_person": False})])
def test_nothing_is_asked_for_that_nobody_could_give(tmp_path: Path, staff: str, audited: dict) -> None:
    """Where the register has no two people, or the settings say so, a change stands in the trail alone."""
    office = Office(tmp_path, **audited)
    office.staff_file.write_text(staff)
    office.look()
    office.rule.write_text("title: second\n")
    assert [] == office.look()
    office.database.close()


def test_staff_that_are_taken_out_do_not_end_the_duty(office: Office) -> None:
    """Who empties the register first must have that confirmed by those who were in it."""
    office.staff_file.write_text("")
    (change,) = office.look()
    assert ["hoa", "quang", "mai"] == [person.id for person in change.eligible]
    office.confirm(change.id, "hoa")
    assert StaffChangeState.CONFIRMED is office.confirm(change.id, "quang").state


def a_silence(**changes: object) -> Silence:
    """Build a silence that begins now, with a second person."""
    times = {"starts_at": NOON, "expires_at": NOON + timedelta(days=1)}
    people = {"by": "hoa", "second": "quang", "why": "a move"}
    return Silence(**{"id": "SI-1", "account": "lan", **people, **times, **changes})


def test_a_silence_that_may_hide_staff_is_such_a_change(office: Office) -> None:
    """With a second name and no rule it waits for codes; ended before, it is taken back. Without one it hides none."""
    office.rule.unlink()  # it is none that could be read
    office.look()
    silences = Silences(office.settings, office.database)
    silences.add(a_silence(second=""))
    silences.add(a_silence(id="SI-2"))
    (change,) = [one for one in office.desk.changes() if one.what.startswith("SI-")]
    assert ("SI-2", "hoa", StaffChangeState.WAITING) == (change.what, change.by, change.state)
    silences.end("SI-2", by="mai", now=NOON + timedelta(hours=1))
    (after,) = [one for one in office.desk.changes() if one.what == "SI-2"]
    assert StaffChangeState.TAKEN_BACK is after.state


def test_a_silence_that_two_people_confirmed_ends_without_them(office: Office) -> None:
    """Its end hides nothing, so nobody is asked."""
    office.rule.unlink()
    office.look()
    silences = Silences(office.settings, office.database)
    silences.add(a_silence())
    (change,) = [one for one in office.desk.changes() if one.what == "SI-1"]
    for name in ("quang", "mai"):
        office.confirm(change.id, name)
    silences.end("SI-1", by="mai", now=NOON + timedelta(hours=1))
    assert [StaffChangeState.CONFIRMED] == [one.state for one in office.desk.changes() if one.what == "SI-1"]


def test_the_command_line_lists_and_confirms(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who confirms is named by an account, the code is read from standard input, and goes to the gate alone."""
    office.rule.write_text("title: second\n")
    (change,) = office.look()
    asked: list[tuple[str, str]] = []

    def check(account: Account, code: Secret) -> MfaOutcome:
        asked.append((account.user, code.reveal()))
        return MfaOutcome.ACCEPTED

    monkeypatch.setattr("credwatch.cli.changes.gate_check", lambda _socket: check)
    config = office.folder / "credwatch.toml"
    config.write_text(f'[daemon]\nstate_directory = "{office.folder}"\nregisters_directory = "{office.folder}"\n')
    words = ["changes", "confirm", change.id, "--why", "agreed", "--by", "hoa-login", "--config", str(config)]
    result = CliRunner().invoke(app, words, input="123456\n")
    assert 0 == result.exit_code, result.output
    assert [("hoa-login", "123456")] == asked
    listed = CliRunner().invoke(app, ["changes", "list", "--json", "--config", str(config)])
    (row,) = json.loads(listed.stdout)
    assert (change.id, "waiting", ["hoa"]) == (row["id"], row["state"], [one["by"] for one in row["approvals"]])
    refused = CliRunner().invoke(app, [*words[:6], "nobody", *words[7:]], input="123456\n")
    assert 2 == refused.exit_code
    assert "was none of the staff before it" in " ".join(refused.output.split())


def test_what_the_settings_leave_out_is_changed(office: Office) -> None:
    """A folder of rules that is read no longer is a change of its files, though they are as they were."""
    daemon = office.settings.daemon.model_copy(update={"rules_directories": ()})
    office.settings = office.settings.model_copy(update={"daemon": daemon})
    (change,) = office.look()
    assert (str(office.rule), "") == (change.what, change.after)


def test_to_ask_for_nobody_any_more_needs_two_people(office: Office) -> None:
    """The switch itself is a change; later ones are asked for no longer, and a switch that is put back is no matter."""
    asked = office.settings
    office.settings = asked.model_copy(update={"audit": asked.audit.model_copy(update={"second_person": False})})
    (change,) = office.look()
    assert ("audit.second_person", "true", "false") == (change.what, change.before, change.after)
    office.rule.write_text("title: second\n")
    assert [change] == office.look()
    office.settings = asked
    assert [StaffChangeState.TAKEN_BACK] == [one.state for one in office.look()]
