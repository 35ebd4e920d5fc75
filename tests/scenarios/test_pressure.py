"""Much more than usual, for a while: the lag is seen and goes, nothing is dropped, memory stays within its limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.post_office import a_post_office

LINE = (
    "2026-03-02T03:{:02}:{:02}Z srv1 sshd[{}]: "
    "Connection closed by authenticating user u{} 198.51.100.{} port 4022 [preauth]"
)
LINES = 150_000
_PARTS = 10
MEMORY_BYTES = 1 << 30
"""`MemoryMax=` of the unit."""


@pytest.mark.slow
def test_a_burst_is_read_to_its_end(tmp_path: Path) -> None:
    """Ten times what a busy day brings is taken once and whole; the lag is in the metrics meanwhile, and then is 0."""
    text = [LINE.format(at // 60 % 60, at % 60, at % 999, at % 999, at % 250) for at in range(LINES)]
    with a_post_office() as office, a_site(tmp_path, office.port, command=RUN_UNCHECKED) as site:
        site.started()
        seen: list[tuple[float, int]] = []
        for part in range(_PARTS):
            append(site.auth_log, *text[part * LINES // _PARTS : (part + 1) * LINES // _PARTS])
            append(site.application_log, '{"slow": true}')
            seen.append(_standing(site))
        await_(lambda: seen.append(_standing(site)) or site.lines_taken() == LINES + _PARTS, what="each is taken once")
        await_(lambda: _standing(site)[0] == 0, what="no lag is left")
        assert max(lag for lag, _ in seen) > 0, "the lag was seen"
        assert max(memory for _, memory in seen) < MEMORY_BYTES
        for what in ("vanished", "dropped", "cut_lines", "damaged"):
            assert not site.metric(f'credwatch_source_file_events_total{{source="servers",what="{what}"}}')
        assert site.runs()


def _standing(site: Site) -> tuple[float, int]:
    """Return how many bytes wait, and how much memory the daemon has."""
    assert site.process is not None
    status = Path(f"/proc/{site.process.pid}/status").read_text(encoding="ascii")
    memory = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return site.metric('credwatch_source_lag_bytes{source="servers"}') or 0.0, memory
