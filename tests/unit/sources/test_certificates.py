"""Holds certificates of listeners to being warned of before they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates import Authority
from credwatch.kernel.errors import Severity
from credwatch.sources.certificates import ending_problems, ends_at, listeners
from credwatch.sources.network_options import PushOptions, PushSourceOptions, SyslogSourceOptions


@pytest.mark.parametrize(
    ("days", "severity", "words"),
    [
        (20, None, ""),
        (13, Severity.WARNING, "ends on"),
        (0.5, Severity.WARNING, "ends on"),
        (-0.5, Severity.FAULT, "has ended on"),
    ],
    ids=["far", "near", "today", "over"],
)
def test_an_end_that_is_near_is_told(tmp_path: Path, days: float, severity: Severity | None, words: str) -> None:
    """A certificate that ends within two weeks is a warning, one that has ended a fault, and others are nothing."""
    certificate, _ = Authority(tmp_path).issued("listener", days)
    problems = ending_problems({"push": certificate}, datetime.now(UTC))
    assert [severity] * bool(severity) == [problem.severity for problem in problems]
    assert all(words in problem.message and str(certificate) in problem.where for problem in problems)


def test_of_a_chain_the_first_end_counts(tmp_path: Path) -> None:
    """Where what stands above a certificate ends before it, nobody believes it behind that."""
    (first, _), (second, _) = (Authority(tmp_path).issued(name, days) for name, days in (("one", 20), ("two", 3)))
    chain = tmp_path / "chain.pem"
    chain.write_bytes(first.read_bytes() + second.read_bytes())
    assert ends_at(second) == ends_at(chain)
    assert datetime.now(UTC) + timedelta(days=2) < (ends_at(chain) or datetime.now(UTC))


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_told_by_who_loads_it(tmp_path: Path, content: bytes) -> None:
    """A file that holds none, or is missing, is no end of any."""
    file = tmp_path / "x.pem"
    file.write_bytes(content)
    assert (None, None) == (ends_at(file), ends_at(tmp_path / "none"))


def test_listeners_are_those_that_listen(tmp_path: Path) -> None:
    """The push port counts only where a source is pushed to, and syslog without TLS has no certificate."""
    push = PushOptions(certificate=tmp_path / "push.pem")
    pushed = PushSourceOptions(id="shipped", kind="push", client_names=("x",))
    plain = SyslogSourceOptions(id="plain", kind="syslog", tcp_port=1)
    tls = SyslogSourceOptions(id="net", kind="syslog", tls_port=1, certificate=tmp_path / "net.pem")
    assert {"net": tmp_path / "net.pem"} == listeners(push, [plain, tls])
    assert {"net", "push"} == listeners(push, [pushed, tls]).keys()
