"""Unpacks gzip, bzip2, xz and zstd as a stream, within a bound of memory, and tells where it breaks off."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

import zstandard

PIECE_BYTES = 65_536
"""So much is read or unpacked at a time: what stands before damage is given."""

_MOST_MEMORY = 128 * 1024 * 1024
"""An archive that asks for more memory than this to be unpacked is refused; ordinary ones ask for 8 to 64 MiB."""

_ZSTD_BYTES = 1024
"""So much of zstd is unpacked at a time: at worst 4 bytes become 128 KiB."""

DAMAGE = (OSError, EOFError, ValueError, MemoryError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What reading a damaged file raises."""


class Unpacked(Protocol):
    """What has been unpacked, as a stream."""

    def read1(self, size: int, /) -> bytes:
        """Give some bytes, about so many at most, and none at the end; raises one of `DAMAGE`."""

    def close(self) -> None:
        """Give up what it holds; the packed file stays open."""


class _Unpacker(Protocol):
    """Unpacks one stream or frame; the library's classes for xz are such."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Frames:
    """Unpacks one stream behind the other, within a bound of memory, and tells where the last one breaks off."""

    def __init__(self, file: BinaryIO, begin: Callable[[], _Unpacker], packed_bytes: int) -> None:
        self._file = file
        self._begin = begin
        self._packed_bytes = packed_bytes
        self._unpacker = begin()

    def read1(self, size: int) -> bytes:
        while not self._unpacker.eof or self._begin_next():
            packed = self._file.read(self._packed_bytes) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("it ends before its end was marked")
            if data := self._unpacker.decompress(packed, size):
                return data
        return b""

    def close(self) -> None:
        self._file.close()

    def _begin_next(self) -> bool:
        """Go on with the next stream, past the padding that xz allows between two."""
        rest = (self._unpacker.unused_data + self._file.read(self._packed_bytes)).lstrip(b"\0")
        self._file.seek(-len(rest), os.SEEK_CUR)
        self._unpacker = self._begin()
        return bool(rest)


class _ZstdFrame:
    """One frame of zstd, whose library does not bound what it gives: it is fed little by little instead."""

    needs_input = True

    def __init__(self) -> None:
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY).decompressobj()

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        return self._unpacker.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:  # noqa: ARG002
        return self._unpacker.decompress(data)


def _unxz(file: BinaryIO) -> _Frames:
    return _Frames(file, lambda: lzma.LZMADecompressor(memlimit=_MOST_MEMORY), PIECE_BYTES)


def _unzstd(file: BinaryIO) -> _Frames:
    return _Frames(file, _ZstdFrame, _ZSTD_BYTES)


_UNPACKERS: dict[bytes, Callable[[BinaryIO], Unpacked]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": _unxz,
    b"\x28\xb5\x2f\xfd": _unzstd,
}
"""How to unpack a file, by what it begins with."""


def unpacker_of(beginning: bytes) -> Callable[[BinaryIO], Unpacked] | None:
    """Tell from a file's first bytes how to unpack it; None where it is not compressed."""
    return next((unpacker for magic, unpacker in _UNPACKERS.items() if beginning.startswith(magic)), None)
