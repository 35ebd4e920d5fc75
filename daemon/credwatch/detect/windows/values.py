"""Numbers in the rows of windows: fixed-point, so that their sums do not depend on the order of adding."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

SCALE = 1000
"""Numbers are read to three decimals."""

LARGEST = 10**12
"""Numbers of a larger size count as this one."""


def numbers_of(values: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return a column's numbers in the form of a row's value, and which of its values are numbers.

    Texts are read as numbers where they are written as such.
    """
    numbers = values.cast(pl.Float64, strict=False)
    is_number = (numbers.is_not_null() & numbers.is_finite().fill_null(False)).to_numpy()
    bounded = np.clip(np.nan_to_num(numbers.fill_null(0).to_numpy()), -LARGEST, LARGEST)
    return np.rint(bounded * SCALE).astype(np.int64).view(np.uint64), is_number


def as_numbers(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return rows' values as whole thousandths."""
    return np.ascontiguousarray(values).view(np.int64)
