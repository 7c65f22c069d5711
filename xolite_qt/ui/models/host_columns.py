"""The columns of a table of hosts."""

from __future__ import annotations

from collections.abc import Callable

from xolite_qt.stores import HostRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models import host_facts
from xolite_qt.ui.models.column import Column, Kind


def _nothing(_ref: str) -> None:
    return None


def host_columns(
    *,
    cpu: Callable[[str], float | None] = _nothing,
    ram: Callable[[str], float | None] = _nothing,
    running: Callable[[str], int | None] = _nothing,
) -> tuple[Column[HostRow], ...]:
    """Columns for `HostRow`s.

    Args:
        cpu, ram: live use of a host by reference, fractions; None where it is not polled.
        running: how many VMs run on a host.
    """
    return (
        Column(
            id="name",
            title="Name",
            value=lambda row: row.host.name_label,
            text=lambda row: row.host.name_label or "(no name)",
            icon=lambda row: icons.icon("host", state=host_facts.state_of(row.host, row.metrics)),
            width=170,
        ),
        Column(id="state", title="State", value=state_text, width=116),
        Column(
            id="master",
            title="Master",
            value=lambda row: "master" if row.is_master else None,
            text=lambda _row: "",
            search=lambda row: "master" if row.is_master else "",
            tooltip=lambda row: "Leads the pool" if row.is_master else "",
            icon=lambda row: icons.icon("star", "info-item") if row.is_master else None,
            width=90,
        ),
        Column(
            id="description",
            title="Description",
            value=lambda row: row.host.name_description,
            width=150,
        ),
        Column(
            id="address",
            title="IP address",
            value=lambda row: row.host.address,
            width=130,
        ),
        Column(
            id="vms",
            title="VMs",
            value=lambda row: running(row.ref),
            tooltip=lambda _row: "VMs that run on this host now",
            kind=Kind.NUMBER,
            width=60,
        ),
        Column(
            id="cpus",
            title="CPUs",
            value=lambda row: host_facts.cpu_count(row.host) or None,
            kind=Kind.NUMBER,
            width=66,
        ),
        Column(
            id="memory",
            title="RAM",
            value=_memory,
            text=lambda row: _bytes(_memory(row)),
            kind=Kind.BYTES,
            width=84,
        ),
        Column(
            id="cpu",
            title="CPU use",
            value=lambda row: cpu(row.ref),
            text=lambda row: _percent(cpu(row.ref)),
            kind=Kind.PROGRESS,
            width=104,
        ),
        Column(
            id="ram",
            title="RAM use",
            value=lambda row: ram(row.ref),
            text=lambda row: _percent(ram(row.ref)),
            kind=Kind.PROGRESS,
            width=104,
        ),
        Column(
            id="version",
            title="Version",
            value=lambda row: host_facts.version(row.host),
            width=136,
        ),
        Column(
            id="tags",
            title="Tags",
            value=lambda row: row.host.tags,
            kind=Kind.TAGS,
            default_visible=False,
            width=140,
        ),
        Column(
            id="hardware",
            title="Hardware",
            value=lambda row: host_facts.manufacturer(row.host),
            default_visible=False,
            width=200,
        ),
        Column(
            id="uuid",
            title="UUID",
            value=lambda row: row.host.uuid,
            default_visible=False,
            width=290,
        ),
    )


def state_text(row: HostRow) -> str:
    """'Running', 'Maintenance' (up, takes no VMs) or 'Offline'."""
    words = {"running": "Running", "disabled": "Maintenance", "halted": "Offline"}
    return words[host_facts.state_of(row.host, row.metrics)]


def _memory(row: HostRow) -> int | None:
    total = row.metrics.memory_total if row.metrics else 0
    return total if total > 0 else None


def _bytes(value: int | None) -> str:
    return "" if value is None else fmt.size(value)


def _percent(value: float | None) -> str:
    return "" if value is None else fmt.percent(value)
