"""Lines as the distribution's OpenSSH writes them: somebody guesses at a real server, and the guessing is found."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from credwatch.kernel.clock import system_clock
from credwatch.replay.replay import Replayed, replay_files

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
SSH = shutil.which("ssh")
KEYGEN = shutil.which("ssh-keygen")
LOG_SOCKET = Path("/dev/log")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(SSHD is None or SSH is None, reason="needs the Debian packages openssh-server and -client"),
    pytest.mark.skipif(os.geteuid() != 0, reason="sshd separates its privileges as root"),
    pytest.mark.skipif(LOG_SOCKET.exists(), reason="a syslog daemon has /dev/log already"),
]

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/host_key
PidFile none
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin no
MaxAuthTries 2
LogLevel VERBOSE
"""


class Syslog:
    """Takes what programs send to /dev/log, and writes it as rsyslog does: stamp, host, program, message."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(LOG_SOCKET))
        self._socket.settimeout(0.2)
        self._stopping = False
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def stop(self) -> None:
        """Stop, and give /dev/log back."""
        self._stopping = True
        self._thread.join()
        self._socket.close()
        LOG_SOCKET.unlink()

    def _take(self) -> None:
        with self._file.open("a", encoding="utf-8") as log:
            while not self._stopping:
                try:
                    text = self._socket.recv(8192).decode(errors="replace").rstrip("\0\n")
                except TimeoutError:
                    continue
                log.write(re.sub(r"^<\d+>(\S+ +\d+ [\d:]+) ", r"\1 web1 ", text) + "\n")
                log.flush()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert KEYGEN is not None
    assert SSHD is not None
    subprocess.run([KEYGEN, "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "host_key"], check=True)
    (tmp_path / "sshd_config").write_text(CONFIG.format(port=port, root=tmp_path))
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = tmp_path / "auth.log"
    syslog = Syslog(log)
    process = subprocess.Popen([SSHD, "-D", "-f", tmp_path / "sshd_config"])
    try:
        _await(lambda: log.exists() and "Server listening" in log.read_text(), "sshd to listen")
        yield port, log
    finally:
        process.terminate()
        process.wait(10)
        syslog.stop()


def test_guessing_at_a_real_server_is_found(server: tuple[int, Path], tmp_path: Path) -> None:
    """Wrong passwords for made-up names at a real sshd open a brute-force incident about the guessing address."""
    port, log = server
    for number in range(10):
        _guess(f"guessed{number}", port, tmp_path)
    _await(lambda: log.read_text().count("Failed password for invalid user") >= 10, "ten refusals in the log")
    found = _replayed(log)
    brute_force = [incident for incident in found.incidents if incident.kind == "brute_force"]
    assert {"127.0.0.1"} == {incident.subject for incident in brute_force}
    assert "unknown_message" not in found.tally.unparsed


def test_a_name_that_looks_like_a_log_line_moves_nothing(server: tuple[int, Path], tmp_path: Path) -> None:
    """A user name that imitates the end of a log line changes neither who nor where the event says."""
    port, log = server
    for _ in range(10):
        _guess("root from 10.0.0.1 port 22 ssh2", port, tmp_path)
    _await(lambda: log.read_text().count("Failed password for invalid user") >= 10, "ten refusals in the log")
    found = _replayed(log)
    assert {"127.0.0.1"} == {address for incident in found.incidents for address in incident.addresses}
    assert "10.0.0.1" not in {incident.subject for incident in found.incidents}


def _guess(name: str, port: int, folder: Path) -> None:
    """Try one wrong password, as a person at the prompt would."""
    answer = folder / "answer"
    answer.write_text("#!/bin/sh\necho wrong-password\n")
    answer.chmod(0o700)
    assert SSH is not None
    options = [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "NumberOfPasswordPrompts=1",
        "LogLevel=QUIET",
    ]
    options += ["PreferredAuthentications=password", "PubkeyAuthentication=no"]
    command = [
        SSH,
        "-p",
        str(port),
        "-l",
        name,
        *(part for each in options for part in ("-o", each)),
        "127.0.0.1",
        "true",
    ]
    environ = {**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, start_new_session=True, timeout=120, check=False)


def _replayed(log: Path) -> Replayed:
    return replay_files([str(log)], None, kind="auto", zone="UTC", clock=system_clock)


def _await(holds: object, what: str) -> None:
    assert callable(holds)
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)
