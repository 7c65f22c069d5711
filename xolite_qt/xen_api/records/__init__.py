"""Typed records of the host's classes.

Attribute = wire name in lower case; `RECORDS` finds a type by the class name in lower case, as
events tell it; `type.wire_class` is the name in the host's own case.
"""

from __future__ import annotations

from .activity import Blob, Message, Role, Subject, Task
from .base import NULL_REF, Record, Ref, is_null
from .compute import VGPU, VM, VTPM, Console, Crashdump, VMAppliance, VMGuestMetrics, VMMetrics
from .enums import PowerState, TaskStatus
from .hosts import (
    PCI,
    PGPU,
    PUSB,
    Certificate_,
    Feature,
    GPUGroup,
    Host,
    HostCpu,
    HostCrashdump,
    HostMetrics,
    HostPatch,
    Pool,
    PoolPatch,
    PoolUpdate,
    VGPUType,
)
from .networks import PIF, VIF, VLAN, Bond, Network, PIFMetrics, Tunnel, VIFMetrics
from .storage import PBD, SM, SR, VBD, VDI, VBDMetrics

_CLASSES: tuple[type[Record], ...] = (
    VM, VMMetrics, VMGuestMetrics, Console, VTPM, VGPU, VMAppliance, Crashdump,
    Host, HostMetrics, HostCpu, HostCrashdump, HostPatch, Pool, PoolPatch, PoolUpdate,
    Certificate_, PGPU, PCI, GPUGroup, VGPUType, PUSB, Feature,
    SR, PBD, VDI, VBD, VBDMetrics, SM,
    Network, PIF, PIFMetrics, VIF, VIFMetrics, Bond, VLAN, Tunnel,
    Message, Task, Subject, Role, Blob,
)  # fmt: skip

RECORDS: dict[str, type[Record]] = {cls.wire_class.lower(): cls for cls in _CLASSES}

__all__ = [
    "NULL_REF",
    "PBD",
    "PCI",
    "PGPU",
    "PIF",
    "PUSB",
    "RECORDS",
    "SM",
    "SR",
    "VBD",
    "VDI",
    "VGPU",
    "VIF",
    "VLAN",
    "VM",
    "VTPM",
    "Blob",
    "Bond",
    "Certificate_",
    "Console",
    "Crashdump",
    "Feature",
    "GPUGroup",
    "Host",
    "HostCpu",
    "HostCrashdump",
    "HostMetrics",
    "HostPatch",
    "Message",
    "Network",
    "PIFMetrics",
    "Pool",
    "PoolPatch",
    "PoolUpdate",
    "PowerState",
    "Record",
    "Ref",
    "Role",
    "Subject",
    "Task",
    "TaskStatus",
    "Tunnel",
    "VBDMetrics",
    "VGPUType",
    "VIFMetrics",
    "VMAppliance",
    "VMGuestMetrics",
    "VMMetrics",
    "is_null",
]
