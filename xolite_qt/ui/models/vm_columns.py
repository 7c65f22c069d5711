"""The columns of a table of VMs."""

from __future__ import annotations

import time
from collections.abc import Callable

from xolite_qt.stores import VmRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models import vm_facts
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.xen_api import PowerState
from xolite_qt.xen_api.times import to_datetime


def _nothing(_ref: str) -> None:
    return None


def vm_columns(
    *,
    cpu: Callable[[str], float | None] = _nothing,
    disk: Callable[[str], int | None] = _nothing,
) -> tuple[Column[VmRow], ...]:
    """Columns for `VmRow`s.

    Args:
        cpu: live CPU use of a VM by reference, a fraction; None where it is not polled.
        disk: bytes of all disks of a VM by reference; None where disks are not loaded.
    """
    return (
        Column(
            id="name",
            title="Name",
            value=lambda row: row.vm.name_label,
            text=lambda row: row.vm.name_label or "(no name)",
            icon=lambda row: icons.icon("vm", state=row.vm.power_state.lower()),
            width=200,
        ),
        Column(
            id="state",
            title="State",
            value=lambda row: row.vm.power_state,
            text=state_text,
            width=112,
        ),
        Column(
            id="description",
            title="Description",
            value=lambda row: row.vm.name_description,
            width=160,
        ),
        Column(
            id="addresses",
            title="IP address",
            value=lambda row: vm_facts.addresses(row.guest),
            text=addresses_text,
            search=lambda row: " ".join(vm_facts.addresses(row.guest)),
            tooltip=lambda row: "\n".join(vm_facts.addresses(row.guest)),
            width=146,
        ),
        Column(
            id="vcpus",
            title="vCPUs",
            value=lambda row: vm_facts.vcpus(row.vm, row.metrics),
            kind=Kind.NUMBER,
            width=66,
        ),
        Column(
            id="ram",
            title="RAM",
            value=lambda row: row.vm.memory_dynamic_max,
            text=lambda row: fmt.size(row.vm.memory_dynamic_max),
            kind=Kind.BYTES,
            width=84,
        ),
        Column(
            id="cpu",
            title="CPU",
            value=lambda row: cpu(row.ref),
            text=lambda row: _percent(cpu(row.ref)),
            kind=Kind.PROGRESS,
            width=104,
        ),
        Column(
            id="host",
            title="Host",
            value=lambda row: row.host.name_label if row.host else None,
            width=120,
        ),
        Column(
            id="os",
            title="System",
            value=lambda row: vm_facts.os_name(row.guest),
            default_visible=False,
            width=190,
        ),
        Column(id="tags", title="Tags", value=lambda row: row.vm.tags, kind=Kind.TAGS, width=110),
        Column(
            id="disk",
            title="Disk space",
            value=lambda row: disk(row.ref),
            text=lambda row: _bytes(disk(row.ref)),
            kind=Kind.BYTES,
            default_visible=False,
            width=100,
        ),
        Column(
            id="uptime",
            title="Uptime",
            value=uptime_s,
            text=lambda row: _duration(uptime_s(row)),
            kind=Kind.NUMBER,
            default_visible=False,
            width=110,
        ),
        Column(
            id="tools",
            title="Guest tools",
            value=lambda row: vm_facts.tools_version(row.guest),
            default_visible=False,
            width=110,
        ),
        Column(
            id="uuid",
            title="UUID",
            value=lambda row: row.vm.uuid,
            default_visible=False,
            width=290,
        ),
    )


def state_text(row: VmRow) -> str:
    """The power state, or what the host is doing with the VM at the moment."""
    return vm_facts.current_operation(row.vm).capitalize() or row.vm.power_state


def addresses_text(row: VmRow) -> str:
    """The first address, and how many more there are."""
    found = vm_facts.addresses(row.guest)
    if len(found) < 2:
        return "".join(found)
    return f"{found[0]} +{len(found) - 1}"


def uptime_s(row: VmRow) -> float | None:
    """Seconds since the VM was started, None while it does not run."""
    if row.vm.power_state not in (PowerState.RUNNING, PowerState.PAUSED) or row.metrics is None:
        return None
    started = to_datetime(row.metrics.start_time)
    return None if started is None else max(time.time() - started.timestamp(), 0.0)


def _percent(value: float | None) -> str:
    return "" if value is None else fmt.percent(value)


def _bytes(value: int | None) -> str:
    return "" if value is None else fmt.size(value)


def _duration(value: float | None) -> str:
    return "" if value is None else fmt.duration(value)
