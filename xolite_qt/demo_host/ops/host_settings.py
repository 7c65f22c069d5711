"""Settings and questions of a host and of the pool that follow rules of their own.

Source: `xapi.md` 1.11, 1.14.
"""

from __future__ import annotations

import time

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import record_of
from xolite_qt.demo_host.registry import Call, Failure, method


@method("host.get_management_interface")
def host_get_management_interface(call: Call, host: str) -> str:
    for ref in call.db.get("host", host)["PIFs"]:
        if record_of(call.host, "PIF", ref).get("management"):
            return str(ref)
    raise Failure("HOST_HAS_NO_MANAGEMENT_IP")


@method("host.get_server_certificate")
def host_get_server_certificate(call: Call, host: str) -> str:
    """The certificate that this process serves with, as PEM."""
    return call.host.certificate.pem


@method("host.set_hostname_live")
def host_set_hostname_live(call: Call, host: str, hostname: str) -> None:
    if not hostname or len(hostname) > 253 or not hostname.replace("-", "").isalnum():
        raise Failure("HOST_NAME_INVALID", hostname)
    call.db.set("host", host, hostname=hostname)


@method("host.set_power_on_mode")
def host_set_power_on_mode(call: Call, self: str, mode: str, config: dict[str, str]) -> None:
    call.db.set("host", self, power_on_mode=mode, power_on_config=config)


@method("host.power_on")
def host_power_on(call: Call, host: str) -> None:
    if not call.db.get("host", host)["power_on_mode"]:
        raise Failure("HOST_POWER_ON_NOT_CONFIGURED", host)
    metrics = call.db.get("host", host)["metrics"]
    if call.db.exists("host_metrics", metrics):
        call.db.set("host_metrics", metrics, live=True, last_updated=call.host.clock.iso())
    call.db.set("host", host, enabled=True, current_operations={})
    call.host.recompute("host", host)


@method("host.destroy")
def host_destroy(call: Call, self: str) -> None:
    """Forgets a host that is gone for good."""
    record = call.db.get("host", self)
    if self == call.host.this_host:
        raise Failure("HOST_IS_LIVE", self)
    if record_of(call.host, "host_metrics", record["metrics"]).get("live"):
        raise Failure("HOST_IS_LIVE", self)
    for vm in record["resident_VMs"]:
        if not record_of(call.host, "VM", vm).get("is_control_domain", True):
            raise Failure("HOST_HAS_RESIDENT_VMS", self)
    for cls, field in (("PBD", "PBDs"), ("PIF", "PIFs"), ("host_cpu", "host_CPUs")):
        for ref in list(record[field]):
            if call.db.exists(cls, ref):
                call.db.destroy(cls, ref)
    call.db.destroy("host", self)


@method("host.get_sched_gran")
def host_get_sched_gran(call: Call, self: str) -> str:
    return "cpu"


@method("host.enable_display")
def host_enable_display(call: Call, host: str) -> str:
    call.db.set("host", host, display="enabled")
    return "enabled"


@method("host.disable_display")
def host_disable_display(call: Call, host: str) -> str:
    call.db.set("host", host, display="disable_on_reboot")
    return "disable_on_reboot"


@method("host.list_methods")
def host_list_methods(call: Call) -> list[str]:
    return call.host.dispatcher.method_names()


@method("host.get_log")
def host_get_log(call: Call, host: str) -> str:
    return f"{_stamp(call)} xapi: [debug||0 ||xapi] no log is kept on a simulated host\n"


@method("host.dmesg")
def host_dmesg(call: Call, host: str) -> str:
    name = call.db.get("host", host)["software_version"].get("xen", "")
    return f"(XEN) Xen version {name}\n"


def _stamp(call: Call) -> str:
    return time.strftime("%b %d %H:%M:%S", time.gmtime(call.host.clock.time_s()))


@method("host.syslog_reconfigure")
def host_syslog_reconfigure(call: Call, host: str) -> None:
    """The new target is in `logging` already."""


@method("host.sync_data")
def host_sync_data(call: Call, host: str) -> None:
    """Everything is where it belongs."""


@method("host.backup_rrds")
def host_backup_rrds(call: Call, host: str, delay: float) -> None:
    """Measurements are computed, there is nothing to write."""


@method("host.has_extension")
def host_has_extension(call: Call, host: str, name: str) -> bool:
    return False


@method("pool.has_extension")
def pool_has_extension(call: Call, self: str, name: str) -> bool:
    return False


@method("pool.sync_database")
def pool_sync_database(call: Call) -> None:
    """There is one copy only."""


@method("pool.get_license_state")
def pool_get_license_state(call: Call, self: str) -> dict[str, str]:
    master = record_of(call.host, "host", call.db.get("pool", self)["master"])
    return {"edition": master.get("edition", ""), "expiry": "never"}


@method("pool.designate_new_master")
def pool_designate_new_master(call: Call, host: str) -> None:
    """A simulated pool has one process: it leads, whatever it is told."""
    if host != call.host.this_host:
        raise Failure("NOT_IMPLEMENTED", "pool.designate_new_master")


@method("pool.management_reconfigure")
def pool_management_reconfigure(call: Call, network: str) -> None:
    """Every host is managed over its interface on that network.

    Raises:
        Failure: PIF_NOT_PRESENT [host, network], PIF_HAS_NO_NETWORK_CONFIGURATION [pif].
    """
    chosen: dict[str, str] = {}
    for ref in call.db.get("network", network)["PIFs"]:
        pif = record_of(call.host, "PIF", ref)
        if pif:
            chosen[pif["host"]] = ref
    for host in call.db.refs("host"):
        if host not in chosen:
            raise Failure("PIF_NOT_PRESENT", host, network)
        if call.db.get("PIF", chosen[host])["ip_configuration_mode"] == "None":
            raise Failure("PIF_HAS_NO_NETWORK_CONFIGURATION", chosen[host])
    for ref, pif in call.db.records("PIF").items():
        call.db.set("PIF", ref, management=chosen.get(pif["host"], NULL_REF) == ref)
