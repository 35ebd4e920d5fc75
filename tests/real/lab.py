"""Debian's servers on a machine of their own: packages unpacked over a minimal Debian, in namespaces, with any address.

Nothing is installed and no service is booted. The packages are unpacked once, into the cache; a lab is that folder over
the minimal Debian of the guests, below a layer in memory. Its network is its own loopback interface, to which all of
203.0.113.0/24 and 2001:db8::/64 belong: a client comes from whatever address it likes, and one that asks at an address
from 203.0.113.10 to 60 comes from there. Everything in it dies with its first process.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from real import debian

PROGRAMS = ("apt-get", "dpkg-deb", "debootstrap", "unshare", "nsenter", "ip")
GROUPS = (
    (
        *("dovecot-imapd", "dovecot-pop3d", "dovecot-submissiond", "postfix", "vsftpd", "nginx-light", "apache2"),
        *("apache2-utils", "lighttpd", "haproxy", "mariadb-server", "postgresql", "slapd", "ldap-utils", "freeradius"),
        *("freeradius-utils", "redis-server", "samba", "smbclient", "cron", "openvpn", "caddy", "auditd"),
    ),
    ("proftpd-core",),
    ("pure-ftpd",),
    ("exim4-daemon-light",),
)
"""What is unpacked; packages of different groups may conflict."""

USERS = ("dovecot", "dovenull", "vmail", "postfix", "mysql", "postgres", "openldap", "freerad", "Debian-exim", "redis")
CLONE_NEWNET = 0x40000000
PATIENCE = 60.0

# The layers, then what programs expect of a machine. Its last act is to wait for its standard input to end.
START = """
set -e
mount -t tmpfs none {top}
mkdir {top}/upper {top}/work {top}/root
mount -t overlay none -o lowerdir={layers},upperdir={top}/upper,workdir={top}/work {top}/root
cd {top}/root
mount -t proc none proc
mount -t tmpfs none dev -o mode=755
mount -t tmpfs none run -o mode=755
mkdir dev/shm dev/pts run/sshd run/lock; chmod 1777 dev/shm tmp run/lock
mount -t devpts none dev/pts -o newinstance,ptmxmode=0666,mode=620; ln -s pts/ptmx dev/ptmx
for name in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 dev/${{name%:*}} c 1 ${{name#*:}}; done
mknod -m 666 dev/tty c 5 0
mkdir -p {top}/files files; mount --bind {files} files
ip link set lo up
ip addr add 203.0.113.1/24 dev lo
seq 10 60 | sed 's#.*#addr add 203.0.113.&/32 dev lo#' | ip -batch -
hostname lab; printf '127.0.0.1 localhost lab\\n' > etc/hosts
ip addr add 2001:db8::1/64 dev lo nodad
exec chroot . /usr/sbin/rsyslogd -n -f /files/rsyslog.conf
"""
RSYSLOG = """
module(load="imuxsock" SysSock.RateLimit.Interval="0")
template(name="line" type="string" string="%TIMESTAMP% lab %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\\n")
action(type="omfile" file="/files/syslog" template="line" fileCreateMode="0644")
"""


class Lab:
    """A running machine."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.files = folder
        """A folder of the test that the machine sees as `/files`."""
        self._process = process

    def run(self, command: str, seconds: float = 120, typed: str = "") -> str:
        """Run a command of the shell as root, and return all it says; fails where it does."""
        done = self.tried(command, seconds, typed)
        assert 0 == done.returncode, f"{command}: {done.stdout}"
        return done.stdout

    def tried(self, command: str, seconds: float = 120, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the shell as root, however it ends."""
        return subprocess.run(
            self._inside(command),
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            start_new_session=True,
        )

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start a server that stays in the foreground; what it says goes to `output` among the files.

        It has a session of its own: a server that ends may end its process group, which would be the tests' too.
        """
        with (self.files / "output").open("ab") as output:
            return subprocess.Popen(
                self._inside(f"exec {command}"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self, server: subprocess.Popen[bytes]) -> None:
        """Have a server end in order, so that it writes what it has not written yet."""
        self.run(f"kill -TERM {self._inner(server.pid)}")
        server.wait(PATIENCE)

    def _inner(self, process: int) -> str:
        """Return how the machine numbers the process that nsenter has become."""
        child = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        status = Path(f"/proc/{(child or [str(process)])[0]}/status").read_text()
        return next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:"))

    def _inside(self, command: str) -> list[str]:
        inside = ["nsenter", f"--target={self._process.pid}", "--mount", "--net", "--ipc", "--uts"]
        inside += [f"--pid=/proc/{self._process.pid}/ns/pid_for_children", f"--root=/proc/{self.first}/root"]
        return [
            *inside,
            "/usr/bin/env",
            "--chdir=/",
            "-i",
            f"PATH={debian.PATH}",
            "HOME=/root",
            "/bin/sh",
            "-c",
            command,
        ]

    @property
    def first(self) -> int:
        """The first process of the machine, as seen from here."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int((children.read_text().split() or ["0"])[0])

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Write one of the files."""
        (self.files / name).parent.mkdir(parents=True, exist_ok=True)
        (self.files / name).write_text(text, encoding="utf-8")
        (self.files / name).chmod(mode)

    def read(self, name: str = "syslog") -> str:
        """Return one of the files, empty where there is none: without a name, what programs sent to syslog."""
        file = self.files / name
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def until(self, is_so: Callable[[], object], what: str) -> None:
        """Ask again and again until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert self._process.poll() is None, f"the machine has ended: {self.read('console')}"
            assert time.monotonic() < deadline, (
                f"waited in vain: {what}\n{self.read()[-2000:]}{self.read('error.log')}{self.read('output')}"
            )
            time.sleep(0.02)

    def until_listens(self, *ports: int) -> None:
        """Return when servers listen on the ports, known by their sockets so that none of them logs a connection."""

        def listens() -> bool:
            lines = Path(f"/proc/{self.first}/net/tcp").read_text() + Path(f"/proc/{self.first}/net/tcp6").read_text()
            return all(f":{port:04X} 0000" in lines for port in ports)

        self.until(listens, f"servers listen on {ports}")

    def until_alone(self, program: str, processes: int = 1) -> None:
        """Return when no process of a server's but its first ones is left, so that all that it had to say is said."""
        self.until(
            lambda: int(self.tried(f"pgrep --count --exact {program}").stdout) <= processes, f"{program} is alone"
        )

    @contextmanager
    def network(self) -> Iterator[None]:
        """Have this thread's sockets belong to the machine's network, for the length of a block."""
        with open("/proc/thread-self/ns/net") as own, open(f"/proc/{self.first}/ns/net") as network:  # noqa: PTH123
            _enter(network.fileno())
            try:
                yield
            finally:
                _enter(own.fileno())

    def at_once(self, function: Callable[..., object], calls: Iterable[tuple[Any, ...]], threads: int = 12) -> None:
        """Call a function in the machine's network with each of the arguments, several at a time."""

        def call(arguments: tuple[Any, ...]) -> None:
            with self.network():
                function(*arguments)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(call, calls))

    def syslog(self) -> str:
        """Return what programs sent to syslog up to now."""
        self.run("logger --tag lab the-end")
        self.until(lambda: " lab: the-end" in self.read(), "rsyslog has written everything")
        return self.read()


def _enter(namespace: int) -> None:
    # os.setns is there from Python 3.12 on.
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def a_lab() -> Iterator[Lab]:
    """Run a machine for the length of a block; skips by name what is missing for it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for a machine in namespaces")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} of the Debian packages debootstrap, util-linux, iproute2")
    layers = f"{unpacked()}:{debian.cached_root(debian.SUITE, debian.PACKAGES)}"
    with tempfile.TemporaryDirectory(prefix="credwatch-lab-") as name:
        top, files = Path(name, "top"), Path(name, "files")
        top.mkdir()
        files.mkdir()
        files.chmod(0o755)
        Path(name).chmod(0o755)
        (files / "rsyslog.conf").write_text(RSYSLOG)
        with _a_machine(START.format(top=top, layers=layers, files=files), files) as lab:
            yield lab


@contextmanager
def _a_machine(start: str, files: Path) -> Iterator[Lab]:
    command = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--ipc",
        "--uts",
        "--fork",
        "--kill-child",
        "/bin/sh",
        "-c",
        start,
    ]
    with (files / "console").open("wb") as console:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    lab = Lab(files, process)
    try:
        _await_up(lab, process)
        yield lab
    finally:
        process.kill()
        process.wait()


def _await_up(lab: Lab, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (lab.files / "syslog").exists():
        if process.poll() is not None:
            pytest.skip(f"no machine can be had in namespaces: {lab.read('console').strip()[-200:]}")
        assert time.monotonic() < deadline, lab.read("console")
        time.sleep(0.02)
        if process.poll() is None and lab.first:
            lab.tried("logger --tag lab begin")


def unpacked() -> Path:
    """Return the folder with what the packages hold and need beyond the minimal Debian; made once."""
    base = debian.cached_root(debian.SUITE, debian.PACKAGES)

    def fill(folder: Path) -> None:
        # Some archives still have /lib and /sbin, which are links of the layer below.
        for name in ("bin", "sbin", "lib"):
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")
        with tempfile.TemporaryDirectory() as name:
            for archive in _downloaded(Path(name), base):
                unpack = f"dpkg-deb --fsys-tarfile {archive} | tar --extract --keep-directory-symlink -C {folder}"
                debian.made(["/bin/sh", "-c", unpack], archive.name)
        _add_users(folder, base)

    return debian.cached(f"servers-{sha256(repr((debian.SUITE, GROUPS, USERS)).encode()).hexdigest()[:12]}", fill)


def _downloaded(folder: Path, base: Path) -> list[Path]:
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "sources").write_text(f"deb [signed-by={keys}] {debian.mirror()} {debian.SUITE} main\n")
    options = {
        "Dir::State::status": base / "var/lib/dpkg/status",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::Etc::sourcelist": folder / "sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Install-Recommends": "no",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    debian.made([*apt, "update"], "the list of packages")
    for group in GROUPS:
        debian.made([*apt, "--yes", "--download-only", "install", *group], ", ".join(group))
    return sorted((folder / "archives").glob("*.deb"))


def _add_users(folder: Path, base: Path) -> None:
    (folder / "etc").mkdir(exist_ok=True)
    for file, line in (("passwd", "{0}:x:{1}:{1}::/var/lib/{0}:/usr/sbin/nologin\n"), ("group", "{0}:x:{1}:\n")):
        more = [line.format(name, 900 + number) for number, name in enumerate(USERS)]
        text = (base / "etc" / file).read_text() + "".join(more)
        (folder / "etc" / file).write_text(text + ("postdrop:x:890:\n" if file == "group" else ""))
