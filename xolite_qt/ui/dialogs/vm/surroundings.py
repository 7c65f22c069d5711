"""What a form about whole VMs has to know: hosts, storages, networks, and the VMs' devices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xolite_qt.ui.dialogs.vm.doomed import records
from xolite_qt.ui.models.sr_reasons import SrEntry, entries
from xolite_qt.xen_api import PBD, PIF, SR, VBD, VDI, VIF, VM, Host, Network


@dataclass(frozen=True)
class Surroundings:
    """As read just before a form opens; all by reference.

    Attributes:
        vms: what the form is about.
        hosts, srs, pbds, networks, pifs: of the pool.
        vbds, vdis, vifs: of the VMs; discs are left out.
    """

    vms: tuple[VM, ...]
    hosts: dict[str, Host]
    srs: dict[str, SR]
    pbds: dict[str, PBD]
    networks: dict[str, Network]
    pifs: dict[str, PIF]
    vbds: dict[str, VBD]
    vdis: dict[str, VDI]
    vifs: dict[str, VIF]

    def disks(self, vm: VM) -> list[VDI]:
        """A VM's disks, by their position."""
        found = [self.vbds[ref] for ref in vm.vbds if ref in self.vbds]
        found.sort(key=lambda vbd: (len(vbd.userdevice), vbd.userdevice))
        return [self.vdis[vbd.vdi] for vbd in found if vbd.vdi in self.vdis]

    def cards(self, vm: VM) -> list[VIF]:
        """A VM's network cards, by their position."""
        found = [self.vifs[ref] for ref in vm.vifs if ref in self.vifs]
        return sorted(found, key=lambda vif: (len(vif.device), vif.device))

    def sees(self, host: str, sr: str) -> bool:
        """Whether a storage is plugged in at a host."""
        plugs = (pbd for pbd in self.pbds.values() if pbd.sr == sr)
        return any(pbd.host == host and pbd.currently_attached for pbd in plugs)

    def has_network(self, host: str, network: str) -> bool:
        """Whether a host has a network; one without interfaces is made on any."""
        pifs = [pif for pif in self.pifs.values() if pif.network == network]
        return not pifs or any(pif.host == host for pif in pifs)

    def storages(self, need_bytes: int, host: str = "", stays: str = "") -> list[SrEntry]:
        """The storages for a picker.

        Args:
            need_bytes: of the disks.
            host: that has to see it; "" for any.
            stays: where the disk is now: offered too, as far as the host sees it.
        """
        found = entries(self.srs, self.pbds, self.hosts, need_bytes=need_bytes, only_host=host)
        if stays in self.srs and self.sees(host, stays):
            keep = SrEntry(stays, f"{self.srs[stays].name_label} · stays there")
            found = [keep, *(one for one in found if one.ref != stays)]
        return found


async def surroundings(api: Any, vms: Sequence[VM]) -> Surroundings:
    """Reads them.

    Raises:
        XenApiError: something could not be read.
    """
    kinds: tuple[type[Any], ...] = (Host, SR, PBD, Network, PIF)
    hosts, srs, pbds, networks, pifs = await asyncio.gather(
        *(api.get_all_records(kind) for kind in kinds)
    )
    vbds = await records(api, "vbd", [ref for vm in vms for ref in vm.vbds])
    vbds = {ref: vbd for ref, vbd in vbds.items() if vbd.type == "Disk" and not vbd.empty}
    vdis = await records(api, "vdi", list(dict.fromkeys(vbd.vdi for vbd in vbds.values())))
    vifs = await records(api, "vif", [ref for vm in vms for ref in vm.vifs])
    return Surroundings(tuple(vms), hosts, srs, pbds, networks, pifs, vbds, vdis, vifs)
