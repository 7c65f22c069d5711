"""Puts a small image onto a disk of the host."""

from __future__ import annotations

import threading
from collections.abc import Callable

from xolite_qt.xen_api.transfers import Door, aborted_by, open_import

_PIECE_BYTES = 256 * 1024


def send_image(
    door: Door,
    query: dict[str, str],
    image: bytes,
    stop: threading.Event,
    tell: Callable[[float], object],
) -> None:
    """Writes an image onto a disk; blocks.

    Args:
        door: of the host.
        query: which disk, and the task that tells the end.
        image: raw.
        stop: breaks it off when it is set.
        tell: hears how much was sent, from 0 to 1; called in this thread.

    Raises:
        TransportError: it could not be sent.
    """
    view = memoryview(image)
    with (
        open_import(door, "/import_raw_vdi", query, len(image)) as body,
        aborted_by(stop, body.abort),
    ):
        for at in range(0, len(image), _PIECE_BYTES):
            body.write(view[at : at + _PIECE_BYTES])
            tell(body.sent_bytes / len(image))
