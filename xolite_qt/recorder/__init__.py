"""The flight recorder: the last hour of what a connection heard and did, kept in memory.

    recorder = FlightRecorder(horizon_s=3600.0)
    api.witness(recorder.heard)
    …
    write_bundle(path, recorder.take())     # blocks; redacted; `demo-host --world path` replays it

Nothing is asked of the host for it: it keeps what comes anyway. Knows no Qt.
"""

from __future__ import annotations

from .bundle import BundleError, write_bundle
from .flight import CallItem, Flight, FlightRecorder, GoneItem, Item, SetItem

__all__ = [
    "BundleError",
    "CallItem",
    "Flight",
    "FlightRecorder",
    "GoneItem",
    "Item",
    "SetItem",
    "write_bundle",
]
