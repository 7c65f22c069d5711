"""The network cards of a restored VM: where they go, and with which address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xolite_qt.xen_api import PIF, VIF, VM, Network, XenApi

from .records import Networks, in_order, vif_arguments
from .to_file import RestoreError


class Cards:
    """The cards of one VM in a backup."""

    def __init__(
        self, api: XenApi, vifs: Mapping[str, Mapping[str, Any]], told: Callable[[str], None]
    ) -> None:
        """Args:
        api: signed in.
        vifs: records in the backup.
        told: hears which card is left out or gets a new address.
        """
        self._api, self._told = api, told
        self._vifs = in_order(vifs)

    async def chosen(self, wishes: Mapping[str, str]) -> dict[str, str]:
        """Wishes by the uuids that the backup has: those of the snapshot's cards.

        Args:
            wishes: uuid of a network, or "", by uuid of a card in the backup or on the host.

        Raises:
            RestoreError: no card of the backup is meant by one of them.
        """
        known = {vif.get("uuid", ""): vif for vif in self._vifs}
        found = {uuid: network for uuid, network in wishes.items() if uuid in known}
        others = {uuid: network for uuid, network in wishes.items() if uuid not in known}
        if not others:
            return found
        by_mac = {vif.get("MAC", "").lower(): uuid for uuid, vif in known.items()}
        for one in (await self._api.get_all_records(VIF)).values():
            if one.uuid in others and one.mac.lower() in by_mac:
                found[by_mac[one.mac.lower()]] = others.pop(one.uuid)
        if others:
            raise RestoreError(f"the backup has no network card {min(others)}")
        return found

    async def is_seed_taken(self, vm: Mapping[str, Any]) -> bool:
        """Whether a VM on the host makes its MAC addresses of the same seed."""
        seed = vm.get("other_config", {}).get("mac_seed")
        found = (await self._api.get_all_records(VM)).values()
        return any(
            one.other_config.get("mac_seed") == seed
            for one in found
            if not one.is_a_snapshot and not one.is_a_template
        )

    async def make(self, vm: str, chosen: Mapping[str, str], *, keep_macs: bool) -> None:
        """Gives a VM its cards.

        Args:
            vm: reference of the new VM.
            chosen: as `chosen` returns it.
            keep_macs: keep addresses that another VM has.

        Raises:
            RestoreError: a network that was chosen is not on the host.
        """
        networks = await self._networks()
        taken = await self._macs()
        for vif in self._vifs:
            device, wish = vif.get("device", "?"), chosen.get(vif.get("uuid", ""))
            if wish == "":
                continue
            network = networks.by_uuid.get(wish) if wish else networks.find(vif)
            if network is None and wish:
                raise RestoreError(f"the host has no network {wish}")
            if network is None:
                name = vif.get("$network$name_label") or "?"
                self._told(f"card {device} is left out: no network like {name}")
                continue
            free = vif.get("MAC", "").lower() not in taken
            if not free and not keep_macs:
                self._told(f"card {device} gets a new MAC address: another VM has it")
            arguments = vif_arguments(vif, vm, network, keep_mac=free or keep_macs)
            await self._api.call("VIF.create", arguments)

    async def _macs(self) -> set[str]:
        """Addresses in use; what snapshots and templates have disturbs nobody."""
        vms = await self._api.get_all_records(VM)
        asleep = {ref for ref, vm in vms.items() if vm.is_a_snapshot or vm.is_a_template}
        vifs = (await self._api.get_all_records(VIF)).values()
        return {vif.mac.lower() for vif in vifs if vif.vm not in asleep}

    async def _networks(self) -> Networks:
        vlans: dict[str, int] = {}
        for pif in (await self._api.get_all_records(PIF)).values():
            vlans.setdefault(pif.network, pif.vlan)
        by_uuid: dict[str, str] = {}
        by_both: dict[tuple[int, str], str] = {}
        by_vlan: dict[int, str] = {}
        for ref, network in (await self._api.get_all_records(Network)).items():
            by_uuid[network.uuid] = ref
            if ref in vlans:
                by_both[vlans[ref], network.name_label] = ref
                by_vlan.setdefault(vlans[ref], ref)
        return Networks(by_uuid, by_both, by_vlan)


async def find_network(api: XenApi, name: str) -> str:
    """uuid of the network of this name or uuid.

    Raises:
        RestoreError: none, or several.
    """
    networks = await api.get_all_records(Network)
    found = [one.uuid for one in networks.values() if name in (one.uuid, one.name_label)]
    if len(found) != 1:
        what = "several networks are" if found else "no network is"
        raise RestoreError(f"{what} called {name!r}")
    return found[0]
