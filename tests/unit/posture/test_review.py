"""Each change of an account is told once, after its time of grace, and not while it is exempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from credwatch.kernel.account_finding import AccountFinding, FindingKey, RuleCount
from credwatch.posture.account import AccountState
from credwatch.posture.hashes.recognise import recognise
from credwatch.posture.reading import AccountsReading
from credwatch.posture.review import Review, review
from credwatch.world.exemptions import Exemption
from unit.posture.accounts import NOW, an_account, expectations

DAY = timedelta(days=1)
MD5, BCRYPT = recognise("$1$abcdefgh$Qm9v"), recognise("$2b$08$abc")
BAD = an_account(password=MD5)


class Looks(Struct):
    """Readings of one source, each held against the one before."""

    options: dict[str, Any] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    findings: dict[FindingKey, AccountFinding] = field(default_factory=dict)

    def at(self, at: datetime, *accounts: AccountState) -> Review:
        """Read these accounts."""
        reading = AccountsReading("site", at, accounts, 0, ())
        came = review(reading, self.findings, expectations(**self.options), self.exemptions)
        self.findings = {finding.key: finding for finding in came.findings}
        return came

    def changes(self, at: datetime, *accounts: AccountState) -> list[tuple[str, str, bool]]:
        """Read these accounts, and give what is told: rule, detail, whether it is over."""
        changes = self.at(at, *accounts).changes
        return [(it.finding.key.rule, it.finding.detail, it.is_over) for it in changes]


def exemption(since: datetime, until: datetime, rules: Sequence[str] = ("weak_hash",)) -> Exemption:
    """Give one for lan's account."""
    raw = {"account": "LAN", "rules": rules, "reason": "migration", "approver": "an", "since": since, "until": until}
    return Exemption.model_validate(raw)


def test_each_change_is_told_once() -> None:
    """It begins, becomes another, and ends; readings between say nothing, and the beginning is remembered."""
    looks = Looks()
    assert [("weak_hash", "broken_scheme md5_crypt", False)] == looks.changes(NOW, BAD)
    assert [] == looks.changes(NOW + DAY, BAD)
    other = an_account(password=BCRYPT)
    assert [("weak_hash", "low_cost bcrypt cost=8", False)] == looks.changes(NOW + 2 * DAY, other)
    assert [NOW] == [finding.since for finding in looks.findings.values()]
    assert [("weak_hash", "low_cost bcrypt cost=8", True)] == looks.changes(NOW + 3 * DAY, an_account())
    assert [] == looks.changes(NOW + 4 * DAY, an_account())


def test_the_same_reading_gives_the_same_review() -> None:
    """A review that was cut off before it was kept is made again."""
    assert Looks().at(NOW, BAD) == Looks().at(NOW, BAD)


def test_an_account_that_is_gone() -> None:
    """Its finding is over."""
    looks = Looks()
    looks.at(NOW, BAD)
    assert [("weak_hash", "broken_scheme md5_crypt", True)] == looks.changes(NOW + DAY)


def test_what_is_not_told_any_more() -> None:
    """A finding stands where the source has fallen silent about it: nobody can say that it is mended."""
    looks = Looks()
    looks.at(NOW, BAD)
    assert [] == looks.changes(NOW + DAY, an_account(password=None))
    assert 1 == len(looks.findings)


def test_a_time_of_grace() -> None:
    """Nobody is told before its end, nor that it is over where nobody was told of it."""
    looks = Looks({"grace": {"weak_hash": "14d"}})
    assert [] == looks.changes(NOW, BAD)
    assert [] == looks.changes(NOW + 13 * DAY, BAD)
    assert [("weak_hash", "broken_scheme md5_crypt", False)] == looks.changes(NOW + 14 * DAY, BAD)
    mended = Looks({"grace": {"weak_hash": "14d"}})
    mended.at(NOW, BAD)
    assert [] == mended.changes(NOW + DAY, an_account())


def test_an_exemption_and_its_end() -> None:
    """While it holds nothing is told; then the finding is, and that the exemption has lapsed, until it is mended."""
    looks = Looks(exemptions=(exemption(NOW - DAY, NOW + DAY),))
    assert [] == looks.changes(NOW, BAD)
    assert ["an, until 2026-03-03"] == [finding.exemption for finding in looks.findings.values()]
    changes = looks.changes(NOW + DAY, BAD)
    assert [("weak_hash", False), ("exemption_lapsed", False)] == [(rule, is_over) for rule, _, is_over in changes]
    assert "weak_hash was exempt until 2026-03-03, by an" == changes[1][1]
    assert [] == looks.changes(NOW + 2 * DAY, BAD)
    assert {"weak_hash", "exemption_lapsed"} == {rule for rule, _, _ in looks.changes(NOW + 3 * DAY, an_account())}


def test_an_exemption_of_another() -> None:
    """It is for one account of one customer, and for the rules that it names."""
    looks = Looks(exemptions=(exemption(NOW - DAY, NOW + DAY, ["dormant"]),))
    assert ["weak_hash"] == [rule for rule, _, _ in looks.changes(NOW, BAD)]
    elsewhere = Looks(exemptions=(exemption(NOW - DAY, NOW + DAY),))
    assert "weak_hash" in [rule for rule, _, _ in elsewhere.changes(NOW, an_account(password=MD5, customer="acme"))]


def test_how_many_keep_each_rule() -> None:
    """Accounts are counted by customer, role and rule; those of which nothing is told by themselves."""
    silent = an_account(user="minh", password=None, roles=())
    counts = {(it.customer, it.role, it.rule): it for it in Looks().at(NOW, BAD, silent, an_account(user="hoa")).counts}
    assert RuleCount("", "", "weak_hash", 1, 1, 1) == counts["", "", "weak_hash"]
    assert RuleCount("", "sales", "weak_hash", 1, 1, 0) == counts["", "sales", "weak_hash"]
    assert ("", "", "old_password") not in counts
