"""Every sentence of a notice is true: its words suit the rule that fired, its facts come from the detection."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from builders_outbox import NOON, TEMPLATES, a_change, an_incident, some_facts
from credwatch.kernel.incident import Incident, RuleFinding
from credwatch.kernel.resources import shipped
from credwatch.workflows.decide import react
from credwatch.workflows.enforcement import Enforcement, EnforcementPlan
from credwatch.workflows.facts import Facts, Role
from credwatch.workflows.message import latest_of

WORDS = tomllib.loads((shipped("config") / "templates" / "rules.toml").read_text(encoding="utf-8"))
KINDS = tomllib.loads((shipped("config") / "templates" / "kinds.toml").read_text(encoding="utf-8"))
LOGIN = (
    ("event.action", "login"),
    ("event.outcome", "success"),
    ("host.name", "mail7"),
    ("service.name", "dovecot"),
    ("source.ip", "198.51.100.9"),
    ("source.geo.country_iso_code", "FR"),
)
MINUTE = timedelta(minutes=1)
NOTICES = {"customer_notice": Role.PROVIDER, "breach_report": Role.CUSTOMER}


def _rules() -> Iterator[dict[str, Any]]:
    for path in sorted(shipped("rules").glob("*/*.yml")):
        if path.parent.name in ("detections", "correlations") and ".cases." not in path.name:
            yield from (rule for rule in yaml.safe_load_all(path.read_text(encoding="utf-8")) if rule)


RULES = {rule["id"]: rule for rule in _rules()}
WRITING = {rule: text["credwatch"] for rule, text in RULES.items() if text.get("credwatch", {}).get("workflows")}


def test_each_rule_that_writes_to_people_has_its_words() -> None:
    """A rule with a workflow says in rules.toml what it found: add both languages there with the rule."""
    assert [] == [RULES[rule]["name"] for rule in WRITING if rule not in WORDS]


def test_the_words_are_those_of_rules() -> None:
    """No words stand for a rule that is gone."""
    assert [] == [rule for rule in WORDS if rule not in RULES]


@pytest.mark.parametrize("words", [*WORDS.values(), *KINDS.values()])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_sentence_holds_a_number(words: dict[str, dict[str, str]], language: str) -> None:
    """A count or a span is a fact of one detection; only root's user number is a word."""
    said = " ".join((words[language]["what"], words[language].get("known", ""), words[language].get("title", "")))
    assert [] == re.findall(r"\d+", said.replace("(uid) 0", ""))


@pytest.mark.parametrize(
    ("rule", "workflow"),
    [(rule, name) for rule, key in WRITING.items() for name in key["workflows"] if name in NOTICES],
)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_facts_of_a_letter_are_those_of_its_detection(rule: str, language: str, workflow: str) -> None:
    """For each rule, language and role: no address, account, clock time or count that the incident does not hold."""
    incident = an_incident(
        kind=WRITING[rule]["incident"],
        rules=(rule,),
        accounts=("lan@tanphat.example", "***"),
        addresses=("203.0.113.57", "198.51.100.9"),
        lines=("a line", "another"),
        details=LOGIN,
        findings=(RuleFinding(rule, "", 61, NOON - MINUTE, NOON),),
    )
    text = _letter(incident, workflow, language)
    counted = WORDS[rule][language].get("counted", "")
    rows = {"vi": f"Số lần ghi nhận: {counted}", "en": f"Counted: {counted}"}
    assert bool(counted) == (rows[language].replace("{count}", "61") in text)
    assert bool(counted) == ("61" in re.findall(r"\d+", text)), "a number stands where the rule has words for it"
    assert {"203.0.113.57", "198.51.100.9"} == set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))
    assert "***" not in text
    said = WORDS[rule][language]
    assert said["what"] in text
    assert said.get("known", "") in text
    other = [words[language]["what"] for words in WORDS.values() if words[language]["what"] != said["what"]]
    assert [] == [what for what in other if what in text]
    assert {"vi": "lưu 2 dòng nhật ký", "en": "kept 2 of its log lines"}[language] in text


@pytest.mark.parametrize(
    ("kept", "events", "english", "vietnamese"),
    [
        (
            9,
            9,
            "kept as evidence the 9 log lines that it rests on",
            "lưu toàn bộ 9 dòng nhật ký liên quan làm chứng cứ",
        ),
        (1, 1, "kept as evidence the log line that it rests on", "lưu toàn bộ 1 dòng nhật ký liên quan làm chứng cứ"),
        (20, 51, "kept as evidence 20 of the 51 log lines", "lưu 20 trong số 51 dòng nhật ký liên quan làm chứng cứ"),
    ],
)
@pytest.mark.parametrize("workflow", NOTICES)
def test_how_much_is_kept_is_said_as_it_is(
    workflow: str, kept: int, events: int, english: str, vietnamese: str
) -> None:
    """All lines, or so many of so many: never that they are kept where some are not."""
    incident = an_incident(kept=tuple(map(str, range(kept))), events=events, detections=("d-1",))
    assert english in _letter(incident, workflow, "en")
    assert vietnamese in _letter(incident, workflow, "vi")


def test_of_several_detections_no_sum_is_told() -> None:
    """Two detections may count the same lines: the letter says how many are kept, and of how many it does not."""
    incident = an_incident(kept=("1", "2", "3"), events=6, detections=("d-1", "d-2"))
    assert "kept 3 of its log lines as evidence" in _letter(incident, "customer_notice", "en")


def test_the_first_of_what_was_counted_has_its_moment_where_it_is_known() -> None:
    """What was counted longer ago than lines are remembered has its number without a moment."""
    rule = "c20f0afa-8c8c-571b-82cc-6507772d8354"
    known, unknown = (RuleFinding(rule, "", 1204, since, NOON) for since in (NOON - MINUTE, None))
    assert "* Counted: 1,204 failed logins to this account, the first at 20 November 2026, 11:59:00" in _letter(
        an_incident(findings=(known,)), "customer_notice", "en"
    )
    assert "1.204 lần đăng nhập không thành công vào tài khoản này * Máy chủ" in _letter(
        an_incident(findings=(unknown,), details=LOGIN), "customer_notice", "vi"
    )


@pytest.mark.parametrize(
    ("language", "sentence", "row"),
    [
        ("vi", "Có thể mật khẩu của tài khoản đã bị dò ra.", "7 lần đăng nhập không thành công vào tài khoản này"),
        ("en", "Its password may have been guessed.", "7 failed logins to this account"),
    ],
)
def test_what_several_rules_say_alike_is_said_once(language: str, sentence: str, row: str) -> None:
    """What one rule says of another's finding too stands once, and so does a count; nothing else is left out."""
    by_address, by_account = "9c012602-0102-5ba4-a14f-3db39b360358", "c20f0afa-8c8c-571b-82cc-6507772d8354"
    elsewhere, by_names = "8ffe4192-0442-4b22-858d-47485182d9d9", "9e58e2b7-27bf-4202-aec3-16a133de66b0"
    rules = (by_address, by_account, elsewhere, by_names)
    findings = tuple(RuleFinding(rule, "", 7, NOON - MINUTE, NOON) for rule in rules)
    text = _letter(an_incident(rules=rules, findings=findings), "customer_notice", language)
    assert (1, 1) == (text.count(sentence), text.count(row))
    assert {by_account, by_names} == {rule for rule in rules if WORDS[rule][language]["what"].split(". ")[0] in text}
    assert {rule for rule in rules if WORDS[rule][language]["known"] in text} == {by_account, by_names}


def test_a_rule_covers_rules_that_are_listed() -> None:
    """What is left out of a letter for another rule's sake is named by the id of a rule that has words."""
    covered = {name for words in WORDS.values() for name in words.get("covers", ())}
    assert covered
    assert covered <= WORDS.keys()


@pytest.mark.parametrize(
    ("plans", "is_only_reading"),
    [
        ((), True),
        ((EnforcementPlan("a", (), "portal"),), True),
        ((EnforcementPlan("a", (), "portal", dry=False, customers=("another",)),), True),
        ((EnforcementPlan("a", (), "portal", dry=False, customers=("tanphat",)),), False),
        ((EnforcementPlan("a", (), "portal", dry=False),), False),
    ],
)
def test_who_may_act_does_not_say_that_it_only_reads(
    plans: tuple[EnforcementPlan, ...], *, is_only_reading: bool
) -> None:
    """Where a plan may do something about the customer's accounts, the notice does not say that logs are only read."""
    facts = some_facts(enforcement=Enforcement(plans))
    for language, words in (("vi", "chỉ đọc nhật ký"), ("en", "only reads logs")):
        text = _letter(an_incident(), "customer_notice", language, facts)
        assert is_only_reading == (words in text)
        assert {"vi": "iệc phát hiện sự cố", "en": "o detect this incident"}[language] in text


def _letter(incident: Incident, workflow: str, language: str, facts: Facts | None = None) -> str:
    """Write the letter and return its part in a language, on one line."""
    facts = replace(facts or some_facts(), role=NOTICES[workflow])
    command = react(a_change(workflow, incident=incident), facts, NOON).commands[0]
    text = TEMPLATES.render(replace(command, payload=replace(command.payload, languages=(language,)))).text
    return " ".join(text.split())


def test_a_login_is_told_apart_from_guesses() -> None:
    """The address of the login that succeeded has a row of its own, with country; all addresses have another."""
    text = _letter(
        an_incident(addresses=("203.0.113.57", "203.0.113.58", "198.51.100.9"), details=LOGIN), "customer_notice", "en"
    )
    assert "IP address of the latest successful login: 198.51.100.9 *" in text
    assert "(an estimate): France *" in text
    assert "Source IP addresses: 203.0.113.57, 203.0.113.58, 198.51.100.9" in text


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"event.outcome": "failure"}, set()),
        ({"event.outcome": ""}, set()),
        ({"event.action": "token_created"}, {"act"}),
        ({"event.action": "mfa_verify", "event.outcome": "failure"}, set()),
        ({}, {"login_address"}),
    ],
    ids=["a failed login", "an outcome that is not told", "an act", "an act that failed", "a login"],
)
def test_only_what_succeeded_is_told_as_done(changed: dict[str, str], expected: set[str]) -> None:
    """A failed login has no row as a login, and an act that failed is not told as an act."""
    latest = latest_of(an_incident(details=tuple((dict(LOGIN) | changed).items())))
    assert expected == set(latest) & {"act", "login_address"}


def test_an_event_at_another_customer_is_not_told() -> None:
    """Where several customers are touched, host and address of the latest event are nobody's to read."""
    assert {} == latest_of(an_incident(organizations=("lotus", "tanphat"), details=LOGIN))


def test_several_rules_are_told_one_after_the_other() -> None:
    """An incident of two rules tells what each found, and has the title of the last."""
    bombed, accepted = "1d5c949a-6d88-5425-8e95-adf203322f13", "8a69746b-4410-5b2a-a932-ff438743fb5a"
    text = _letter(an_incident(kind="mfa_fatigue", rules=(bombed, accepted)), "customer_notice", "en")
    assert f"{WORDS[bombed]['en']['what']} {WORDS[accepted]['en']['what']}" in text
    assert f"Kind: {WORDS[accepted]['en']['title']}" in text


@pytest.mark.parametrize(("basis", "is_asked"), [("customer_request", True), ("court_order", False)])
def test_only_a_request_is_asked_about_as_a_request(basis: str, is_asked: bool) -> None:
    """A court's order is not doubted as a request that the customer did not make; a look is told as a look."""
    details = (
        ("credwatch.actor.department", "support"),
        ("credwatch.authorisation.basis", basis),
        ("event.action", "staff_access"),
    )
    command = react(a_change("disclosure_notice", incident=an_incident(details=details)), some_facts(), NOON).commands[
        0
    ]
    words = TEMPLATES.render(command)
    assert is_asked == ("did not make this request" in " ".join(words.text.split()))
    assert is_asked == ("yêu cầu không xuất phát từ" in " ".join(words.text.split()))
    assert "truy cập tài khoản để xem thông tin" in words.subject
    assert "Bộ phận Hỗ trợ khách hàng" in words.text
    assert "* Department: Customer support" in words.text


def test_a_moment_of_another_day_in_utc_names_that_day() -> None:
    """Two in the morning in Việt Nam is seven in the evening before in UTC."""
    early = NOON.replace(hour=19)
    incident = an_incident(occurred_first=early, occurred_last=early)
    assert "21 November 2026, 02:00:00 (GMT+07:00) [20 November, 19:00:00 UTC]" in _letter(
        incident, "customer_notice", "en"
    )
