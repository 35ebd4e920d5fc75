"""The real passwd, sshd and sudo of a booted Debian 13 ask the gate, by what config/examples/pam has."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pyotp
import pytest

from real.debian import TOP, Guest, a_guest, libraries
from unit.policy.corpus.range_files import a_corpus

pytestmark = [pytest.mark.real, pytest.mark.slow]

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "libpam-pwquality"),
    *("openssh-server", "sshpass", "sudo", "python3", "curl"),
)
PROGRAM = """#!/usr/bin/python3 -I
from credwatch.__main__ import main
main()
"""
SETTINGS = """
[contact]
phone = "+84 258 5550 0100"
[operators]
addresses = ["operators@vendor.example"]
[outbox.email]
host = "127.0.0.1"
port = 2525
security = "none"
[gate]
corpus = "/var/lib/credwatch/breached.corpus"
[profile.default.mfa]
step_seconds = 120
"""
SSHD = """UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive
"""
OLD, BREACHED, GOOD = "giraffes paint blue fences", "zebra quartet violin meadow", "kỳ lân uống trà đá lúc nửa đêm"
SECONDS = 120


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Boot a Debian in which a gate runs, and lan may use sudo."""
    folder = tmp_path_factory.mktemp("pam")
    with a_guest(folder, "trixie", PACKAGES) as guest:
        _install(guest, folder)
        _people(guest)
        _examples(guest)
        yield guest


def _install(guest: Guest, folder: Path) -> None:
    place = guest.root / "opt/credwatch"
    place.mkdir(parents=True)
    subprocess.run(["cp", "-a", "--reflink=auto", libraries("3.13"), place / "libraries"], check=True)
    for name in ("daemon", "config", "rules"):
        shutil.copytree(TOP / name, place / "tree" / name, ignore=shutil.ignore_patterns("__pycache__"))
    paths = "/opt/credwatch/tree/daemon\n/opt/credwatch/libraries\n"
    guest.write("/usr/local/lib/python3.13/dist-packages/credwatch.pth", paths)
    metadata = f"Metadata-Version: 2.1\nName: credwatch\nVersion: {version('credwatch')}\n"
    guest.write(f"/opt/credwatch/libraries/credwatch-{version('credwatch')}.dist-info/METADATA", metadata)
    guest.write("/usr/local/bin/credwatch", PROGRAM, 0o755)
    guest.write("/etc/credwatch/credwatch.toml", SETTINGS)
    guest.write("/etc/credwatch/totp-key", base64.b64encode(bytes(32)).decode(), 0o600)
    for state in ("/var/lib/credwatch", "/run/credwatch"):
        guest.run("mkdir", "-p", state)
    shutil.copy(a_corpus(folder, [BREACHED]), guest.root / "var/lib/credwatch/breached.corpus")
    run = ("--unit=credwatch", "--property=LoadCredential=totp-key:/etc/credwatch/totp-key")
    guest.run("systemd-run", "--quiet", *run, "/usr/local/bin/credwatch", "run")
    ask = ("curl", "-s", "--unix-socket", "/run/credwatch/gate.sock", "http://gate/v1/health")
    guest.until(
        lambda: '"breached_passwords":"ready"' in guest.tried(*ask).stdout,
        "the gate answers",
        lambda asked: asked.run("journalctl", "--unit=credwatch", "--no-pager"),
    )


def _people(guest: Guest) -> None:
    guest.run("useradd", "--create-home", "--shell", "/bin/bash", "lan")
    assert 0 == guest.tried("chpasswd", typed=f"lan:{OLD}\n").returncode
    guest.write("/etc/sudoers.d/lan", "lan ALL=(ALL:ALL) ALL\n", 0o440)
    guest.run("runuser", "-u", "lan", "--", "mkdir", "-m", "700", "/home/lan/.ssh")
    guest.run("runuser", "-u", "lan", "--", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/home/lan/.ssh/id")
    guest.run("runuser", "-u", "lan", "--", "cp", "/home/lan/.ssh/id.pub", "/home/lan/.ssh/authorized_keys")


def _examples(guest: Guest) -> None:
    """Put the shipped files where they say."""
    examples = TOP / "config/examples/pam"
    shutil.copy(examples / "credwatch", guest.root / "usr/share/pam-configs/credwatch")
    guest.write("/etc/security/pwquality.conf", "dictcheck = 0\n")
    guest.run("env", "DEBIAN_FRONTEND=noninteractive", "pam-auth-update", "--enable", "credwatch")
    for service in ("sudo", "sshd"):
        shutil.copy(examples / service, guest.root / "etc/pam.d" / service)
    guest.write("/etc/ssh/sshd_config.d/credwatch.conf", SSHD)
    guest.run("systemctl", "restart", "ssh")


def _passwd(guest: Guest, *typed: str) -> subprocess.CompletedProcess[str]:
    return guest.tried("runuser", "-u", "lan", "--", "passwd", typed="".join(f"{line}\n" for line in typed))


def test_passwd_refuses_a_breached_password(guest: Guest) -> None:
    """The reason stands on the terminal in both languages, the old password stays; a good one is taken."""
    refused = _passwd(guest, OLD, BREACHED, BREACHED)
    assert 0 != refused.returncode
    assert "has been seen in a breach" in refused.stdout + refused.stderr
    assert "đã bị lộ" in refused.stdout + refused.stderr
    assert "password_check" in guest.read("/var/lib/credwatch/gate.jsonl")
    taken = _passwd(guest, OLD, GOOD, GOOD)
    assert 0 == taken.returncode, taken.stdout + taken.stderr


def test_a_code_is_accepted_once(guest: Guest) -> None:
    """sshd takes a code behind the key and sudo another; neither takes one again, and sudo says why."""
    enrolled = json.loads(guest.run("credwatch", "totp", "enrol", "--user", "lan", "--json"))
    step = int(time.time()) // SECONDS
    first, second, third = (
        pyotp.TOTP(enrolled["secret"], interval=SECONDS).generate_otp(step + ahead) for ahead in (-1, 0, 1)
    )
    assert 0 == guest.tried("credwatch", "totp", "verify", "--first", "--user", "lan", typed=first).returncode
    options = ("-i", "/home/lan/.ssh/id", "-o", "StrictHostKeyChecking=no", "-o", "NumberOfPasswordPrompts=1")

    def login(code: str) -> subprocess.CompletedProcess[str]:
        ssh = ("sshpass", "-p", code, "ssh", *options, "lan@127.0.0.1", "id", "-un")
        return guest.tried("runuser", "-u", "lan", "--", *ssh)

    def sudo(code: str) -> subprocess.CompletedProcess[str]:
        return guest.tried("runuser", "-u", "lan", "--", "sudo", "-S", "-k", "id", "-un", typed=f"{code}\n")

    entered = login(second)
    assert "lan" == entered.stdout.strip(), entered.stderr + guest.run(
        "journalctl", "-u", "ssh", "--no-pager", "-n", "40"
    )
    assert "" == login(second).stdout
    assert "root" == (done := sudo(third)).stdout.strip(), done.stderr
    again = sudo(third)
    assert "root" not in again.stdout
    assert "The code is not accepted: replayed." in again.stdout + again.stderr
    assert 0 != again.returncode


def test_without_a_gate_nothing_passes(guest: Guest) -> None:
    """With the gate away no password is changed and no code accepted, and the terminal says so."""
    guest.run("systemctl", "stop", "credwatch")
    refused = _passwd(guest, GOOD, "another seven rivers sing", "another seven rivers sing")
    assert 0 != refused.returncode
    assert "the gate does not answer" in refused.stdout + refused.stderr
    denied = guest.tried("runuser", "-u", "lan", "--", "sudo", "-S", "-k", "id", "-un", typed="123456\n")
    assert 0 != denied.returncode
    assert "root" not in denied.stdout
    assert "check that credwatch runs" in guest.run("journalctl", "--identifier=credwatch", "--no-pager")
