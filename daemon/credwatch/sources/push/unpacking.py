"""Unpacks the body of a request within a bound, whatever it says of itself."""

from __future__ import annotations

import zlib

import zstandard

from credwatch.sources.push.refused import RequestRefused

_GZIP = 16 + zlib.MAX_WBITS
"""zlib's number for the format of gzip."""

_WINDOW_BYTES = 8 * 1024 * 1024
"""The largest window that a decoder of zstd must take, RFC 8878 section 3.1.1.1.2; ours takes no larger one."""


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """Undo a Content-Encoding; raises RequestRefused where it is unknown, damaged, or more than `most_bytes`."""
    match encoding.strip().lower():
        case "" | "identity":
            text = body
        case "gzip" | "x-gzip":
            text = _inflated(body, _GZIP, most_bytes)
        case "deflate":
            text = _inflated(body, zlib.MAX_WBITS, most_bytes)
        case "zstd":
            text = _unzstd(body, most_bytes)
        case _:
            raise RequestRefused(415, "this Content-Encoding is not known; send gzip, zstd, deflate or none")
    if len(text) > most_bytes:
        raise RequestRefused(413, f"unpacked, the body has more than {most_bytes} bytes; send smaller batches")
    return text


def _inflated(body: bytes, format_number: int, most: int) -> bytes:
    pieces, size = list[bytes](), 0
    try:
        while body and size <= most:
            stream = zlib.decompressobj(format_number)
            piece = stream.decompress(body, most + 1 - size)
            pieces.append(piece)
            size += len(piece)
            if not stream.eof and size <= most:
                raise _damaged("it ends too early")
            body = stream.unused_data  # members of gzip may follow one another, RFC 1952 section 2.2
    except zlib.error as error:
        raise _damaged(str(error)) from error
    return b"".join(pieces)


def _unzstd(body: bytes, most: int) -> bytes:
    try:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        with decompressor.stream_reader(body, read_across_frames=True) as reader:
            return reader.read(most + 1)
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from error


def _damaged(reason: str) -> RequestRefused:
    return RequestRefused(400, f"the body cannot be unpacked: {reason}")
