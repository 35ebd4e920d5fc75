"""Writes what a collector does as text for the textfile collector of node_exporter, and for `systemctl status`."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from credwatch.collect.buffer import Buffer
from credwatch.collect.gathering import GatheringState
from credwatch.collect.options import CollectorOptions
from credwatch.collect.shipping import ShippingState
from credwatch.kernel.errors import StoreError

_PREFIX = "credwatch_collect"


def metrics_text(
    buffer: Buffer, state: GatheringState, shipped: ShippingState, dropped: int, sources: list[str], now: datetime
) -> str:
    """Write the series in the text format of Prometheus; raises StoreError where the buffer cannot be asked."""
    oldest = buffer.oldest_at()
    series: list[tuple[str, str, str, dict[str, float]]] = [
        ("gauge", "written_timestamp_seconds", "When this was written.", {"": now.timestamp()}),
        ("gauge", "buffer_bytes", "Bytes that wait on disk, packed.", {"": buffer.packed_bytes}),
        ("gauge", "buffer_batches", "Batches that wait on disk.", {"": buffer.batches}),
        (
            "gauge",
            "buffer_age_seconds",
            "Age of the oldest of them; 0 where none waits.",
            {"": (now - oldest).total_seconds() if oldest else 0},
        ),
        ("gauge", "buffer_full", "1 where nothing is read, for the buffer is full.", {"": state.is_full}),
        ("gauge", "destination_up", "1 where what was sent last was taken over.", {"": not shipped.trouble}),
        ("gauge", "disk_up", "1 where the buffer could be written when it was last.", {"": not state.trouble}),
        ("counter", "read_lines_total", "Lines that were read.", {"": state.lines}),
        ("counter", "cut_lines_total", "Lines that were cut, for they were too long.", {"": state.cut_lines}),
        ("counter", "shipped_lines_total", "Lines that were taken over.", {"": shipped.lines}),
        ("counter", "shipped_bytes_total", "Bytes of these lines.", {"": shipped.bytes}),
        ("counter", "failures_total", "Attempts to send that failed.", {"": shipped.failures}),
        ("counter", "dropped_lines_total", "Lines that waited too long and were dropped.", {"": dropped}),
        (
            "gauge",
            "source_up",
            "1 where a source can be read.",
            {f'{{source="{name}"}}': name not in state.down for name in sources},
        ),
        (
            "counter",
            "source_file_events_total",
            "What befell the files of a source: rotations, and what may have lost lines.",
            {f'{{source="{name}",what="{what}"}}': number for (name, what), number in sorted(state.events.items())},
        ),
    ]
    return "".join(_family(*family) for family in series)


def _family(kind: str, name: str, text: str, values: dict[str, float]) -> str:
    full = f"{_PREFIX}_{name}"
    lines = "".join(f"{full}{labels} {float(value)!r}\n" for labels, value in values.items())
    return f"# HELP {full} {text}\n# TYPE {full} {kind}\n{lines}"


def write_metrics(options: CollectorOptions, text: str) -> None:
    """Put the text in place of what was there, at once; raises StoreError."""
    place = options.metrics_file or options.state_directory / "metrics.prom"
    new = place.with_name(f".{place.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.chmod(0o644)
        new.rename(place)
    except OSError as error:
        hint = "see that the folder is there and this user may write in it"
        raise StoreError(
            f"metrics cannot be written: {error.strerror or error}", where=str(place), hint=hint
        ) from error


def troubles_of(state: GatheringState, shipped: ShippingState) -> dict[str, str]:
    """Say what is wrong, for `systemctl status`."""
    troubles = {f"source {name}": reason for name, reason in state.down.items()}
    if state.trouble:
        troubles["buffer"] = state.trouble
    if state.is_full:
        troubles["buffer"] = "full: nothing is read until something was sent"
    if shipped.trouble:
        troubles["destination"] = shipped.trouble
    return troubles


def stands_still(state: GatheringState, seconds: float) -> bool:
    """Tell whether the reading thread made no turn for so long."""
    return bool(state.turned_at) and time.monotonic() - state.turned_at > seconds


def path_of(options: CollectorOptions) -> Path:
    """Say where the buffer is."""
    return options.state_directory / "buffer.sqlite"
