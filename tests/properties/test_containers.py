"""However a runtime cuts lines into pieces and a source into chunks, each line comes once, whole, and as it was."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.parse.containers import lines_in
from unit.sources.followed import Reader, a_file_source

STAMP = "2026-04-28T13:11:40.123456789Z"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
STREAMS = st.sampled_from(["stdout", "stderr"])


@st.composite
def container_logs(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Write texts as one runtime does, in pieces, those of both streams between each other; give them by their ends."""
    is_docker = draw(st.booleans())
    open_lines: dict[str, str] = {}
    lines, texts = [], []
    for text, stream, is_last in draw(st.lists(st.tuples(TEXTS, STREAMS, st.booleans()), max_size=12)):
        open_lines[stream] = open_lines.get(stream, "") + text
        if is_docker:
            document = {"log": text + "\n" * is_last, "stream": stream, "time": STAMP}
            lines.append(json.dumps(document, separators=(",", ":"), ensure_ascii=draw(st.booleans())))
        else:
            lines.append(f"{STAMP} {stream} {'F' if is_last else 'P'} {text}")
        if is_last:
            texts.append(open_lines.pop(stream))
    for stream in [*open_lines]:
        text = open_lines.pop(stream)
        lines.append(json.dumps({"log": "\n", "stream": stream, "time": STAMP}, separators=(",", ":"))
                     if is_docker else f"{STAMP} {stream} F ")  # fmt: skip
        texts.append(text)
    return "".join(f"{line}\n" for line in lines).encode(), texts


@settings(max_examples=60)
@given(container_logs(), st.integers(1, 300), st.lists(st.integers(0, 900), max_size=3))
def test_each_line_comes_whole_and_once(log: tuple[bytes, list[str]], limit: int, torn: list[int]) -> None:
    """The chunks of a source, wherever writes were torn and the source was opened anew, hold the lines as written."""
    data, texts = log
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0.log"
        path.touch()
        reader = Reader(a_file_source(path))
        begin = 0
        for end in [*sorted(min(at, len(data)) for at in torn), len(data)]:
            with path.open("ab") as file:
                file.write(data[begin:end])
            begin = end
            reader.drain(limit)
            reader.source.close()
            reader.source = a_file_source(path, cursors=reader.cursors)
        reader.drain(limit)
        reader.source.close()
    read = [text for chunk in reader.chunks if chunk.data for text in lines_in(chunk.data, 0)["inner"]]
    assert texts == read


@settings(max_examples=60)
@given(container_logs(), st.binary(max_size=60), st.integers(0, 200))
def test_no_bytes_stop_it(log: tuple[bytes, list[str]], noise: bytes, at: int) -> None:
    """Whatever stands between the pieces, every line has a place, and the places rise to the end."""
    data = log[0][:at] + noise + log[0][at:]
    frame = lines_in(data, 0)
    ends = frame["position"].to_list()
    assert sorted(set(ends)) == ends
    assert (frame["until"] >= frame["position"]).all()
    if data:
        assert len(data) == ends[-1]
