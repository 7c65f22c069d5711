"""High availability: heartbeats on a shared SR, and whether all VMs could be restarted elsewhere.

Source: the toolstack's own rules for who may carry a heartbeat, and what its planner answers.
"""

from __future__ import annotations

from itertools import combinations

from xolite_qt.demo_host.db import Database
from xolite_qt.demo_host.ops.device_rules import is_live, record_of
from xolite_qt.demo_host.ops.running import free_memory
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.ops.vm_questions import vm_assert_agile
from xolite_qt.demo_host.registry import Call, Failure, method

STACK = "xhad"
STATEFILE_BYTES = 4096 + 64 * 4096
PRIORITIES = ("restart", "best-effort", "")
# Drivers that lend a disk to a host before its toolstack is there.
_OFFLINE = ("VDI_GENERATE_CONFIG", "VDI_ATTACH_OFFLINE")
_PLANS = 200
"""So many sets of failed hosts are tried; beyond that, the ones that hurt most stand for all."""


def _pool(db: Database) -> str:
    return next(iter(db.refs("pool")))


@method("SR.assert_can_host_ha_statefile")
def sr_assert_can_host_ha_statefile(call: Call, sr: str) -> None:
    """Every host reaches it, and its driver can lend a disk without the toolstack.

    Raises:
        Failure: SR_HAS_NO_PBDS, SR_OPERATION_NOT_SUPPORTED.
    """
    db = call.db
    record = db.get("SR", sr)
    plugs = [record_of(call.host, "PBD", ref) for ref in record["PBDs"]]
    reached = {plug["host"] for plug in plugs if plug.get("currently_attached")}
    if set(db.refs("host")) - reached:
        raise Failure("SR_HAS_NO_PBDS", sr)
    drivers = [one for one in db.records("SM").values() if one["type"] == record["type"]]
    if not drivers:
        raise Failure(
            "INTERNAL_ERROR", "SR does not have corresponding SM record", sr, record["type"]
        )
    if not any(feature in drivers[0]["features"] for feature in _OFFLINE):
        raise Failure("SR_OPERATION_NOT_SUPPORTED", sr)


def _can_carry(call: Call, sr: str) -> bool:
    try:
        sr_assert_can_host_ha_statefile(call, sr)
    except Failure:
        return False
    return True


@method("pool.enable_ha")
async def pool_enable_ha(
    call: Call, heartbeat_srs: list[str], configuration: dict[str, str]
) -> None:
    """Puts a state file on the first SR, and begins to beat.

    Raises:
        Failure: HA_IS_ENABLED, LICENCE_RESTRICTION, REQUIRED_PIF_IS_UNPLUGGED, HOST_OFFLINE,
            CANNOT_CREATE_STATE_FILE, and why an SR cannot carry it.
    """
    db = call.db
    pool = _pool(db)
    if db.get("pool", pool)["ha_enabled"]:
        raise Failure("HA_IS_ENABLED")
    _check_licence(call)
    loose = [
        ref
        for ref, pif in db.records("PIF").items()
        if pif["disallow_unplug"] and not pif["currently_attached"]
    ]
    if loose:
        raise Failure("REQUIRED_PIF_IS_UNPLUGGED", *loose)
    for host, record in db.records("host").items():
        if not record_of(call.host, "host_metrics", record["metrics"]).get("live"):
            raise Failure("HOST_OFFLINE", host)
    possible = heartbeat_srs or [ref for ref in db.refs("SR") if _can_carry(call, ref)]
    if not possible:
        raise Failure("CANNOT_CREATE_STATE_FILE")
    # The daemon handles one only.
    sr = possible[0]
    sr_assert_can_host_ha_statefile(call, sr)
    await take(call, 12.0)
    statefile = _disk(call, sr, "ha_statefile", "Statefile for HA", STATEFILE_BYTES)
    _disk(call, sr, "redo_log", "Metadata for HA", 256 << 20)
    db.set(
        "pool",
        pool,
        ha_enabled=True,
        ha_statefiles=[statefile],
        ha_configuration=configuration,
        ha_cluster_stack=STACK,
    )
    everyone = [db.get("host", ref)["uuid"] for ref in db.refs("host")]
    for host in list(db.refs("host")):
        db.set("host", host, ha_statefiles=[statefile], ha_network_peers=everyone)
    _update(call)


def _check_licence(call: Call) -> None:
    for record in call.db.records("host").values():
        if record["license_params"].get("restrict_ha", "").lower() == "true":
            raise Failure("LICENCE_RESTRICTION", "HA")


def _disk(call: Call, sr: str, kind: str, name: str, size_bytes: int) -> str:
    for ref in call.db.get("SR", sr)["VDIs"]:
        if record_of(call.host, "VDI", ref).get("type") == kind:
            return str(ref)
    return call.db.create(
        "VDI",
        SR=sr,
        type=kind,
        name_label=name,
        name_description="Used for high availability",
        virtual_size=size_bytes,
        physical_utilisation=size_bytes,
        sharable=True,
        managed=True,
        sm_config={"type": "raw"},
    )


@method("pool.disable_ha")
async def pool_disable_ha(call: Call) -> None:
    """Every host stops beating; the state file stays for the next time.

    Raises:
        Failure: HA_NOT_ENABLED.
    """
    db = call.db
    pool = _pool(db)
    if not db.get("pool", pool)["ha_enabled"]:
        raise Failure("HA_NOT_ENABLED")
    await take(call, 6.0)
    db.set("pool", pool, ha_enabled=False, ha_plan_exists_for=0, ha_statefiles=[])
    for host in list(db.refs("host")):
        db.set("host", host, ha_statefiles=[], ha_network_peers=[])


@method("pool.set_ha_host_failures_to_tolerate")
def pool_set_ha_host_failures_to_tolerate(call: Call, self: str, value: int) -> None:
    """How many hosts may fail.

    Raises:
        Failure: INVALID_VALUE, HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN.
    """
    if value < 0:
        raise Failure("INVALID_VALUE", "ha_host_failures_to_tolerate", value)
    pool = call.db.get("pool", self)
    # Without any plan there is none to break.
    if pool["ha_plan_exists_for"] > 0 and _guards(call) and value > _most_failures(call):
        raise Failure("HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN")
    call.db.set("pool", self, ha_host_failures_to_tolerate=value)
    _update(call)


@method("pool.set_ha_allow_overcommit")
def pool_set_ha_allow_overcommit(call: Call, self: str, value: bool) -> None:
    """Whether more may be promised than can be kept."""
    call.db.set("pool", self, ha_allow_overcommit=value)


@method("pool.ha_compute_max_host_failures_to_tolerate")
def pool_ha_compute_max(call: Call) -> int:
    """How many hosts may fail with all protected VMs restarted."""
    _update(call)
    return _most_failures(call)


@method("pool.ha_compute_hypothetical_max_host_failures_to_tolerate")
def pool_ha_compute_hypothetical_max(call: Call, configuration: dict[str, str]) -> int:
    """The same with other VMs protected.

    Raises:
        Failure: INVALID_VALUE.
    """
    for priority in configuration.values():
        _check_priority(priority)
    return _most_failures(call, [vm for vm, how in configuration.items() if how == "restart"])


@method("pool.ha_failover_plan_exists")
def pool_ha_failover_plan_exists(call: Call, n: int) -> bool:
    """Whether all protected VMs can be restarted after so many failures."""
    return n <= _most_failures(call) and all(_is_agile(call, vm) for vm in _protected(call))


# VMs


def _check_priority(value: str) -> None:
    if value not in PRIORITIES:
        raise Failure("INVALID_VALUE", "ha_restart_priority", value)


@method("VM.set_ha_restart_priority")
def vm_set_ha_restart_priority(call: Call, self: str, value: str) -> None:
    """Whether it is restarted, if possible, or not.

    Raises:
        Failure: INVALID_VALUE, HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED,
            HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN.
    """
    _check_priority(value)
    was = call.db.get("VM", self)["ha_restart_priority"]
    if value == "restart" and was != value and _guards(call) and is_live(call.host, self):
        vm_assert_agile(call, self)
        tolerated = call.db.get("pool", _pool(call.db))["ha_host_failures_to_tolerate"]
        if _most_failures(call, [*_protected(call), self]) < tolerated:
            raise Failure("HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN")
    call.db.set("VM", self, ha_restart_priority=value)
    _update(call)


def _set_number(call: Call, vm: str, field: str, value: int) -> None:
    if value < 0:
        raise Failure("INVALID_VALUE", field, value)
    call.db.set("VM", vm, **{field: value})


@method("VM.set_order")
def vm_set_order(call: Call, self: str, value: int) -> None:
    """Its place among those that start or stop together."""
    _set_number(call, self, "order", value)


@method("VM.set_start_delay")
def vm_set_start_delay(call: Call, self: str, value: int) -> None:
    """Seconds until the next place in the order starts."""
    _set_number(call, self, "start_delay", value)


@method("VM.set_shutdown_delay")
def vm_set_shutdown_delay(call: Call, self: str, value: int) -> None:
    """Seconds until the next place in the order is shut down."""
    _set_number(call, self, "shutdown_delay", value)


# The planner


def _guards(call: Call) -> bool:
    pool = call.db.get("pool", _pool(call.db))
    return bool(pool["ha_enabled"] and not pool["ha_allow_overcommit"])


def _protected(call: Call) -> list[str]:
    return [
        ref
        for ref, vm in call.db.records("VM").items()
        if vm["ha_restart_priority"] == "restart"
        and not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
        and is_live(call.host, ref)
    ]


def _is_agile(call: Call, vm: str) -> bool:
    try:
        vm_assert_agile(call, vm)
    except Failure:
        return False
    return True


def _most_failures(call: Call, protected: list[str] | None = None) -> int:
    chosen = _protected(call) if protected is None else protected
    agile = [call.db.get("VM", vm) for vm in chosen if _is_agile(call, vm)]
    hosts = list(call.db.refs("host"))
    free = {host: free_memory(call.host, host) for host in hosts}
    survived = 0
    for failing in range(1, len(hosts)):
        sets = list(combinations(hosts, failing)) if len(hosts) <= 8 else []
        by_load = sorted(
            hosts,
            key=lambda host: -sum(vm["memory_static_max"] for vm in agile if _is_on(vm, host)),
        )
        tried = sets[:_PLANS] or [tuple(by_load[:failing])]
        if not all(_fits(agile, set(gone), free) for gone in tried):
            break
        survived = failing
    return survived


def _is_on(vm: dict[str, object], host: str) -> bool:
    return vm["resident_on"] == host


def _fits(vms: list[dict[str, object]], gone: set[str], free: dict[str, int]) -> bool:
    room = {host: left for host, left in free.items() if host not in gone}
    sizes = sorted(
        (int(str(vm["memory_static_max"])) for vm in vms if vm["resident_on"] in gone), reverse=True
    )
    for size in sizes:
        host = max(room, key=lambda one: room[one])
        if room[host] < size:
            return False
        room[host] -= size
    return True


def _update(call: Call) -> None:
    pool = _pool(call.db)
    record = call.db.get("pool", pool)
    if not record["ha_enabled"]:
        return
    most, wanted = _most_failures(call), record["ha_host_failures_to_tolerate"]
    fields = {"ha_overcommitted": wanted > most, "ha_plan_exists_for": min(wanted, most)}
    if any(record[name] != value for name, value in fields.items()):
        call.db.set("pool", pool, **fields)
