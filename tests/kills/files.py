"""Log files: half lines, and rotation in every way that logrotate knows."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from kills.numbered import ATTACKED
from scenarios.daemon import Site, await_

_LOGS = 6
_PAUSE = 0.02
_KEPT = 12


class FileDriver:
    """Writes into several logs that one source follows."""

    loses = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "many"
        self._folder.mkdir()
        self._site: Site | None = None

    def settings(self) -> str:
        """Follow all logs of a folder."""
        return f'[[source]]\nid = "file"\npaths = ["{self._folder}/*.log"]\nformat = "syslog"\nread_from = "start"\n'

    def furnished(self, site: Site) -> None:
        """Look into its store for what was read."""
        self._site = site

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Write each line into some log, one in eight in two pieces."""
        for line in lines:
            path = self._folder / "host0.log" if ATTACKED in line else self._some(chance)
            with path.open("ab", buffering=0) as log:
                half = len(line) // 2 if chance.random() < 0.12 else len(line)
                log.write(line[:half].encode())
                if half < len(line):
                    time.sleep(chance.random() * _PAUSE)
                log.write(f"{line[half:]}\n".encode())

    def disturb(self, chance: random.Random) -> None:
        """Rotate a log, with or without packing it; copy and truncate it; or truncate what was read."""
        log = self._some(chance)
        if not log.exists():
            return
        chance.choice((self._rotate, self._rotate_and_pack, self._copy_and_truncate, self._truncate))(log)

    def close(self) -> None:
        """Leave the files."""

    def _some(self, chance: random.Random) -> Path:
        return self._folder / f"host{chance.randrange(_LOGS)}.log"

    def _rotate(self, log: Path) -> None:
        self._make_room(log)
        log.rename(log.with_name(f"{log.name}.1"))
        log.touch()

    def _rotate_and_pack(self, log: Path) -> None:
        """Pack what was rotated at once, as logrotate does without `delaycompress`."""
        self._rotate(log)
        rotated = log.with_name(f"{log.name}.1")
        time.sleep(_PAUSE)
        with rotated.open("rb") as plain, gzip.open(f"{rotated}.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        shutil.copystat(rotated, f"{rotated}.gz")
        rotated.unlink()

    def _copy_and_truncate(self, log: Path) -> None:
        """Copy, then truncate, while nobody writes; what nobody has read a line of is not known again in its copy."""
        self._await_read(log, 1)
        self._make_room(log)
        shutil.copy2(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)

    def _truncate(self, log: Path) -> None:
        """Begin a log anew, once all of it was read: what was not would be gone by the writer's will."""
        self._await_read(log, log.stat().st_size)
        os.truncate(log, 0)

    def _make_room(self, log: Path) -> None:
        for number in range(_KEPT, 0, -1):
            for ending in ("", ".gz"):
                older = log.with_name(f"{log.name}.{number}{ending}")
                if older.exists():
                    older.rename(log.with_name(f"{log.name}.{number + 1}{ending}"))

    def _await_read(self, log: Path, size: int) -> None:
        site = self._site
        assert site is not None
        await_(lambda: site.offset(log) >= min(size, log.stat().st_size), what=f"{size} bytes of {log.name} are read")
