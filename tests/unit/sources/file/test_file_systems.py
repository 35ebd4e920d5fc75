"""Holds file systems of other machines to being polled at a bounded rate, and dead ones to holding up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credwatch.app.sharing import shared_files
from credwatch.checks.followable import polling_of, source_problems
from credwatch.kernel.errors import SourceError
from credwatch.sources.file import mounts
from credwatch.sources.file.mounts import Mount, mounts_of, remote_of, silent_mounts
from credwatch.sources.file.source import FileOptions, FileSource, sweep_pause
from credwatch.sources.interface import Source
from credwatch.sources.options import FileSourceOptions
from credwatch.sources.registry import open_source
from dead_file_system import dead
from unit.sources.followed import NOW, Reader, Seconds, append

PATIENCE = 60.0


def _opened(paths: str, wake: Callable[[], None] = lambda: None, **more: object) -> Source:
    options = FileSourceOptions.model_validate({"id": "far", "paths": (paths,), "read_from": "start"} | more)
    return open_source(options, {}, clock=lambda: NOW, wake=wake, intakes={})


def _read_on(source: Source) -> None:
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        assert source.read(4096) is None
        time.sleep(0.05)


def test_mounts_are_read_as_the_kernel_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the mounts below and above a glob those count that its files may be in, behind links and blanks too."""
    far = tmp_path / "far away"
    (far / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(far)
    listing = tmp_path / "mountinfo"
    escaped = str(far).replace(" ", "\\040")
    listing.write_text(
        "26 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        f"27 26 0:31 / {escaped} rw - nfs4 server:/x rw\n"
        f"28 27 0:32 / {escaped}/deep rw master:1 - fuse.sshfs x rw\n"
    )
    monkeypatch.setattr(mounts, "_MOUNTS", listing)
    nfs, sshfs = Mount(str(far), "nfs4"), Mount(f"{far}/deep", "fuse.sshfs")
    assert [nfs] == remote_of([f"{far}/a.log"])
    assert [nfs, sshfs] == remote_of([f"{far}/**/a.log"])
    assert [nfs, sshfs] == remote_of([f"{tmp_path}/link/*.log"])
    assert [] == remote_of(["/var/log/*.log"])
    assert (False, True) == (nfs.renumbers, sshfs.renumbers)


def test_without_a_list_nothing_is_remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not say what is mounted, files are followed as those of this machine."""
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "none")
    assert [Mount("/", "")] == mounts_of(["/var/log/*.log"], mounts.mounts())


@pytest.mark.parametrize(("files", "seconds", "pause"), [(1, 0, 1), (10_000, 0.2, 10), (10, 0.5, 10), (10, 100, 60)])
def test_the_rate_follows_from_what_a_look_costs(files: int, seconds: float, pause: float) -> None:
    """A few files are looked at each second; many, or slow ones, in a twentieth of the time, and within a minute."""
    assert pause == sweep_pause(files, seconds)


def test_what_is_polled_is_looked_at_at_that_rate(tmp_path: Path) -> None:
    """No thread watches, and what was written is read when the next look is due, not before."""
    log = tmp_path / "a.log"
    append(log, "1\n")
    seconds = Seconds()
    options = FileOptions("far", (str(log),), "start", polls=True)
    threads = threading.active_count()
    reader = Reader(FileSource(options, {}, clock=lambda: NOW, wake=lambda: None, monotonic=seconds))
    assert [b"1"] == reader.drain()
    assert threads == threading.active_count()
    seconds.now += 1
    reader.drain()
    append(log, "2\n")
    assert [] == reader.drain()
    seconds.now += 1
    assert [b"2"] == reader.drain()


@pytest.mark.parametrize("is_parked", [True, False])
def test_a_file_with_another_number_is_the_same(tmp_path: Path, *, is_parked: bool) -> None:
    """Where a file system numbers a file anew, it is gone on with, also within a torn line, and no rotation counts."""
    log = tmp_path / "a.log"
    append(log, "1\n2")
    options = FileOptions("far", (str(log),), "start", 0, polls=True, renumbers=True)
    seconds = Seconds()
    source = FileSource(options, {}, clock=lambda: NOW, wake=lambda: None, monotonic=seconds)
    reader = Reader(source)
    reader.drain()
    if is_parked:
        next(iter(source._files.values())).park()
    copy = tmp_path / "copy"
    copy.write_bytes(log.read_bytes() + b"2\n3\n")
    copy.rename(log)
    seconds.now += 1
    reader.drain()
    assert [b"1", b"22", b"3"] == reader.lines
    assert (0, 0, 0) == (source.tally.rotations, source.tally.truncations, source.tally.vanished)


@pytest.mark.real
def test_a_dead_file_system_holds_up_nobody(tmp_path: Path) -> None:
    """A source on it says within seconds that it is down, has one thread however often it is opened, and is found."""
    folder = tmp_path / "far"
    folder.mkdir()
    with dead(folder):
        began = time.monotonic()
        source = _opened(f"{folder}/*.log")
        with pytest.raises(SourceError, match="does not answer"):
            _read_on(source)
        assert ["the file system does not answer"] == [problem.message for problem in source.problems()]
        source.close()
        for _ in range(3):
            again = _opened(f"{folder}/*.log")
            again.read(4096)
            again.close()
        assert 1 == sum(thread.name == "apart-far" for thread in threading.enumerate())
        options = FileSourceOptions(id="far", paths=(f"{folder}/*.log",))
        (problem,) = source_problems([options])
        assert f"{folder} (fuse) does not answer" in problem.message
        assert [f"polled: fuse at {folder} tells of no changes, and does not answer now"] == polling_of(options)
        assert [] == shared_files([options, FileSourceOptions(id="two", paths=options.paths)])
        assert time.monotonic() - began < PATIENCE
    assert [] == silent_mounts([f"{folder}/*.log"])


def test_an_apart_source_goes_on_when_it_is_answered(tmp_path: Path) -> None:
    """What is set to be polled is read in a thread apart, keeps its cursors, and says what it cannot read."""
    log = tmp_path / "a.log"
    append(log, "1\n2\n")
    source = _opened(str(log), watch="poll")
    reader = Reader(source)
    began = time.monotonic()
    while (len(reader.lines) < 2 or source.lag()) and time.monotonic() - began < PATIENCE:
        reader.drain()
    assert [b"1", b"2"] == reader.lines
    assert {str(log)} == set(reader.cursors)
    chunk = reader.chunks[-1]
    assert 2 == source.cursor_at(chunk, 2)["offset"]
    assert ([], 0, False) == (source.problems(), source.lag(), source.finished)
    source.close()
    assert ["polled: the settings say so; its files (1) are looked at every 1 s"] == polling_of(
        FileSourceOptions(id="far", paths=(str(log),), watch="poll")
    )
