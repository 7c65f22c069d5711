"""The columns of a table of storage repositories."""

from __future__ import annotations

from collections.abc import Callable

from xolite_qt.stores import SrRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models.column import Column, Kind


def _never(_ref: str) -> bool:
    return False


def sr_columns(*, is_default: Callable[[str], bool] = _never) -> tuple[Column[SrRow], ...]:
    """Columns for `SrRow`s.

    Args:
        is_default: whether an SR is the pool's default, by reference.
    """
    return (
        Column(
            id="name",
            title="Name",
            value=lambda row: row.sr.name_label,
            text=lambda row: row.sr.name_label or "(no name)",
            icon=lambda row: icons.icon("sr", state=state_of(row)),
            width=220,
        ),
        Column(
            id="state", title="State", value=lambda row: fmt.power_state(state_of(row)), width=150
        ),
        Column(
            id="default",
            title="Default",
            value=lambda row: "Default" if is_default(row.ref) else "",
            icon=lambda row: icons.icon("star", "info-item") if is_default(row.ref) else None,
            width=110,
        ),
        Column(
            id="description",
            title="Description",
            value=lambda row: row.sr.name_description,
            width=220,
        ),
        Column(id="type", title="Type", value=lambda row: row.sr.type, width=90),
        Column(
            id="access",
            title="Access",
            value=lambda row: "Shared" if row.sr.shared else "Local",
            width=110,
        ),
        Column(
            id="used",
            title="Used",
            value=lambda row: row.used_fraction,
            text=lambda row: "" if row.used_fraction is None else fmt.percent(row.used_fraction),
            tooltip=lambda row: fmt.fraction_of(row.used_bytes, row.size_bytes),
            kind=Kind.PROGRESS,
            width=130,
        ),
        Column(
            id="free",
            title="Free",
            value=free_bytes,
            text=lambda row: "" if free_bytes(row) is None else fmt.size(free_bytes(row)),
            kind=Kind.BYTES,
            width=100,
        ),
        Column(
            id="size",
            title="Size",
            value=lambda row: row.size_bytes,
            text=lambda row: "" if row.size_bytes is None else fmt.size(row.size_bytes),
            kind=Kind.BYTES,
            default_visible=False,
            width=100,
        ),
        Column(
            id="tags",
            title="Tags",
            value=lambda row: row.sr.tags,
            kind=Kind.TAGS,
            default_visible=False,
            width=140,
        ),
        Column(
            id="uuid", title="UUID", value=lambda row: row.sr.uuid, default_visible=False, width=290
        ),
    )


def state_of(row: SrRow) -> str:
    """'connected', 'partial' or 'disconnected'."""
    if row.is_connected:
        return "connected"
    return "disconnected" if row.is_disconnected else "partial"


def free_bytes(row: SrRow) -> int | None:
    """Bytes left, None where the storage has no size."""
    used, size = row.used_bytes, row.size_bytes
    return None if used is None or size is None else max(size - used, 0)
