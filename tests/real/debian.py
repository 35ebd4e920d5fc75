"""A Debian of its own, booted with its systemd: the root is made once and cached, each guest is a copy of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "credwatch-tests"
PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter")
SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "sshpass", "rsyslog"),
    *("python3", "python3-venv", "make"),
    *("sudo", "opendoas", "busybox-static", "dropbear-bin"),
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 90.0
_REBOOT = 133
"""How systemd-nspawn ends where the guest asks for a reboot."""


class Guest:
    """A booted Debian whose network is its own loopback interface alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Boot it, and return when every service has started; skips where the machine can boot none."""
        self._start()
        try:
            self.await_up()
        except AssertionError:
            if self._nspawn is None or self._nspawn.poll() is None:
                raise
            pytest.skip(f"systemd-nspawn cannot boot here: {self.console().strip()[-200:]}")

    def _start(self) -> None:
        command = ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--console=pipe"]
        command += ["--private-network", "--register=no", "--keep-unit", f"--machine=credwatch-{os.getpid()}"]
        with (self.root.parent / "console.log").open("wb") as console:
            self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)

    def await_up(self) -> None:
        """Return when every service of the guest has started."""
        self.until(lambda: self.tried("systemctl", "is-system-running").stdout.strip() == "running", "the guest runs")

    def run(self, *command: str) -> str:
        """Run a program as root in the guest, and return what it says; fails where it does."""
        done = self.tried(*command)
        assert 0 == done.returncode, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def tried(self, *command: str, seconds: float = 600, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as root in the guest, however it ends; it reads `typed`."""
        inside = ["nsenter", f"--target={self._leader()}", "--all", "--", "/usr/bin/env", "-i", f"PATH={PATH}"]
        return subprocess.run(
            [*inside, "HOME=/root", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            input=typed,
        )

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the guest."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def read(self, path: str) -> str:
        """Return a file of the guest, empty where there is none."""
        file = self.root / path.lstrip("/")
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def reboot(self) -> None:
        """Have it shut down in order and boot again."""
        assert self._nspawn is not None
        self.tried("systemctl", "reboot")
        # With --keep-unit it is left to whoever began it to begin it again, as a service manager would.
        assert _REBOOT == self._nspawn.wait(PATIENCE), self.console()
        self._start()
        self.await_up()

    def until(
        self, is_so: Callable[[], object], what: str, otherwise: Callable[[Guest], str] = lambda _guest: ""
    ) -> None:
        """Ask again and again until it is so; `otherwise` says more where it never is."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            ended = self._nspawn is None or self._nspawn.poll() is not None
            assert not ended, f"the guest has ended: {self.console()}"
            assert time.monotonic() < deadline, f"waited in vain: {what}\n{otherwise(self)}{self.console()[-2000:]}"
            time.sleep(0.3)

    def console(self) -> str:
        """Return what the guest has said on its console."""
        return (self.root.parent / "console.log").read_text(errors="replace")

    def end(self) -> None:
        """Shut it down, at once where it will not."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            return
        self.tried("systemctl", "poweroff")
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(30)

    def _leader(self) -> int:
        """Return the process that is the guest's init, 0 while there is none."""
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        try:
            return int((children.read_text().split() or ["0"])[0])
        except OSError:
            return 0


@contextmanager
def a_guest(folder: Path, suite: str = SUITE, packages: tuple[str, ...] = PACKAGES) -> Iterator[Guest]:
    """Boot a Debian for the length of a block; skips by name what is missing for it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to boot a Debian")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} of the Debian packages debootstrap, systemd-container, util-linux")
    guest = Guest(folder / "root")
    subprocess.run(["cp", "-a", "--reflink=auto", cached_root(suite, packages), guest.root], check=True)
    try:
        guest.boot()
        yield guest
    finally:
        guest.end()
        shutil.rmtree(guest.root, ignore_errors=True)


def wheels() -> Path:
    """Return a folder with everything that requirements.lock names, for the guest's Python; made once."""
    lock = TOP / "requirements.lock"

    def fill(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", f"--requirement={lock}"]
        made([*command, "--only-binary=:all:", "--python-version=3.11", f"--dest={folder}"], "the wheels")

    return cached(f"wheels-{sha256(lock.read_bytes()).hexdigest()[:12]}", fill)


def libraries(version: str) -> Path:
    """Return a folder with the libraries of requirements.lock, unpacked for a Python of the guest; made once."""
    lock = TOP / "requirements.lock"

    def fill(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", f"--requirement={lock}"]
        options = ["--no-deps", "--only-binary=:all:", f"--python-version={version}", f"--target={folder}"]
        made([*command, *options], "the libraries")

    return cached(f"libraries-{version}-{sha256(lock.read_bytes()).hexdigest()[:12]}", fill)


def cached_root(suite: str, packages: tuple[str, ...]) -> Path:
    """Return the root that guests are copies of: minimal, with what the test needs, from apt's own mirror."""

    def fill(folder: Path) -> None:
        options = ["--variant=minbase", f"--include={','.join(packages)}"]
        made(["debootstrap", *options, suite, str(folder), mirror()], "a Debian")

    return cached(f"debian-{suite}-{sha256(repr(packages).encode()).hexdigest()[:12]}", fill)


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, which is filled where it is not there; one test at a time, and all or nothing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, unfinished = CACHE / name, CACHE / f"{name}.unfinished"
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o755)
            fill(unfinished)
            unfinished.rename(folder)
        return folder


def mirror() -> str:
    """Return where apt takes Debian from on this machine."""
    asked = ["apt-get", "indextargets", "--format", "$(LABEL) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    places = [line.split()[2] for line in told.splitlines() if line.split()[:2] == ["Debian", "main"]]
    if not places:
        pytest.skip("needs a mirror of Debian among apt's sources")
    return places[0]


def made(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        pytest.skip(f"{what} cannot be had: {(done.stderr or done.stdout).strip()[-200:]}")
