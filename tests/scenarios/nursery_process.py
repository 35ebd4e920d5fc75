"""The process that lives of the daemon are forked from: `python nursery_process.py`, asked by lines of JSON.

It imports what the daemon imports and reads what comes with it once, which is most of what a start takes, and never
starts a thread: a fork has only the thread that forks, so a lock that another held would be held for ever in the
child. polars starts one as it is imported, which sleeps until a spilled frame is to be deleted, and none of ours is.
Its pools start with the first frame, so that nothing here makes one; each start is refused where they have.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import alembic.command  # noqa: F401  # for the lives
import polars as pl

import credwatch.telemetry.logs  # noqa: F401  # for the lives
from credwatch.app import build, keys
from credwatch.app.settings import Settings, load_settings
from credwatch.detect import engine
from credwatch.detect.plan import plan_for
from credwatch.detect.select.selecting import Selection
from credwatch.rules.model import EventRule
from credwatch.rules.packs import packs
from credwatch.rules.sigma import patterns
from credwatch.service import supervisor
from credwatch.store.database import Database

_PR_SET_PDEATHSIG = 1
_ALONE = "polars-ooc-clea"
"""The name, as long as the kernel keeps it, of the only thread that may sleep beside ours."""

_WARM: set[tuple[tuple[str, int], ...]] = set()
"""How the files of settings looked that were read: names and times of change."""

_CHECKS = (packs.pack_problems, patterns.pl)
_read_rules = build.read_rules


def _of_no_frame(_values: object) -> Any:
    return SimpleNamespace(str=SimpleNamespace(contains=lambda _pattern: None))


_UNCHECKED = (lambda _pack: (), SimpleNamespace(Series=_of_no_frame, exceptions=pl.exceptions))
"""Whether an expression compiles polars would be asked, with a frame; the lives that start by exec ask it."""


class Memory:
    """What was read once: rules by all that they follow from, and how they select, by the rules."""

    def __init__(self) -> None:
        self._rules: dict[str, Any] = {}
        self._selections: dict[tuple[int, ...], tuple[tuple[EventRule, ...], Selection]] = {}

    def read_rules(self, paths: Iterable[Path], *further: Any) -> Any:
        """Read rules as the product does, or give what files of the same names and words gave before.

        A rule may then say that it stands in the folder of another site, which no life that is forked is asked about.
        """
        read = hashlib.sha256(repr(further).encode())
        files = [path for folder in paths for path in sorted(folder.rglob("*") if folder.is_dir() else [folder])]
        for path in files:
            if path.is_file():
                read.update(path.name.encode() + b"\0" + path.read_bytes())
        key = read.hexdigest()
        if key not in self._rules:
            self._rules[key] = _read_rules(paths, *further)
        return self._rules[key]

    def selection(self, rules: Iterable[EventRule]) -> Selection:
        """Compile the conditions of rules, once for the same rules."""
        kept = tuple(rules)
        key = tuple(map(id, kept))
        if key not in self._selections:
            self._selections[key] = (kept, Selection(kept))
        return self._selections[key][1]


def main() -> None:
    """Answer requests until nobody can ask any more; the lives end with this process."""
    memory = Memory()
    build.read_rules, engine.Selection = memory.read_rules, memory.selection  # type: ignore[assignment, misc]
    supervisor.migrate_apart = _migrated
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _answered(request)
        except Exception as error:  # noqa: BLE001  # whoever asks has to know
            answer = {"error": repr(error)}
        if (live := answer.pop("live", None)) is not None:
            live()
            return  # a child that has lived
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _migrated(database: Database) -> None:
    """Bring a store to the present schema, with the library that is imported here already."""
    if not database.is_current():
        database.migrate()


def _answered(request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "start":
        _warm(Path(request["config"]))
        return _born(request)
    pid, status = os.waitpid(request["process"], os.WNOHANG)
    return {"code": os.waitstatus_to_exitcode(status) if pid else None}


def _warm(config: Path) -> None:
    """Read what a life on these settings will read, where it was not read before; the life says what is wrong."""
    files = [path for name in ("rules", "registers") for path in sorted((config.parent / name).glob("*"))]
    looks = tuple((str(path), path.stat().st_mtime_ns) for path in [config, *files] if path.exists())
    if looks in _WARM:
        return
    _WARM.add(looks)
    packs.pack_problems, patterns.pl = _UNCHECKED  # type: ignore[assignment]
    try:
        settings = load_settings(config)
        knowledge = build.build_knowledge(_shipped_packs_only(settings), notice_key=keys.notice_key(settings))
        engine.Selection(plan_for(knowledge.rules, lateness_us=knowledge.lateness_us).rules.events)
    except Exception:  # noqa: BLE001  # whatever is wrong with them
        pass
    finally:
        packs.pack_problems, patterns.pl = _CHECKS  # type: ignore[assignment]
    gc.collect()
    gc.freeze()  # what is here stays: a child need not look at it, which would copy its pages


def _shipped_packs_only(settings: Settings) -> Settings:
    """Leave out the operator's packs, which nobody has checked before."""
    return settings.model_copy(update={"daemon": settings.daemon.model_copy(update={"packs_directories": ()})})


def threads_that_a_fork_loses() -> list[str]:
    """Name the threads beside the one that asks, but for the one that may sleep."""
    tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != str(threading.get_native_id())]
    return [name for task in tasks if (name := (task / "comm").read_text().strip()) != _ALONE]


def _born(request: dict[str, Any]) -> dict[str, Any]:
    """Fork a life; the child is given what it has to do."""
    if lost := threads_that_a_fork_loses():
        raise RuntimeError(f"threads run that a fork would lose: {lost}")
    nursery = os.getpid()
    output = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    process = os.fork()
    if process:
        os.close(output)
        return {"process": process}
    return {"live": lambda: _live(request, nursery, output)}


def _live(request: dict[str, Any], nursery: int, output: int) -> None:
    """Be what the program says, a daemon; ends by SIGKILL with the process that has forked it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != nursery:
        return
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["-c", request["config"]]
    exec(compile(request["program"], "<program>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
