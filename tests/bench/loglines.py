"""Generated logs for the bench: an OpenSSH server under attack, or on a calm day; the same lines for the same seed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

_NAMES = "root admin test oracle postgres ubuntu git deploy nagios guest ftpuser mysql tomcat jenkins www".split()  # noqa: SIM905
_RANKS = 1 / np.arange(1, len(_NAMES) + 1)
_LINES_A_SECOND = 200
_START = datetime(2026, 3, 2, tzinfo=UTC)
_FEWEST_GUESSES, _MOST_GUESSES = 20, 400
_SLICE = 200_000
"""How many logins are put into words at once."""


class Round(Struct, frozen=True):
    """A stretch of a log."""

    lines: int
    """How many lines it has."""
    seconds: float
    """Over how many seconds of event time they are spread."""


def write_log(path: Path, lines: int, *, failures: float, at_once: int = 60, seed: int = 1) -> None:
    """Write a syslog file of about `lines` lines, of whose logins the share `failures` fails.

    `at_once` attackers are busy at any time, each for 20 to 400 guesses from an address of its own, as in real logs;
    then another takes its place; the first names are tried far more often than the last (Zipf).
    Who succeeds is one of 200 people, each with one key. 200 lines fall on a second.
    """
    chance = np.random.default_rng(seed)
    logins = _logins(chance, lines, failures, at_once)
    with path.open("wb") as log:
        for part in logins.iter_slices(_SLICE):
            _write(log, part.select(_stamped(part)))


def write_keys(path: Path, rounds: tuple[Round, ...], *, keys: int, seed: int = 1) -> None:
    """Write failed logins from `keys` addresses, each with an account of its own, which take turns in random order."""
    chance = np.random.default_rng(seed)
    began_us = 0
    with path.open("wb") as log:
        for each in rounds:
            turns = [chance.permutation(keys) for _ in range(-(-each.lines // keys))]
            key = np.concatenate(turns)[: each.lines]
            at = began_us + np.arange(each.lines) * int(each.seconds * 1_000_000) // each.lines
            began_us += int(each.seconds * 1_000_000)
            for begin in range(0, each.lines, _SLICE):
                span = slice(begin, begin + _SLICE)
                _write(log, _failures(chance, key[span], at[span]))


def _logins(chance: np.random.Generator, lines: int, failures: float, at_once: int) -> pl.DataFrame:
    """Draw logins, as many as give that many lines: `kind` is known, invented (a failure of either sort) or work."""
    most = lines // 2 + 1
    fails = chance.random(most) < failures
    attacker = np.full(most, -1)
    attacker[fails] = _attackers(chance, int(fails.sum()), at_once)
    invents = chance.random(most)[attacker] < 0.5
    kind = np.where(fails, np.where(invents, "invented", "known"), "work")
    ends = np.cumsum(np.where(kind == "known", 2, 3))
    second = np.append(0, ends[:-1]) // _LINES_A_SECOND
    count = int(np.searchsorted(ends, lines)) + 1
    drawn = {
        "kind": kind,
        "attacker": attacker,
        "at": second * 1_000_000,
        "host": chance.integers(0, 8, most),
        "pid": chance.integers(300, 99_999, most),
        "port": chance.integers(1024, 65_535, most),
        "name": np.array(_NAMES)[chance.choice(len(_NAMES), most, p=_RANKS / _RANKS.sum())],
        "number": (1 / (1 - chance.random(most))).astype(np.int64) % 40,
        "staff": chance.integers(0, 200, most),
        "desk": chance.integers(1, 250, most),
    }
    return pl.DataFrame(drawn).head(count)


def _attackers(chance: np.random.Generator, guesses: int, at_once: int) -> NDArray[np.int64]:
    """Say which attacker makes each guess; they are numbered in the order of their first ones."""
    place = chance.integers(0, at_once, guesses)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(at_once + 1))
    who = np.empty(guesses, np.int64)
    for here in range(at_once):
        turns = int(starts[here + 1] - starts[here])
        lasts = np.cumsum(chance.integers(_FEWEST_GUESSES, _MOST_GUESSES, turns // _FEWEST_GUESSES + 1))
        turn = np.searchsorted(lasts, np.arange(turns), side="right")
        who[order[starts[here] : starts[here + 1]]] = turn * at_once + here
    _, first, inverse = np.unique(who, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _stamped(logins: pl.DataFrame) -> pl.Expr:
    """Put each login into the two or three lines that sshd writes of it."""
    number, host = pl.col("attacker"), pl.format("srv{}", "host")
    outside = _joined(".", 20 + number % 180, number // 180 % 250, number // 45_000 % 250, number % 199 + 1)
    invented, staff = pl.format("{}{}", "name", "number"), pl.format("nhan.vien{}", "staff")
    inside, user_id = pl.format("198.51.100.{}", "desk"), 1000 + pl.col("pid") % 200
    key = pl.col("staff").cast(pl.String).str.zfill(43)
    sentences = {
        "known": (
            pl.format("Failed password for {} from {} port {} ssh2", "name", outside, "port"),
            pl.format("Received disconnect from {} port {}:11: Bye Bye [preauth]", outside, "port"),
        ),
        "invented": (
            pl.format("Invalid user {} from {} port {}", invented, outside, "port"),
            pl.format("Failed password for invalid user {} from {} port {} ssh2", invented, outside, "port"),
            pl.format("Connection closed by invalid user {} {} port {} [preauth]", invented, outside, "port"),
        ),
        "work": (
            pl.format("Accepted publickey for {} from {} port {} ssh2: ED25519 SHA256:{}", staff, inside, "port", key),
            pl.format("pam_unix(sshd:session): session opened for user {}(uid={}) by {}(uid=0)", staff, user_id, staff),
            pl.format("pam_unix(sshd:session): session closed for user {}", staff),
        ),
    }
    written = pl.lit(None, pl.String)
    for kind, texts in sentences.items():
        both = pl.concat_str([_line(text, host) for text in texts], separator="\n")
        written = pl.when(pl.col("kind") == kind).then(both).otherwise(written)
    return written.alias("lines")


def _failures(chance: np.random.Generator, key: NDArray[np.int64], at_us: NDArray[np.int64]) -> pl.DataFrame:
    drawn = pl.DataFrame(
        {
            "key": key,
            "at": at_us,
            "host": chance.integers(0, 8, len(key)),
            "pid": chance.integers(300, 99_999, len(key)),
            "port": chance.integers(1024, 65_535, len(key)),
        }
    )
    number = pl.col("key")
    address = _joined(".", 20 + number // 65_536, number // 256 % 256, number % 256, pl.lit(9))
    text = pl.format("Failed password for user{} from {} port {} ssh2", number, address, "port")
    return drawn.select(_line(text, pl.format("srv{}", "host")))


def _line(text: pl.Expr, host: pl.Expr) -> pl.Expr:
    moment = pl.lit(_START).dt.replace_time_zone(None) + pl.duration(microseconds="at")
    return pl.format("{} {} sshd[{}]: {}", moment.dt.to_string("%b %e %H:%M:%S"), host, "pid", text)


def _joined(separator: str, *parts: pl.Expr) -> pl.Expr:
    return pl.concat_str([part.cast(pl.String) for part in parts], separator=separator)


def _write(log: IO[bytes], column: pl.DataFrame) -> None:
    column.write_csv(log, include_header=False, quote_style="never")
