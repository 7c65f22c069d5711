"""Streams of zlib with an end to what they may become."""

from __future__ import annotations

import zlib

from .errors import RfbMalformed


class Inflater:
    """One stream that goes on over many rectangles."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def inflate(self, data: bytes, most_bytes: int) -> bytes:
        """What the next piece of the stream becomes.

        Args:
            data: compressed.
            most_bytes: it may become.

        Raises:
            RfbMalformed: it is no zlib, or becomes more.
        """
        try:
            plain = self._stream.decompress(data, most_bytes + 1)
        except zlib.error as error:
            raise RfbMalformed(f"broken compression ({error})") from None
        if len(plain) > most_bytes or self._stream.unconsumed_tail or self._stream.eof:
            raise RfbMalformed("compressed pixels without end")
        return plain


def longest_deflated(plain_bytes: int) -> int:
    """More than any honest server needs to compress so much."""
    return plain_bytes + plain_bytes // 16 + 65536
