"""How the program uses memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from credwatch.service.memory import left_out


def test_a_library_is_left_out_for_a_while() -> None:
    """What is imported meanwhile does not find it; afterwards it is there as ever."""
    with left_out("wave"), pytest.raises(ImportError):
        import wave  # noqa: F401
    import wave as there

    with left_out("wave"):
        import wave as still_there

    assert there is still_there


def test_the_logs_of_a_daemon_take_no_lexers_along() -> None:
    """The library of logs does without the one for colours, as `credwatch run` loads it."""
    loaded = "[name for name in ('rich', 'pygments') if name in sys.modules]"
    begin = "import sys\nfrom credwatch.service.memory import left_out\n"
    program = f"{begin}with left_out('rich'): import structlog\nprint({loaded})"
    assert "[]\n" == subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
