"""The lines of several logs that are parsed together.

To parse a few lines costs as much as to parse a thousand, nearly, so the chunks of many small files are put one behind
the other. What depends on neighbours, the time of a line and what `last message repeated` stands for, looks at each log
for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, pairwise

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.parse.stamps.timestamps import Dated, dated


class Logs(Struct, frozen=True):
    """Which rows are of which log: the first so many of the first, and so on."""

    ends: tuple[int, ...]
    """The number of the row behind the last one of each log."""
    references: tuple[datetime, ...]
    """The moment near which the lines of each log end, aware."""
    files: tuple[str, ...] = ()
    """The name of each log; none where nobody knows them."""

    @classmethod
    def of(cls, counts: Sequence[int], references: Sequence[datetime], files: Sequence[str] = ()) -> Logs:
        """Say how many lines each log has."""
        return cls(tuple(accumulate(counts)), tuple(references), tuple(files))

    def among(self, rows: pl.Series) -> Logs:
        """Say the same of some of the rows, whose numbers rise."""
        ends = np.searchsorted(rows.to_numpy(), np.array(self.ends), side="left")
        return Logs(tuple(ends.tolist()), self.references, self.files)

    def of_rows(self) -> pl.Series:
        """Give the number of its log for each row, as the column `log`."""
        counts = np.diff(np.array(self.ends), prepend=0)
        return pl.Series("log", np.repeat(np.arange(len(counts)), counts))


def dated_each(stamps: pl.Series, logs: Logs, *, zone: str) -> Dated:
    """Read the stamps of each log for itself; see `dated`."""
    spans = [*zip(pairwise((0, *logs.ends)), logs.references, strict=True)]
    pieces = [dated(stamps[begin:end], zone=zone, reference=near) for (begin, end), near in spans if end > begin]
    if not pieces:
        return dated(stamps, zone=zone, reference=logs.references[0])
    if len(pieces) == 1:
        return pieces[0]
    return Dated(pl.concat([it.moments for it in pieces]), pl.concat([it.is_guess for it in pieces]))


class Stacked(Struct, frozen=True, eq=False):
    """The lines of several logs as those of one: each log's positions are moved behind those of the log before it."""

    lines: pl.DataFrame
    """The lines frame."""
    logs: Logs
    """Whose they are."""
    begins: NDArray[np.int64]
    """Behind which moved position the lines of each log stand."""
    moved: NDArray[np.int64]
    """By how much the positions of each log were moved."""

    @classmethod
    def of(cls, frames: Sequence[pl.DataFrame], references: Sequence[datetime], files: Sequence[str] = ()) -> Stacked:
        """Put lines frames, none of them empty, one behind the other; `files` names the logs."""
        firsts = np.array([frame["position"][0] for frame in frames]) - 1
        spans = np.array([frame["position"][-1] for frame in frames]) - firsts
        begins = np.cumsum([0, *spans[:-1]])
        moved = begins - firsts
        lines = pl.concat(
            [frame.with_columns(pl.col("position") + by) for frame, by in zip(frames, moved, strict=True)]
        )
        return cls(lines, Logs.of([len(frame) for frame in frames], references, files), begins, moved)

    def behind(self, frame: pl.DataFrame, positions: Sequence[int]) -> pl.DataFrame:
        """Keep what stands behind a position in each log; `frame` has `position` as `lines` has."""
        if not frame.height:
            return frame
        limits = self.moved + np.array(positions)
        whose = np.searchsorted(self.begins, frame["position"].to_numpy(), side="left") - 1
        return frame.filter(pl.Series(frame["position"].to_numpy() > limits[whose]))

    def apart(self, frame: pl.DataFrame) -> list[pl.DataFrame]:
        """Cut a frame with `position`, which rises, into those of each log, with the positions that they had."""
        if not frame.height:
            return [frame] * len(self.begins)
        bounds = np.append(np.searchsorted(frame["position"].to_numpy(), self.begins, side="right"), len(frame))
        counts = np.diff(bounds)
        back = frame.with_columns(pl.col("position") - pl.Series(np.repeat(self.moved, counts), dtype=pl.Int64))
        return [back[int(begin) : int(end)] for begin, end in pairwise(bounds)]
