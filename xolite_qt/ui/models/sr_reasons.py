"""Which storages can take a disk, and why another one cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.sr_roles import free_bytes, why_not
from xolite_qt.xen_api import PBD, SR, Host

_THICK = {"lvm", "lvmoiscsi", "lvmohba", "largeblock", "raw"}
"""Here a disk takes all its size at once. Source: the storage managers' own words."""


@dataclass(frozen=True)
class SrEntry:
    """A storage in a picker.

    Attributes:
        ref: of it.
        text: its name, with what is free, or why it cannot be used.
        reason: why it cannot be used, or None.
        warning: what speaks against it though it can; may be "".
    """

    ref: str
    text: str
    reason: str | None = None
    warning: str = ""


def entries(
    srs: Mapping[str, SR],
    pbds: Mapping[str, PBD],
    hosts: Mapping[str, Host],
    *,
    need_bytes: int = 0,
    current: str = "",
    only_host: str = "",
) -> list[SrEntry]:
    """The storages of a pool, usable ones first.

    Args:
        srs, pbds, hosts: of the pool.
        need_bytes: what the disk takes in the end.
        current: where it is already; that one cannot be chosen.
        only_host: the host that has to reach it; "" for any.
    """
    found = [
        _entry(sr, pbds, hosts, need_bytes, current, only_host)
        for sr in sorted(srs.values(), key=lambda sr: (sr.name_label.casefold(), sr.uuid))
    ]
    return sorted(found, key=lambda entry: entry.reason is not None)


def _entry(
    sr: SR,
    pbds: Mapping[str, PBD],
    hosts: Mapping[str, Host],
    need_bytes: int,
    current: str,
    only_host: str,
) -> SrEntry:
    plugs = [pbds[ref] for ref in sr.pbds if ref in pbds]
    free = free_bytes(sr)
    if sr.ref == current:
        reason: str | None = "it is there already"
    elif only_host and not any(p.host == only_host and p.currently_attached for p in plugs):
        name = hosts[only_host].name_label if only_host in hosts else "the host"
        reason = f"cannot be seen from {name}"
    else:
        reason = why_not(sr, plugs, hosts)
    if reason is None and need_bytes and sr.type in _THICK and need_bytes > free:
        reason = f"{fmt.size(need_bytes)} required when only {fmt.size(free)} available"
    if reason is None and need_bytes > sr.physical_size > 0:
        reason = f"the disk is larger than the storage ({fmt.size(sr.physical_size)})"
    if reason is not None:
        return SrEntry(sr.ref, f"{sr.name_label} · {reason}", reason)
    warning = ""
    if need_bytes > free and sr.physical_size > 0:
        warning = f"It may grow larger than what is free: {fmt.size(free)}."
    return SrEntry(sr.ref, f"{sr.name_label} · {fmt.size(free)} free", None, warning)
