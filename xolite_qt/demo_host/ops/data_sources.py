"""The measurements as calls: which there are, and what one says now.

Source: `xapi.md` 1.8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.registry import Call, Failure, method

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

_SPAN_S = 5.0


def _unit(name: str) -> str:
    if name.startswith("cpu"):
        return "(fraction)"
    if name.endswith("_kib") or name == "memory_internal_free":
        return "KiB"
    if name in ("memory", "memory_target", "physical_utilisation", "size"):
        return "B"
    if name.endswith(("_rx", "_tx", "_read", "_write")):
        return "B/s"
    return ""


def _values(host: DemoHost, cls: str, ref: str) -> dict[str, float]:
    """What every data source of an object says now."""
    # Brings numpy along, which whoever asks nothing need not load.
    import numpy as np

    from xolite_qt.demo_host import metrics_sources as sources

    kinds: dict[str, Callable[..., list[sources.Source]]] = {
        "VM": sources.vm_sources,
        "host": sources.host_sources,
        "SR": sources.sr_sources,
    }
    now = np.array([host.clock.time_s() - _SPAN_S / 2])
    return {source.name: float(source.values[0]) for source in kinds[cls](host, ref, now)}


def _register(cls: str) -> None:
    def get_data_sources(call: Call, self: str) -> list[dict[str, Any]]:
        return [
            {
                "name_label": name,
                "name_description": "",
                "enabled": True,
                "standard": True,
                "units": _unit(name),
                "min": 0.0,
                "max": math.inf,
                "value": value,
            }
            for name, value in _values(call.host, cls, self).items()
        ]

    def query_data_source(call: Call, self: str, name: str) -> float:
        values = _values(call.host, cls, self)
        if name not in values:
            raise Failure("INTERNAL_ERROR", f"Rrdd_interface.No_such_data_source({name})")
        return values[name]

    def keep(call: Call, self: str, name: str) -> None:
        """Measurements are computed: none is kept, and none forgotten."""

    method(f"{cls}.get_data_sources")(get_data_sources)
    method(f"{cls}.query_data_source")(query_data_source)
    method(f"{cls}.record_data_source")(keep)
    method(f"{cls}.forget_data_source_archives")(keep)


for _cls in ("VM", "host", "SR"):
    _register(_cls)
