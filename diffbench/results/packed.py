"""A results file under gzip: a seventh of the size, and unpacked to a limit alone."""

from __future__ import annotations

import gzip
import io
import zlib

from diffbench.results.compact import MOST_BYTES

__all__ = ["is_packed", "pack", "unpack"]

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS


def is_packed(content: bytes) -> bool:
    """Say whether bytes begin as gzip does, and no JSON text can."""
    return content.startswith(_MAGIC)


def pack(content: bytes) -> bytes:
    """Compress bytes; the same bytes give the same, without time or name."""
    buffer = io.BytesIO()
    with gzip.GzipFile(
        fileobj=buffer, mode="wb", compresslevel=9, mtime=0, filename=""
    ) as handle:
        handle.write(content)
    return buffer.getvalue()


def unpack(content: bytes, most: int = MOST_BYTES) -> bytes:
    """Decompress one gzip stream, and never to more bytes than `most`.

    Raises:
        ValueError: If it is damaged, cut off, followed by anything, or larger.
    """
    stream = zlib.decompressobj(wbits=_GZIP)
    try:
        # One byte more than allowed shows that there are more.
        unpacked = stream.decompress(content, most + 1)
    except zlib.error as error:
        raise ValueError(f"cannot be decompressed ({error})") from None
    if len(unpacked) > most:
        raise ValueError(f"unpacks to more than {most:,} bytes, and no more are read")
    if not stream.eof:
        raise ValueError("ends before its data do; it may be truncated")
    if stream.unused_data:
        raise ValueError("holds more than one compressed file")
    return unpacked
