"""Tells where a line of a container begins that its log has in pieces, and whether the last piece is there yet.

containerd and CRI-O write each line of a container as `STAMP stdout F TEXT`, and one of more than 16 KiB as pieces that
are marked P before the last one, marked F. Docker writes an object a line, whose text lacks its newline where more
follows. Pieces of stdout and stderr may stand between each other.

Sources: `kubernetes/pkg/kubelet/kuberuntime/logs`, the CRI log format; Docker's driver `json-file`.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    rb'^(?:\d{4}-\d\d-\d\dT[^ \n]{1,32} (?P<cri>std(?:out|err)) (?P<tag>[FP])[^ \n]{0,64} |\{"log":"(?P<docker>))'
)
_DOCKER = re.compile(rb'^\{"log":"(?:[^"\\]|\\.)*?(?P<whole>\\n)?","stream":"(?P<stream>std(?:out|err))"')

LOOKED_AT_BYTES = 1024 * 1024
"""A line of which more than this has been written in pieces is not waited for."""

CUT = "cut"
"""The tag, behind P, of what goes on with a line whose beginning was given before: nobody may take it for a line."""

HEADLESS = b"".join(b"1970-01-01T00:00:00Z %s P:%s \n" % (name, CUT.encode()) for name in (b"stdout", b"stderr"))
"""Stands before the lines of a log that begin within a line of its container, for it is not known of which stream."""


def is_piece(line: bytes) -> bool:
    """Tell whether a line begins as one that a container's log holds."""
    return _PIECE.match(line) is not None


def begun_at(data: bytes) -> int:
    """Say behind which of a log's lines no line of a container is begun and not ended; the end where that is so there.

    What is begun there may stand between the pieces of a line of the other stream, which is ended later: then that one
    is not cut either.
    """
    end = len(data)
    while (begun := _begun_before(data, end)) < end:
        end = begun
    return end


def _begun_before(data: bytes, end: int) -> int:
    """Say where the first line begins whose last piece does not come before an end; else that end.

    The lines are gone through from the last one, until both streams are known to have ended or `LOOKED_AT_BYTES` are
    behind: so it costs one look at the last line where that is no container's.
    """
    ended: set[bytes] = set()
    begun: dict[bytes, int] = {}
    first, last = max(end - LOOKED_AT_BYTES, 0), end
    while end > first and len(ended) < 2:
        begin = data.rfind(b"\n", 0, end - 1) + 1
        state = _state(data[begin:end])
        if state is None:
            break
        stream, is_whole = state
        if is_whole:
            ended.add(stream)
        elif stream not in ended:
            begun[stream] = begin
        end = begin
    return min(begun.values(), default=last)


def _state(line: bytes) -> tuple[bytes, bool] | None:
    """Name the stream of a piece, and tell whether it is the last of its line; None for what is no piece."""
    piece = _PIECE.match(line)
    if piece is None:
        return None
    if piece["cri"]:
        return piece["cri"], piece["tag"] == b"F"
    docker = _DOCKER.match(line)
    return (docker["stream"], docker["whole"] is not None) if docker else None
