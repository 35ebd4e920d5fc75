"""Knows the file systems that tell of no changes, and asks one of another machine whether it answers.

What is mounted where is read from `/proc/self/mountinfo` (proc(5)), which asks no file system: to ask one whose server
is dead holds up whoever asks, for as long as it is dead.
"""

from __future__ import annotations

import glob
import os
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from credwatch.sources.file.matching import fixed_folder

_MOUNTS = Path("/proc/self/mountinfo")

_REMOTE = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "smb3", "smbfs", "vboxsf", "virtiofs"),
    )
)
"""Others change their files, and inotify(7) tells nothing of that."""

_RENUMBERING = frozenset(("overlay", "cifs", "smb3", "smbfs", "vboxsf", "9p", "fuse"))
"""Their inode numbers may change while a file stays the same."""

ANSWER_SECONDS = 5.0
"""A file system that has not answered by then is taken for dead, until it answers."""

_ASKING: dict[str, threading.Thread] = {}
"""Who asked last, by folder."""

_MOST_LINKS = 40
"""A path with more links than this leads nowhere, as with the kernel (path_resolution(7))."""


class Mount(Struct, frozen=True):
    """What is mounted somewhere."""

    point: str
    """The folder where it is mounted."""
    kind: str
    """The file system's type, such as nfs4."""

    @property
    def is_remote(self) -> bool:
        """Tell whether nobody tells of changes in it, and asking it may take for ever."""
        return self.kind in _REMOTE or self.kind.startswith("fuse.")

    @property
    def renumbers(self) -> bool:
        """Tell whether a file may come by another inode number."""
        return self.kind in _RENUMBERING or self.kind.startswith("fuse.")


def mounts() -> list[Mount]:
    """List what is mounted, later mounts behind earlier ones; none where the kernel does not say."""
    listed = []
    with suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            before, _, behind = line.partition(" - ")
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split(" ")[4])
            listed.append(Mount(point, behind.split(" ")[0]))
    return listed


def mounts_of(patterns: Iterable[str], listed: Sequence[Mount]) -> list[Mount]:
    """List the mounts that the files of some paths and globs may be in."""
    places: dict[Mount, None] = {}
    for folder, is_glob in {(fixed_folder(pattern), glob.has_magic(pattern)) for pattern in patterns}:
        place = _resolved(str(folder), listed)
        below = [mount for mount in listed if is_glob and _lies_in(mount.point, place)]
        places |= dict.fromkeys([_mount_at(place, listed), *below])
    return sorted(places, key=lambda mount: mount.point)


def remote_of(patterns: Iterable[str]) -> list[Mount]:
    """List those of the mounts that files may be in which tell of no changes."""
    return [mount for mount in mounts_of(patterns, mounts()) if mount.is_remote]


def answers(folder: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Ask a file system for the status of a folder, and tell whether it says anything within some seconds.

    Where it does not, the thread that asked is left behind until it is answered, for nothing can call it back; until
    then nobody else asks.
    """
    thread = _ASKING.get(folder)
    if thread is not None and thread.is_alive():
        return False
    thread = _ASKING[folder] = threading.Thread(target=_ask, args=(folder,), name="file-system", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def silent_mounts(patterns: Iterable[str]) -> list[Mount]:
    """List those of the remote mounts that do not answer now."""
    return [mount for mount in remote_of(patterns) if not answers(mount.point)]


def _ask(folder: str) -> None:
    with suppress(OSError):
        os.stat(folder)  # noqa: PTH116


def _mount_at(path: str, listed: Sequence[Mount]) -> Mount:
    within = [mount for mount in listed if _lies_in(path, mount.point)]
    return max(reversed(within), key=lambda mount: len(mount.point), default=Mount("/", ""))


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _resolved(path: str, listed: Sequence[Mount]) -> str:
    """Follow the links of a path as far as that asks no remote file system."""
    done, left = "/", path.split("/")
    links = 0
    while left:
        part = left.pop(0)
        if _mount_at(done, listed).is_remote:
            return os.path.normpath(os.path.join(done, part, *left))  # noqa: PTH118
        candidate = os.path.normpath(os.path.join(done, part))  # noqa: PTH118
        if links < _MOST_LINKS and not _mount_at(candidate, listed).is_remote and os.path.islink(candidate):  # noqa: PTH114
            links += 1
            target = os.path.join(done, os.readlink(candidate))  # noqa: PTH115, PTH118
            done, left = "/", [*target.split("/"), *left]
        else:
            done = candidate
    return done
