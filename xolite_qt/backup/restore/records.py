"""From the records in a backup to what a host wants to hear to make a VM anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NULL_REF = "OpaqueRef:NULL"

# What VM.create needs, and what it is where a backup (of another version) lacks it.
_VM_FIELDS: dict[str, Any] = {
    "name_label": "",
    "name_description": "",
    "user_version": 1,
    "is_a_template": False,
    "memory_static_max": 0,
    "memory_dynamic_max": 0,
    "memory_dynamic_min": 0,
    "memory_static_min": 0,
    "VCPUs_params": {},
    "VCPUs_max": 1,
    "VCPUs_at_startup": 1,
    "actions_after_shutdown": "destroy",
    "actions_after_reboot": "restart",
    "actions_after_crash": "restart",
    "PV_bootloader": "",
    "PV_kernel": "",
    "PV_ramdisk": "",
    "PV_args": "",
    "PV_bootloader_args": "",
    "PV_legacy_args": "",
    "HVM_boot_policy": "",
    "HVM_boot_params": {},
    "HVM_shadow_multiplier": 1.0,
    "platform": {},
    "PCI_bus": "",
    "other_config": {},
    "recommendations": "",
    "xenstore_data": {},
    "ha_always_run": False,
    "ha_restart_priority": "",
    "order": 0,
    "start_delay": 0,
    "shutdown_delay": 0,
    "tags": [],
    "blocked_operations": {},
    "bios_strings": {},
    "generation_id": "",
    "hardware_platform_version": 0,
    "has_vendor_device": False,
    "is_vmss_snapshot": False,
    "domain_type": "unspecified",
    "NVRAM": {},
}
_INTS = frozenset(
    {
        "user_version",
        "memory_static_max",
        "memory_dynamic_max",
        "memory_dynamic_min",
        "memory_static_min",
        "VCPUs_max",
        "VCPUs_at_startup",
        "order",
        "start_delay",
        "shutdown_delay",
        "hardware_platform_version",
    }
)
# Of the old VM's life, not of what it is.
_NOT_KEPT = ("xo:", "xolite:", "auto_poweron", "import_task", "mac_seed", "base_template_name")
BLOCKED = ("start", "start_on", "resume", "resume_on")
"""What nobody may do with a VM that is being restored."""


def vm_arguments(vm: Mapping[str, Any], name: str | None, *, keep_seed: bool) -> dict[str, Any]:
    """What VM.create is told.

    Args:
        vm: the record in the backup.
        name: the new name; the old one where None.
        keep_seed: keep what the host makes MAC addresses of: two VMs with the same one get the
            same addresses.
    """
    made = {field_: vm.get(field_, default) for field_, default in _VM_FIELDS.items()}
    for field_ in _INTS:
        made[field_] = int(made[field_])
    kept = {k: v for k, v in made["other_config"].items() if not k.startswith(_NOT_KEPT)}
    seed = made["other_config"].get("mac_seed")
    made["other_config"] = kept | ({"mac_seed": seed} if seed and keep_seed else {})
    made["is_a_template"] = False
    made["name_label"] = vm.get("name_label", "") if name is None else name
    made["affinity"] = made["suspend_SR"] = made["protection_policy"] = NULL_REF
    made["appliance"] = made["snapshot_schedule"] = NULL_REF
    # Nobody starts it before its disks are whole.
    made["blocked_operations"] = dict.fromkeys(BLOCKED, "it is being restored")
    made["ha_always_run"], made["ha_restart_priority"] = False, ""
    return made


def vdi_arguments(vdi: Mapping[str, Any], sr: str, size_bytes: int) -> dict[str, Any]:
    """What VDI.create is told."""
    other = {
        k: v for k, v in vdi.get("other_config", {}).items() if not k.startswith(("xo:", "xolite:"))
    }
    return {
        "name_label": vdi.get("name_label", ""),
        "name_description": vdi.get("name_description", ""),
        "SR": sr,
        "virtual_size": size_bytes,
        "type": vdi["type"] if vdi.get("type") in ("user", "system", "suspend") else "user",
        "sharable": False,
        "read_only": False,
        "other_config": other,
        "xenstore_data": {},
        "sm_config": {},
        "tags": list(vdi.get("tags", [])),
    }


def vbd_arguments(vbd: Mapping[str, Any], vm: str, vdi: str | None) -> dict[str, Any]:
    """What VBD.create is told; an empty drive where there is no disk."""
    return {
        "VM": vm,
        "VDI": vdi or NULL_REF,
        "userdevice": vbd.get("userdevice", "autodetect"),
        "bootable": bool(vbd.get("bootable", False)),
        "mode": vbd.get("mode", "RW"),
        "type": vbd.get("type", "Disk"),
        "unpluggable": bool(vbd.get("unpluggable", True)),
        "empty": vdi is None,
        "other_config": dict(vbd.get("other_config", {})),
        "qos_algorithm_type": vbd.get("qos_algorithm_type", ""),
        "qos_algorithm_params": dict(vbd.get("qos_algorithm_params", {})),
    }


def vif_arguments(
    vif: Mapping[str, Any], vm: str, network: str, *, keep_mac: bool
) -> dict[str, Any]:
    """What VIF.create is told; the host makes a new MAC where the old one is not kept."""
    return {
        "VM": vm,
        "network": network,
        "device": vif.get("device", "0"),
        "MAC": vif.get("MAC", "") if keep_mac else "",
        "MTU": int(vif.get("MTU", 1500)),
        "other_config": dict(vif.get("other_config", {})),
        "qos_algorithm_type": vif.get("qos_algorithm_type", ""),
        "qos_algorithm_params": dict(vif.get("qos_algorithm_params", {})),
        "locking_mode": vif.get("locking_mode", "network_default"),
        "ipv4_allowed": list(vif.get("ipv4_allowed", [])),
        "ipv6_allowed": list(vif.get("ipv6_allowed", [])),
    }


@dataclass(frozen=True)
class Networks:
    """The networks of a host, to find the one that a card hung on.

    Attributes:
        by_uuid: reference by uuid.
        by_vlan_and_name: reference by (VLAN, name).
        by_vlan: a reference by VLAN.
    """

    by_uuid: Mapping[str, str] = field(default_factory=dict)
    by_vlan_and_name: Mapping[tuple[int, str], str] = field(default_factory=dict)
    by_vlan: Mapping[int, str] = field(default_factory=dict)

    def find(self, vif: Mapping[str, Any]) -> str | None:
        """The same network, else one of the same VLAN and name, else of the same VLAN."""
        uuid, vlan = vif.get("$network$uuid", ""), int(vif.get("$network$VLAN", -1))
        name = vif.get("$network$name_label", "")
        return (
            self.by_uuid.get(uuid)
            or self.by_vlan_and_name.get((vlan, name))
            or self.by_vlan.get(vlan)
        )


def in_order(records: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Drives or cards in the order of their devices."""

    def key(record: Mapping[str, Any]) -> tuple[int, str]:
        place = str(record.get("userdevice", record.get("device", "")))
        return len(place), place

    return sorted(records.values(), key=key)
