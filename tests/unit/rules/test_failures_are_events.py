"""What a program calls a failure is an event, in whatever words: no pack knows it as no event."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import polars as pl
import pytest

from credwatch.kernel.pack import ANY_PROGRAM, EnvelopeKind, Pattern
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import load_packs

PACKS = load_packs(shipped("rules") / "packs")
FAILURES = (
    "authentication failure",
    "Authentication failed",
    "login failed for lan from 203.0.113.9",
    "access denied for user lan",
    "permission denied",
    "invalid user lan",
    "connection refused",
    "user lan was rejected",
    "error: something else",
    "password incorrect",
    "account has expired",
    "not allowed because of a rule",
    "could not open the file",
    "unable to do that",
)
# The words behind these are chosen by users, who may write what they like: a command, or what belongs to one.
OTHERS_WORDS = {("cron", "chatter"), ("sudo", "chatter")}
GUARDS = {"accounts", "cron", "dropbear", "login", "logind", "openssh", "su", "sudo"}
"""Packs of programs that do nothing but guard access: whatever they call a failure is one."""
SKIPS = [
    (pack.id, pattern)
    for pack in PACKS.packs
    for pattern in pack.patterns
    if pattern.skip and pack.kind is EnvelopeKind.SYSLOG and (pack.id, pattern.name) not in OTHERS_WORDS
]
PRINTED = {
    "cron": ["Authentication failure", "(lan) ERROR (getpwnam() failed)", "pam_acct_mgmt: Permission denied"],
    "doas": ["failed auth for lan", "failed command for lan: id", "command not permitted for lan: id"],
    "dropbear": [
        "Bad password attempt for 'lan' from 203.0.113.9:50000",
        "Exit before auth from <203.0.113.9:50000>: (user 'lan', 10 fails): Max auth tries reached - user 'lan'",
        "Exit before auth from <203.0.113.9:50000>: Failed to get remote version",
        "pam_authenticate() failed, rc=7, Authentication failure",
        "pam_acct_mgmt() failed, rc=13, User account has expired",
    ],
    "groupadd": ["failed to add group dev", "failed to add group dev to /etc/group", "cannot open /etc/group"],
    "login": [
        "FAILED LOGIN 1 FROM tty1 FOR lan, Authentication failure",
        "FAILED LOGIN SESSION FROM tty1 FOR lan, Error in service module",
        "invalid password for 'lan' on 'tty1'",
        "pam_acct_mgmt call failed: User account has expired (13)",
        "2 LOGIN FAILURES ON ttyv0",
    ],
    "newusers": ["failed to unlock /etc/shadow"],
    "passwd": ["incorrect password for lan", "lan can't change password for root"],
    "sshd": [
        "error: PAM: Authentication failure for lan from 203.0.113.9",
        "error: PAM: pam_open_session(): Permission denied",
        "error: Could not get shadow information for NOUSER",
        "fatal: PAM: pam_setcred(): Authentication failure",
        "User lan not allowed because /run/nologin exists",
        "subsystem request for sftp by user lan failed, subsystem not found",
        "Authentication refused: bad ownership or modes for file /home/lan/.ssh/authorized_keys",
        "pam_sss(sshd:auth): received for user lan: 17 (Failure setting user credentials)",
        "pam_tally2(sshd:auth): user lan (1000) has been denied",
        "pam_nologin(sshd:account): access denied",
    ],
    "su": ["pam_authenticate: Authentication failure", "BAD SU lan to root on /dev/pts/0", "- pts/0 lan:root"],
    "sudo": [
        "lan : 1 incorrect password attempt ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
        "lan : conversation failed",
        "lan : PAM account management error: Permission denied ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
    ],
    "systemd-logind": ["Failed to abandon session scope: Transport endpoint is not connected"],
    "useradd": ["failed adding user 'lan', exit code: 9", "failed to add user lan to /etc/passwd"],
    "unix_chkpwd": ["password check failed for user (lan)"],
}


def read(program: str, messages: list[str]) -> Parsed:
    """Read lines of one program."""
    text = "".join(f"Nov 30 06:39:00 web1 {program}[811]: {message}\n" for message in messages)
    reference = datetime(2026, 1, 1, tzinfo=UTC)
    return parse(split_lines(text.encode(), 0), packs=PACKS, source=SourceFormat("x"), reference=reference)


def texts(messages: list[str], program: str, frame: pl.DataFrame) -> list[str]:
    """Give the messages that a frame has the positions of."""
    ends, end = {}, 0
    for message in messages:
        end += len(f"Nov 30 06:39:00 web1 {program}[811]: {message}\n".encode())
        ends[end] = message
    return [ends[position] for position in frame["position"].to_list()]


@pytest.mark.parametrize("pattern", [it for _, it in SKIPS], ids=[f"{pack}-{it.name}" for pack, it in SKIPS])
def test_what_is_known_as_no_event_speaks_of_no_failure(pattern: Pattern) -> None:
    """A message that begins as one that is passed over, and speaks of a failure, is an event or unknown."""
    messages = [f"{prefix}{failure}" for prefix, failure in product(pattern.prefixes, FAILURES)]
    for program in ["sshd", "vsftpd"] if ANY_PROGRAM in pattern.programs else pattern.programs:
        assert [] == texts(messages, program, read(program, messages).skips)


@pytest.mark.parametrize(
    "program", sorted({program for pack, it in SKIPS for program in it.programs if pack in GUARDS})
)
def test_a_failure_is_an_event(program: str) -> None:
    """A program that guards access gives an event for each message that speaks of a failure."""
    parsed = read(program, list(FAILURES))
    assert [] == texts(list(FAILURES), program, parsed.skips)
    assert [] == parsed.unparsed["line"].to_list()


@pytest.mark.parametrize("program", PRINTED)
def test_failures_as_they_are_printed(program: str) -> None:
    """Failures that programs print, word by word, are events."""
    parsed = read(program, PRINTED[program])
    assert len(PRINTED[program]) == len(parsed.events)
