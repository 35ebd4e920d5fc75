"""Access of staff from the request to the review: who agrees, what is done under it, and what the customer hears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from access_office import CUSTOMER, HOUR, ORDER, USER, AccessOffice, a_request, an_order
from credwatch.kernel.access import AccessForbidden, AccessGround, AccessState, AccessUse
from credwatch.kernel.secret import Secret
from credwatch.replay.replay import replay_files
from scenarios.lines import BEGIN, staff_access

MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[AccessOffice]:
    """Furnish the office."""
    office = AccessOffice(tmp_path)
    yield office
    office.database.close()


def differences(office: AccessOffice) -> dict[str, str]:
    """Return how each act that nothing covers differs from what was granted, by its account."""
    every = office.incidents("unauthorised_staff_access")
    return {one.subject: dict(one.details)["credwatch.authorisation.difference"] for one in every}


def test_a_customers_request(office: AccessOffice) -> None:
    """Two approve with codes, the customer agrees, the act is covered and counted, and the end is told."""
    number = office.ask()
    assert ["access_asked"] * 2 == [one.command.payload.context["what"] for one in office.letters()]
    office.approve(number, "quang")
    office.approve(number, "yen")
    office.desk.decide_as_customer(office.contact(), number, True, "please do", "form-1")
    assert AccessState.GRANTED is office.stored(number).request.state
    assert 2 == len(office.letters("access_granted"))

    office.read(staff_access(60, "minh", USER, CUSTOMER), staff_access(90, "minh", USER, CUSTOMER))
    (incident,) = office.incidents("authorised_disclosure")
    assert number == dict(incident.details)["credwatch.authorisation.id"]
    assert AccessUse(2, BEGIN + MINUTE, BEGIN + 1.5 * MINUTE) == office.stored(number).use
    assert [] == office.incidents("unauthorised_staff_access")

    office.now = BEGIN + 2 * HOUR
    assert 1 == office.desk.look_after()
    assert 0 == office.desk.look_after()
    assert AccessState.ENDED is office.stored(number).request.state
    letters = office.letters("access_ended")
    assert [2, 2] == [one.command.payload.context["uses"] for one in letters]
    office.review(number, "quang", "as agreed")
    kinds = ["asked", "approved", "approved", "approved", "granted", "ended", "disclosed", "reviewed"]
    assert [f"access_{kind}" for kind in kinds] == [entry["kind"] for entry in office.log(CUSTOMER)]
    assert "please do" not in str(office.log(CUSTOMER))


def test_acts_that_differ_name_what_does(office: AccessOffice) -> None:
    """Another account, another person, before it and after it: each is an incident that says so."""
    number = office.granted(an_order(starts_at=BEGIN + 10 * MINUTE))
    office.read(
        staff_access(601, "minh", "other@haiau.example", CUSTOMER),
        staff_access(602, "thao", "third@haiau.example", CUSTOMER),
    )
    said = differences(office)
    assert f"outside its scope: account other@haiau.example ({number})" == said["other@haiau.example"]
    assert f"outside its scope: account third@haiau.example ({number})" == said["third@haiau.example"]
    office.now += MINUTE  # for other codes
    wide = office.granted(an_order(accounts=("*",), reference="2/2026"))
    office.read(
        staff_access(603, "thao", "x1@haiau.example", CUSTOMER),
        staff_access(7300, "minh", "x2@haiau.example", CUSTOMER),
    )
    said = differences(office)
    assert f"granted to minh ({wide})" == said["x1@haiau.example"]
    assert f"ended at 2026-03-02T05:00:00Z ({wide})" == said["x2@haiau.example"]
    assert 0 == office.stored(number).use.count


def test_what_is_revoked_covers_nothing_from_then_on(office: AccessOffice) -> None:
    """An act of before stays covered whenever it is read, one of afterwards is an incident."""
    number = office.granted()
    office.now = BEGIN + HOUR
    office.desk.revoke(number, "quang", "it is done")
    office.read(staff_access(1800, "minh", USER, CUSTOMER), staff_access(3601, "minh", USER, CUSTOMER))
    assert {USER: f"ended at 2026-03-02T04:00:00Z ({number})"} == differences(office)
    assert 1 == office.stored(number).use.count
    with pytest.raises(AccessForbidden, match="it was revoked"):
        office.approve(number, "thao")


def test_the_same_lines_come_to_the_same(office: AccessOffice) -> None:
    """A daemon that starts anew holds the same acts against the same grants."""
    number = office.granted()
    office.now = BEGIN + 3 * HOUR
    office.desk.look_after()
    office.read(staff_access(60, "minh", USER, CUSTOMER))
    assert [] == office.incidents("unauthorised_staff_access")
    assert 1 == office.stored(number).use.count
    assert 1 == office.letters("access_ended")[0].command.payload.context["uses"] + 1


def test_a_code_counts_once(office: AccessOffice) -> None:
    """A code that approved one request approves no other; a wrong one, or somebody else's, approves none."""
    first, second = office.ask(), office.ask(a_request(reference="ticket 4712"))
    code = office.code("quang")
    office.desk.approve(first, "quang", code, office.check)
    with pytest.raises(AccessForbidden, match="used before"):
        office.desk.approve(second, "quang", code, office.check)
    with pytest.raises(AccessForbidden, match="wrong"):
        office.desk.approve(second, "yen", Secret("000000"), office.check)
    assert () == office.stored(second).request.approvers


def test_who_may_not_approve_spends_no_code(office: AccessOffice) -> None:
    """Who asks cannot approve, and hears so before a code is looked at."""
    number = office.ask()
    code = office.code("minh")
    with pytest.raises(AccessForbidden, match="cannot approve"):
        office.desk.approve(number, "minh", code, office.check)
    with pytest.raises(AccessForbidden, match="no member of the staff"):
        office.desk.approve(number, "stranger", code, office.check)
    with pytest.raises(AccessForbidden, match="no such request"):
        office.desk.approve("AR-0", "quang", code, office.check)


def test_a_refusal_by_the_customer(office: AccessOffice) -> None:
    """It ends the request, what a browser sends twice is done once, and another customer sees nothing of it."""
    number = office.ask()
    other = office.desk.contact("blue-harbor", "security@blueharbor.example")
    assert other is not None
    with pytest.raises(AccessForbidden, match="no such request"):
        office.desk.decide_as_customer(other, number, False, "", "form-0")
    for _ in range(2):
        after = office.desk.decide_as_customer(office.contact(), number, False, "not us", "form-1")
        assert AccessState.REFUSED is after.state
    with pytest.raises(AccessForbidden, match="it was refused"):
        office.approve(number, "quang")
    assert [] == office.desk.requests_of("blue-harbor")
    assert [number] == [one.request.id for one in office.desk.requests_of(CUSTOMER)]


def test_a_contact_who_agrees_on_the_telephone(office: AccessOffice) -> None:
    """Somebody who neither asks nor acts notes it with a code, and the customer is told that access holds."""
    number = office.ask()
    code = office.code("thao")
    for by, address, said in (("minh", "it@haiau.example", "asks for it"), ("thao", "x@haiau.example", "no contact")):
        with pytest.raises(AccessForbidden, match=said):
            office.desk.customer_said_yes(number, address, by, code, office.check, "telephone")
    office.desk.customer_said_yes(number, "it@haiau.example", "thao", code, office.check, "telephone")
    office.approve(number, "quang")
    office.approve(number, "yen")
    assert 2 == len(office.letters("access_granted"))


def test_an_emergency(office: AccessOffice) -> None:
    """It holds at once, everybody hears of it, and an incident tells that nobody reviewed it within a day."""
    number = office.ask(a_request(ground=AccessGround.EMERGENCY))
    assert AccessState.GRANTED is office.stored(number).request.state
    assert 2 == len(office.letters("access_emergency"))
    office.now = BEGIN + 20 * HOUR
    office.desk.look_after()
    assert ["emergency_access", "access_review"] == office.calls()
    office.now = BEGIN + 24 * HOUR
    office.desk.look_after()
    (incident,) = office.incidents("emergency_access_unreviewed")
    assert (CUSTOMER, number) == (incident.organization, incident.subject)
    assert "access_not_reviewed" == office.calls()[-1]
    office.now += HOUR
    assert 0 == office.desk.look_after()


def test_an_emergency_that_is_reviewed(office: AccessOffice) -> None:
    """Once somebody else has reviewed it nobody is called."""
    number = office.ask(a_request(ground=AccessGround.EMERGENCY))
    office.review(number, "quang", "the books were open")
    office.now = BEGIN + 25 * HOUR
    office.desk.look_after()
    assert ["emergency_access"] == office.calls()
    assert [] == office.incidents("emergency_access_unreviewed")


def test_an_order_of_secrecy(office: AccessOffice) -> None:
    """Nothing of it enters the customer's log, pages or mail until the order may be reviewed; then the end is told."""
    secret = replace(ORDER, secret_until=BEGIN + 9 * HOUR)
    number = office.granted(an_order(order=secret))
    office.now = BEGIN + 3 * HOUR
    office.desk.look_after()
    assert ([], [], []) == (office.letters(), office.log(CUSTOMER), office.desk.requests_of(CUSTOMER))
    assert 5 == len(office.log())
    office.now = BEGIN + 9 * HOUR
    office.desk.look_after()
    assert 2 == len(office.letters("access_ended"))
    assert ["access_disclosed"] == [entry["kind"] for entry in office.log(CUSTOMER)]
    assert [number] == [one.request.id for one in office.desk.requests_of(CUSTOMER)]


def test_what_nobody_grants_in_time(office: AccessOffice) -> None:
    """It expires, and an approval afterwards is refused."""
    number = office.ask()
    office.now = BEGIN + 2 * HOUR
    with pytest.raises(AccessForbidden, match="its time ended"):
        office.approve(number, "quang")
    office.desk.look_after()
    with pytest.raises(AccessForbidden, match="its time passed"):
        office.approve(number, "quang")


def test_a_replay_knows_what_was_granted(office: AccessOffice) -> None:
    """Finished logs are held against the access that the store has granted, and nothing is noted there as used."""
    number = office.granted()
    acts = (staff_access(600, "minh", USER, CUSTOMER), staff_access(900, "minh", "third@haiau.example", CUSTOMER))
    log = office.site.application_log
    log.write_text("".join(f"{act}\n" for act in acts))
    outcome = replay_files([str(log)], office.site.config, kind="auto", zone="UTC", clock=office.clock)
    unauthorised = [it.subject for it in outcome.incidents if it.kind == "unauthorised_staff_access"]
    assert ["third@haiau.example"] == unauthorised
    assert 0 == office.stored(number).use.count
