"""Tells allocators and libraries how this program uses memory and cores: large frames that come and go, long life."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MIB = 1024 * 1024
_MOST_THREADS = 4
_WHILE_STARTING = 1_000_000
_OFTEN = 100_000
"""What a batch makes dies with it by its reference counts; looking for cycles more often is in vain."""


def tune_allocators() -> None:
    """Keep the pages that frames need again with the next batch, and give back at once what merged windows leave.

    To be called before polars and numpy are imported. See `dirty_decay_ms` of jemalloc, which polars uses for frames,
    and mallopt(3): numpy's large arrays are windows, whose room would lie idle until they are merged again.
    """
    gc.set_threshold(_WHILE_STARTING, 50, 100)  # nearly all that a start makes stays
    # One core is for the thread that holds events against rules: it has no use for helpers that wait for one another.
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, min((os.cpu_count() or 1) - 1, _MOST_THREADS))))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's linear algebra is not used; its threads would wait
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:250,muzzy_decay_ms:250")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # none is used; looking for them reads every package
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 2)
        libc.mallopt(_M_MMAP_THRESHOLD, 2 * _MIB)
        libc.mallopt(_M_TRIM_THRESHOLD, 8 * _MIB)


@contextmanager
def left_out(library: str) -> Iterator[None]:
    """Let what is imported here do without a library that it would take where there is one, and keep for life."""
    if library in sys.modules:
        yield
        return
    sys.modules[library] = None  # type: ignore[assignment]  # as the import system marks what cannot be found
    try:
        yield
    finally:
        del sys.modules[library]


def settle() -> None:
    """Begin a long life: give back to the kernel what the start has left free, and look for cycles more often."""
    gc.collect()
    gc.freeze()  # what the start has made stays: nobody need look at it again
    gc.set_threshold(_OFTEN, 50, 100)
    return_free_memory()


def return_free_memory() -> None:
    """Give back to the kernel what is free: batches leave gaps, which the allocator would keep for the next ones."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
