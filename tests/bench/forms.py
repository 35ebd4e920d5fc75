"""The same logins in several forms, so that what a form costs can be told from what the logins do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

_LINES_A_SECOND = 200
_FAILURES = 0.75


def write_forms(folder: Path, lines: int, seed: int = 1) -> dict[str, Path]:
    """Write so many logins as `syslog`, as `json`, with names like `secret`s, as `unparsed` lines, and as `events`.

    Three in four fail: sixty strangers guess at a time, each from an address of its own, 300 times; then others come.
    Who succeeds is one of 200 people. What is unparsed is of a program that no pack knows; events are what rules see.
    Returns the log of each form.
    """
    chance = np.random.default_rng(seed)
    number = np.arange(lines)
    logins = pl.DataFrame(
        {
            "at": number // _LINES_A_SECOND,
            "fails": chance.random(lines) < _FAILURES,
            "guessed": chance.integers(0, 600, lines),
            "stranger": number // (60 * 300) * 60 + chance.integers(0, 60, lines),
            "person": chance.integers(0, 200, lines),
            "number": number,
        }
    )
    logs = {name: folder / f"{name}.log" for name in ("syslog", "json", "secret", "unparsed", "events")}
    for form, log in logs.items():
        logins.select(_form(form)).write_csv(log, include_header=False, quote_style="never")
    return logs


def write_small(folder: Path, files: int, lines: int) -> list[Path]:
    """Write so many small logs of so many lines each, each from a host of its own; return them."""
    folder.mkdir()
    logs = [folder / f"host{number}.log" for number in range(files)]
    for number, log in enumerate(logs):
        log.write_text(
            "".join(
                f"Mar  2 {line % 24:02}:00:00 host{number} sshd[{number}]: Failed password for user{line} "
                f"from 203.0.113.{line % 250} port 40112 ssh2\n"
                for line in range(lines)
            ),
            encoding="ascii",
        )
    return logs


def _form(form: str) -> pl.Expr:
    moment = pl.datetime(2026, 3, 2) + pl.duration(seconds="at")
    stranger = pl.format("20.{}.{}.9", pl.col("stranger") // 250, pl.col("stranger") % 250)
    name = pl.when("fails").then(pl.format("user{}", "guessed")).otherwise(pl.format("nhan.vien{}", "person"))
    address = pl.when("fails").then(stranger).otherwise(pl.format("198.51.100.{}", "person"))
    if form == "json":
        return _as_json(moment.dt.to_string("%Y-%m-%dT%H:%M:%SZ"), name, address)
    if form == "events":
        return _as_event(moment.dt.to_string("%Y-%m-%dT%H:%M:%SZ"), name, address)
    if form == "secret":
        name = pl.when("fails").then(pl.format("invalid user Xk{}!vQ{}zR9", "guessed", "number")).otherwise(name)
    program = "frobnicator" if form == "unparsed" else "sshd"
    result = pl.when("fails").then(pl.lit("Failed")).otherwise(pl.lit("Accepted"))
    stamp = moment.dt.to_string("%b %e %H:%M:%S")
    return pl.format(
        f"{{}} host1 {program}[811]: {{}} password for {{}} from {{}} port 40112 ssh2", stamp, result, name, address
    )


def _as_json(stamp: pl.Expr, name: pl.Expr, address: pl.Expr) -> pl.Expr:
    outcome = pl.when("fails").then(pl.lit("failure")).otherwise(pl.lit("success"))
    texts = (
        '{"schema":"credwatch-app/1","@timestamp":"', stamp, '","event":{"action":"login","outcome":"', outcome,
        '","provider":"shop"},"user":{"name":"', name, '"},"source":{"ip":"', address,
        '","port":40112},"credwatch":{"auth":{"method":"password"}}}',
    )  # fmt: skip
    return _joined(texts)


def _as_event(stamp: pl.Expr, name: pl.Expr, address: pl.Expr) -> pl.Expr:
    outcome = pl.when("fails").then(pl.lit("failure")).otherwise(pl.lit("success"))
    texts = (
        '{"@timestamp":"', stamp, '","event.category":"authentication","event.action":"login","event.outcome":"',
        outcome, '","event.dataset":"openssh","event.provider":"sshd","credwatch.attempt":true,"credwatch.auth.method":'
        '"password","organization.id":"acme","user.name":"', name, '","source.ip":"', address, '","source.port":40112,'
        '"host.name":"host1","process.name":"sshd","process.pid":811}',
    )  # fmt: skip
    return _joined(texts)


def _joined(texts: Sequence[str | pl.Expr]) -> pl.Expr:
    return pl.concat_str([pl.lit(text) if isinstance(text, str) else text for text in texts])
