"""A recording in a file that others may read: a zip with a world and what happened to it.

    meta.json       {"format": "xolite-flight", "version": 1, "begun": …, "span_s": …, "program": …}
    world.json      {"VM": {"OpaqueRef:…": {…}}, …}, as `dump-world` writes it
    timeline.jsonl  {"at": 12.3, "do": "set", "cls": "vm", "ref": "…", "record": {…}}
                    {"at": 12.4, "do": "gone", "cls": "vm", "ref": "…"}
                    {"at": 12.5, "do": "call", "method": "…", "params": […], "ms": 8, "error": ""}

Passwords, keys, secrets and licences are left out, as `redact` says; names and addresses stay.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from xolite_qt import __version__

from .flight import CallItem, Flight, GoneItem, Item
from .redact import DROPPED_CLASSES, redact_params, redact_record

FORMAT = "xolite-flight"
VERSION = 1

# As a host spells them: events write some classes in lower case.
_NAMES = """
VM VM_metrics VM_guest_metrics VBD VBD_metrics VDI VIF VIF_metrics VTPM SR SM PBD PIF PIF_metrics
VLAN Bond PGPU GPU_group VGPU VGPU_type PCI PUSB VUSB USB_group DR_task VMSS Certificate Cluster
Cluster_host Feature Observer Repository SDN_controller PVS_site PVS_server PVS_proxy
PVS_cache_storage VMPP VM_appliance
"""
_SPELLED = {name.lower(): name for name in _NAMES.split()}


class BundleError(Exception):
    """A recording that cannot be written."""


def write_bundle(path: Path, flight: Flight) -> int:
    """Writes a recording whole or not at all; blocks.

    Returns:
        Its size in bytes.

    Raises:
        BundleError: the folder is missing, full or not writable; what was there stays.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, flight)
            file.flush()
            os.fsync(file.fileno())
        size = Path(temporary).stat().st_size
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise BundleError(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return size


def _write(file: Any, flight: Flight) -> None:
    meta = {
        "format": FORMAT,
        "version": VERSION,
        "begun": datetime.fromtimestamp(flight.begun_s, UTC).isoformat(),
        "span_s": round(flight.ended_s - flight.begun_s, 3),
        "program": __version__,
    }
    world = {
        _SPELLED.get(cls.lower(), cls): {
            ref: redact_record(_SPELLED.get(cls.lower(), cls), record)
            for ref, record in table.items()
        }
        for cls, table in flight.world.items()
        if cls.lower() not in DROPPED_CLASSES
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
        bundle.writestr("meta.json", msgspec.json.encode(meta))
        bundle.writestr("world.json", msgspec.json.encode(world))
        with bundle.open("timeline.jsonl", "w") as lines:
            for item in flight.items:
                line = _line(item, flight.begun_s)
                if line is not None:
                    lines.write(msgspec.json.encode(line) + b"\n")


def _line(item: Item, begun_s: float) -> dict[str, Any] | None:
    at = round(max(0.0, item.at_s - begun_s), 3)
    if isinstance(item, CallItem):
        if item.method.startswith("session."):
            return None
        return {
            "at": at,
            "do": "call",
            "method": item.method,
            "params": redact_params(item.method, item.params),
            "ms": round(item.took_s * 1000),
            "error": item.error,
        }
    cls = _SPELLED.get(item.cls.lower(), item.cls)
    if cls.lower() in DROPPED_CLASSES:
        return None
    if isinstance(item, GoneItem):
        return {"at": at, "do": "gone", "cls": cls, "ref": item.ref}
    record = redact_record(cls, item.record)
    return {"at": at, "do": "set", "cls": cls, "ref": item.ref, "record": record}
