"""What a collector's buffer has."""

from __future__ import annotations

import zstandard

from credwatch.collect.buffer import Buffer


def texts_of(buffer: Buffer) -> bytes:
    """Give all lines that wait, in their order."""
    unpacked = ((zstandard.ZstdDecompressor().decompress(it.packed), it.before) for it in buffer.oldest(1000))
    return b"".join(text[before:] for text, before in unpacked)
