"""A file system of which nothing is ever answered, as an NFS server that is gone: FUSE, with nobody behind it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DETACH = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def dead(folder: Path) -> Iterator[None]:
    """Mount it on a folder, and let those who wait for it go at the end; skips where nobody may mount."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        pytest.skip("no FUSE (the kernel's module fuse)")
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if _LIBC.mount(b"dead", os.fsencode(folder), b"fuse", 0, options.encode()):
        os.close(device)
        pytest.skip("nothing may be mounted here (root only)")
    try:
        yield
    finally:
        os.close(device)  # the kernel ends every question that waits
        _LIBC.umount2(os.fsencode(folder), _DETACH)
