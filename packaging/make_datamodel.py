"""Write the demo host's data model from xapi's own description of itself.

    python packaging/make_datamodel.py DIR_WITH_XENAPI_JSON

reads `xenapi.json` as xapi generates it and writes `xolite_qt/demo_host/datamodel.json.gz`: names,
types, qualifiers, defaults, enums, parameters, error codes, life-cycle states. No descriptions.
What `xenapi.json` does not say (which calls have no `Async.` form, defaults of parameters that are
not the zero of their type, which reference fields mirror each other) stands in the tables below.

Source: xapi's ocaml/idl (facts only), `xapi.md` 1.5.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "xolite_qt" / "demo_host" / "datamodel.json.gz"
NULL = "OpaqueRef:NULL"

# Classes that live in no table of the database, and tables that make no events.
NOT_IN_DB = {"auth", "event", "data_source", "sr_stat", "probe_result", "vdi_nbd_server_info"}
NO_EVENTS = NOT_IN_DB | {"session", "user", "secret"}

NO_ASYNC_CLASSES = {"session", "event", "task", "data_source", "blob"}
NO_ASYNC = {
    "pool": "emergency_reset_master emergency_transition_to_master is_slave ha_prevent_restarts_for"
    " ha_failover_plan_exists ha_compute_max_host_failures_to_tolerate"
    " ha_compute_hypothetical_max_host_failures_to_tolerate ha_compute_vm_failover_plan"
    " enable_external_auth disable_external_auth external_auth_set_ldaps"
    " detect_nonhomogeneous_external_auth enable_tls_verification test_archive_target"
    " set_local_auth_max_threads set_ext_auth_max_threads get_guest_secureboot_readiness",
    "host": "local_assert_healthy request_backup request_config_file_sync propose_new_master"
    " abort_new_master commit_new_master is_in_emergency_mode signal_networking_change"
    " local_management_reconfigure ha_xapi_healthcheck management_disable shutdown_agent"
    " get_data_sources record_data_source query_data_source forget_data_source_archives"
    " get_diagnostic_timing_stats call_extension list_methods get_system_status_capabilities"
    " set_hostname_live tickle_heartbeat sync_data backup_rrds get_servertime"
    " get_server_localtime emergency_ha_disable emergency_reset_server_certificate"
    " enable_external_auth disable_external_auth external_auth_set_ldaps apply_edition"
    " set_cpu_features reset_cpu_features enable_local_storage_caching"
    " disable_local_storage_caching get_sm_diagnostics get_thread_diagnostics sm_dp_destroy"
    " sync_vlans sync_tunnels sync_pif_currently_attached emergency_disable_tls_verification"
    " emergency_reenable_tls_verification emergency_clear_mandatory_guidance"
    " update_firewalld_service_status",
    "VM": "add_to_platform remove_from_platform set_platform get_boot_record get_data_sources"
    " record_data_source query_data_source forget_data_source_archives",
    "SR": "get_supported_types get_data_sources record_data_source query_data_source"
    " forget_data_source_archives set_virtual_allocation set_physical_size"
    " set_physical_utilisation",
    "VDI": "set_missing set_read_only set_sharable set_managed set_virtual_size"
    " set_physical_utilisation set_is_a_snapshot set_snapshot_of set_snapshot_time"
    " set_metadata_of_pool get_nbd_info",
    "auth": "get_subject_identifier get_subject_information_from_identifier get_group_membership",
    "subject": "add_to_roles remove_from_roles get_permissions_name_label",
    "role": "get_permissions get_permissions_name_label get_by_permission"
    " get_by_permission_name_label",
    "VMSS": "snapshot_now set_retained_snapshots set_frequency set_schedule set_last_run_time"
    " add_to_schedule remove_from_schedule set_type",
    "message": "create destroy get_all get get_since get_by_uuid get_record get_all_records"
    " get_all_records_where",
    "secret": "introduce",
}

PARAM_DEFAULTS: dict[str, Any] = {
    "session.login_with_password.version": "1.1",
    "host.disable.auto_enable": True,
    "Bond.create.mode": "balance-slb",
    "tunnel.create.protocol": "gre",
    "VGPU.create.device": "0",
    "SDN_controller.introduce.protocol": "ssl",
    "VDI.copy.sr": NULL,
    "VDI.copy.into_vdi": NULL,
}

# (class, field) = (class, field): the one mirrors the other; one-to-many unless both are sets.
RELATIONS = """
VM.snapshot_of=VM.snapshots VDI.snapshot_of=VDI.snapshots VM.parent=VM.children
task.subtask_of=task.subtasks PIF.bond_slave_of=Bond.slaves
Bond.master=PIF.bond_master_of VLAN.tagged_PIF=PIF.VLAN_slave_of
tunnel.access_PIF=PIF.tunnel_access_PIF_of tunnel.transport_PIF=PIF.tunnel_transport_PIF_of
PBD.host=host.PBDs PBD.SR=SR.PBDs VBD.VDI=VDI.VBDs crashdump.VDI=VDI.crash_dumps VBD.VM=VM.VBDs
crashdump.VM=VM.crash_dumps VIF.VM=VM.VIFs VIF.network=network.VIFs
Cluster_host.cluster=Cluster.cluster_hosts PIF.host=host.PIFs PIF.network=network.PIFs
VDI.SR=SR.VDIs VTPM.VM=VM.VTPMs console.VM=VM.consoles VM.resident_on=host.resident_VMs
host_cpu.host=host.host_CPUs host_crashdump.host=host.crashdumps host_patch.host=host.patches
host_patch.pool_patch=pool_patch.host_patches host.updates=pool_update.hosts
VM.protection_policy=VMPP.VMs VM.snapshot_schedule=VMSS.VMs VM.appliance=VM_appliance.VMs
VGPU.type=VGPU_type.VGPUs
PGPU.GPU_group=GPU_group.PGPUs VGPU.GPU_group=GPU_group.VGPUs VGPU.VM=VM.VGPUs
VGPU.resident_on=PGPU.resident_VGPUs PGPU.supported_VGPU_types=VGPU_type.supported_on_PGPUs
PGPU.enabled_VGPU_types=VGPU_type.enabled_on_PGPUs
GPU_group.supported_VGPU_types=VGPU_type.supported_on_GPU_groups
GPU_group.enabled_VGPU_types=VGPU_type.enabled_on_GPU_groups PCI.host=host.PCIs
PGPU.host=host.PGPUs
VDI.metadata_of_pool=pool.metadata_VDIs
SR.introduced_by=DR_task.introduced_SRs PVS_server.site=PVS_site.servers
PVS_proxy.site=PVS_site.proxies PVS_cache_storage.site=PVS_site.cache_storage
PUSB.host=host.PUSBs PUSB.USB_group=USB_group.PUSBs VUSB.USB_group=USB_group.VUSBs
VUSB.VM=VM.VUSBs Feature.host=host.features
network_sriov.physical_PIF=PIF.sriov_physical_PIF_of
network_sriov.logical_PIF=PIF.sriov_logical_PIF_of Certificate.host=host.certificates
VM.groups=VM_group.VMs Driver_variant.driver=Host_driver.variants
Caller.rate_limit=Rate_limit.callers
"""


def zero(kind: str, enums: dict[str, list[str]]) -> Any:
    """The value of a type when nobody gave one."""
    if kind.endswith((" option", " record")) or kind == "void":
        return None
    if kind.endswith(" set"):
        return []
    if kind.endswith(" map"):
        return {}
    if kind.endswith(" ref"):
        return NULL
    if kind.startswith("enum "):
        return enums[kind.removeprefix("enum ")][0]
    return {
        "string": "",
        "bool": False,
        "int": 0,
        "float": 0.0,
        "datetime": "19700101T00:00:00Z",
    }.get(kind)


def plain(text: str) -> Any:
    """A scalar as the data model prints it."""
    text = text.strip()
    if text.startswith('"'):
        return text[1:-1]
    if text in ("Null", NULL):
        return NULL
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d*", text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def default(kind: str, text: str | None, enums: dict[str, list[str]]) -> Any:
    """The default of a field, as the value that goes over the wire."""
    if text is None:
        return zero(kind, enums)
    if text.startswith("{"):
        items = [item for item in text[1:-1].split(",") if item.strip()]
        if kind.endswith(" map"):
            pairs = (item.split("->", 1) for item in items)
            return {str(plain(key)): plain(value) for key, value in pairs}
        # A role's reference is made anew by every installation.
        return [] if kind == "role ref set" else [plain(item) for item in items]
    value = plain(text)
    if kind == "string" or kind.startswith("enum"):
        return "" if value == "()" else str(value)
    return value


def since(thing: dict[str, Any]) -> str:
    return next(
        (
            str(step["release"])
            for step in thing["lifecycle"]["transitions"]
            if step["transition"] in ("published", "prototyped")
        ),
        "",
    )


def has_async(cls: str, message: dict[str, Any]) -> bool:
    if cls in NO_ASYNC_CLASSES or message["name"] in NO_ASYNC.get(cls, "").split():
        return False
    if message["lifecycle"]["state"] == "Removed_s":
        return False
    return not message["implicit"] or message["name"] in ("create", "destroy")


def main() -> None:
    source = Path(sys.argv[1])
    described = json.loads((source / "xenapi.json").read_text())
    enums = {
        enum["name"]: [value["name"] for value in enum["values"]]
        for cls in described
        for enum in cls["enums"]
    }
    classes = {}
    for cls in described:
        name = cls["name"]
        fields = {
            field["name"]: [
                field["type"],
                field["qualifier"],
                field["lifecycle"]["state"].removesuffix("_s"),
                since(field),
                default(field["type"], field.get("default"), enums),
                "default" in field,
            ]
            for field in cls["fields"]
        }
        messages = {
            message["name"]: {
                "result": "event batch"
                if message["result"][0] == "an event batch"
                else message["result"][0],
                "params": [
                    [
                        param["name"],
                        param["type"],
                        param["required"],
                        None
                        if param["required"]
                        else PARAM_DEFAULTS.get(
                            f"{name}.{message['name']}.{param['name']}",
                            zero(param["type"], enums),
                        ),
                    ]
                    for param in message["params"]
                ],
                "errors": [error["name"] for error in message["errors"]],
                "state": message["lifecycle"]["state"].removesuffix("_s"),
                "since": since(message),
                "async": has_async(name, message),
                "implicit": message["implicit"],
            }
            for message in cls["messages"]
        }
        if "get_all_records" in messages and "get_all_records_where" not in messages:
            # Every class with records has it; the documentation hides it.
            listing = messages["get_all_records"]
            messages["get_all_records_where"] = {
                **listing,
                "params": [*listing["params"], ["expr", "string", True, None]],
            }
        classes[name] = {
            "state": cls["lifecycle"]["state"].removesuffix("_s"),
            "since": since(cls),
            "in_db": name not in NOT_IN_DB and name != "message",
            "events": name not in NO_EVENTS,
            "fields": fields,
            "messages": messages,
        }
    relations = []
    for pair in RELATIONS.split():
        one, many = (side.split(".") for side in pair.split("="))
        for cls_name, field_name in (one, many):
            if field_name not in classes[cls_name]["fields"]:
                raise SystemExit(f"no field {cls_name}.{field_name}")
        relations.append([*one, *many])
    model = {"classes": classes, "enums": enums, "relations": relations}
    # Unsorted: a host sends the fields of a record in the order of the data model.
    data = json.dumps(model, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{TARGET.name}: {len(classes)} classes, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
