"""Measures the way between two places on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NO_PLACE = -1
"""Stands where a place is not known."""

_EARTH_KM = 6371.0
_EAST = 36_001
"""Hundredths of a degree of longitude, from -180 to 180."""


def place_code(north: NDArray[np.float64], east: NDArray[np.float64]) -> NDArray[np.int32]:
    """Write places, in degrees, as one number each, to a hundredth of a degree; NO_PLACE where either is NaN."""
    is_place = ~(np.isnan(north) | np.isnan(east))
    rows, columns = (np.rint(np.where(is_place, part, 0) * 100).astype(np.int32) for part in (north, east))
    return np.where(is_place, (rows + 9_000) * _EAST + columns + 18_000, NO_PLACE).astype(np.int32)


def kilometres(here: NDArray[np.int32], there: NDArray[np.int32]) -> NDArray[np.float64]:
    """Measure along the great circle between places as `place_code` writes them (haversine formula)."""
    (north, east), (other_north, other_east) = _radians(here), _radians(there)
    across = np.sin((other_north - north) / 2) ** 2
    along = np.cos(north) * np.cos(other_north) * np.sin((other_east - east) / 2) ** 2
    return np.asarray(2 * _EARTH_KM * np.arcsin(np.sqrt(np.minimum(across + along, 1.0))))


def _radians(codes: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.divmod(codes, _EAST)
    return np.radians((rows - 9_000) / 100), np.radians((columns - 18_000) / 100)
