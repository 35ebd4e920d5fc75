"""What a corpus of breached passwords costs: its making, its length, and a look-up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from bench.figures import Figure, at_least, at_most
from bench.programs import KIB_IN_MIB, apart, talk

_LOOK_UPS = 20_000


def corpus(folder: Path, rows: int, repeat: int) -> Iterator[Figure]:
    """Build a corpus of generated hashes in a process of its own, and look up what is there and what is not."""
    talk(f"building a corpus of {rows:,} hashes, and looking up in it")
    folder.mkdir()
    source, target = folder / "pwned.txt", folder / "corpus"
    apart(write_hashes, source, rows)
    seconds, peak_kib = apart(_built, source, target)
    yield at_least(170_000, "corpus: hashes built in 1 s", rows / seconds, "rows/s")
    yield at_most(1024, "corpus: peak memory of building", peak_kib / KIB_IN_MIB, "MiB")
    index = 4 << 20
    yield at_most(6, "corpus: bytes a row beside the index", (target.stat().st_size - index) / rows, "bytes")
    yield at_most(10, "corpus: a look-up, with its SHA-1", min(_looked_up(target) for _ in range(repeat)), "µs")


def write_hashes(path: Path, rows: int) -> None:
    """Write so many different hashes in order, evenly over all ranges, each seen one to nine times."""
    chance = random.Random(17)
    step = (1 << 160) // rows
    with path.open("w", encoding="ascii", newline="\r\n") as file:
        for place in range(rows):
            file.write(f"{place * step + chance.randrange(step):040X}:{chance.randrange(1, 10)}\n")


def _built(source: Path, target: Path) -> tuple[float, int]:
    """Return how many seconds it took, and the most memory in KiB."""
    import resource

    from credwatch.policy.corpus.building import build_corpus
    from credwatch.policy.corpus.ranges import ranges_at

    began = perf_counter()
    build_corpus(ranges_at(source), target)
    return perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _looked_up(target: Path) -> float:
    """Return how many microseconds one password takes."""
    from credwatch.policy.corpus.corpus import Corpus

    with Corpus(target) as opened:
        began = perf_counter()
        for number in range(_LOOK_UPS):
            opened.holds_password(f"giraffe {number}")
        return (perf_counter() - began) / _LOOK_UPS * 1e6
