"""Creation of an XOSTOR as a list of exact calls. It is only a list: nothing here calls a host.

Source: peers.md 3.2, 3.3 (order of steps, plug-ins, arguments).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from xolite_qt.stores.xostor.answers import PLUGIN
from xolite_qt.stores.xostor.capacity import Capacity, capacity
from xolite_qt.stores.xostor.hosts import PACKAGE, HostProbe

GROUP = "linstor_group"
THIN = "thin_device"
RELEASE_PACKAGE = "xcp-ng-release-linstor"
_PROVISIONING = ("thin", "thick")


class CreateForm(msgspec.Struct, frozen=True):
    """What people choose.

    Attributes:
        name: of the SR.
        description: of the SR.
        redundancy: copies of each VDI, 1 to 3; cannot be changed later.
        provisioning: "thin" or "thick".
        disks: paths of devices by host reference.
        ignore_filesystems: take disks that have one.
        interface: name of a network interface for replication; empty: the management network.
        pifs: uuid of the PIF for it, by host reference.
    """

    name: str = ""
    description: str = ""
    redundancy: int = 2
    provisioning: str = "thin"
    disks: dict[str, tuple[str, ...]] = {}
    ignore_filesystems: bool = False
    interface: str = ""
    pifs: dict[str, str] = {}

    @property
    def group_name(self) -> str:
        """LINSTOR's name for the room on the hosts."""
        return f"{GROUP}/{THIN}" if self.provisioning == "thin" else GROUP


class PlannedCall(msgspec.Struct, frozen=True):
    """One call as it would be made.

    Attributes:
        method: of XAPI, such as "host.call_plugin".
        host: name of the host it is made for.
        host_uuid: of that host.
        plugin: for plug-in calls.
        function: of the plug-in.
        args: of the plug-in, or the fields of an SR.
        address: of the host.
    """

    method: str
    host: str
    host_uuid: str
    plugin: str = ""
    function: str = ""
    args: dict[str, str] = {}
    address: str = ""

    def line(self) -> str:
        """The call in one line, for people."""
        args = ", ".join(f"{key}={value}" for key, value in self.args.items() if value)
        if self.plugin:
            return f"{self.plugin} {self.function}({args}) on {self.host}"
        return f"{self.method}({args}) on {self.host}"


class Step(msgspec.Struct, frozen=True):
    """Calls that belong together.

    Attributes:
        title: what is done.
        calls: in their order.
        restarts: what stops meanwhile; empty if nothing.
        rollback: how to get back from here, in words.
        rollback_calls: the calls for it, in their order.
    """

    title: str
    calls: tuple[PlannedCall, ...]
    restarts: str = ""
    rollback: str = ""
    rollback_calls: tuple[PlannedCall, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """A creation as it would go.

    Attributes:
        pool: name of the pool.
        steps: in their order; none while something is missing.
        missing: what has to be chosen first.
        warnings: what to think about.
        capacity: what the disks are worth.
    """

    pool: str
    steps: tuple[Step, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    capacity: Capacity = Capacity()

    @property
    def calls(self) -> tuple[PlannedCall, ...]:
        """All calls, in their order."""
        return tuple(call for step in self.steps for call in step.calls)


def make_plan(pool: str, hosts: tuple[HostProbe, ...], form: CreateForm) -> Plan:
    """The calls that would create what a form asks for.

    Args:
        pool: name of the pool.
        hosts: all of the pool, as they were asked.
        form: what was chosen.
    """
    sizes = {host.ref: _chosen_bytes(host, form) for host in hosts}
    worth = capacity(sizes, form.redundancy)
    missing = _missing(hosts, form)
    warnings = _warnings(hosts, form, sizes)
    if missing:
        return Plan(pool, (), missing, warnings, worth)
    # The master last: its restart cuts the connection that the others' calls go through.
    order = sorted(hosts, key=lambda host: host.is_master)
    master = order[-1]
    steps = [
        *_install(order),
        *(_format(host, form) for host in order if form.disks.get(host.ref)),
        _create(master, form),
    ]
    if form.interface:
        steps.append(_interface(master, order, form))
    return Plan(pool, tuple(steps), (), warnings, worth)


def _chosen_bytes(host: HostProbe, form: CreateForm) -> int:
    chosen = form.disks.get(host.ref, ())
    return sum(disk.size_bytes for disk in host.disks or () if disk.path in chosen)


def _missing(hosts: tuple[HostProbe, ...], form: CreateForm) -> tuple[str, ...]:
    missing = []
    if not form.name.strip():
        missing.append("a name")
    if not 1 <= form.redundancy <= 3:
        missing.append("1, 2 or 3 copies")
    if form.provisioning not in _PROVISIONING:
        missing.append("thin or thick provisioning")
    if not any(host.is_master for host in hosts):
        missing.append("the pool's master")
    with_disks = [host for host in hosts if form.disks.get(host.ref)]
    if len(with_disks) < max(form.redundancy, 1):
        missing.append(f"disks on at least {max(form.redundancy, 1)} hosts")
    for host in with_disks:
        usable = {disk.path for disk in host.usable_disks}
        wrong = [path for path in form.disks[host.ref] if path not in usable]
        if wrong:
            missing.append(f"other disks on {host.name} than {', '.join(wrong)}")
    if form.interface:
        if any(c.isspace() for c in form.interface) or form.interface == "default":
            missing.append("an interface name without spaces, other than “default”")
        if any(host.ref not in form.pifs for host in hosts):
            missing.append("a static address of the network on every host")
    return tuple(missing)


def _warnings(
    hosts: tuple[HostProbe, ...], form: CreateForm, sizes: Mapping[str, int]
) -> tuple[str, ...]:
    warnings = []
    if form.redundancy == 1:
        warnings.append("With one copy, a disk that dies takes its data with it.")
    chosen = [size for size in sizes.values() if size]
    if len(set(chosen)) > 1:
        warnings.append(
            "Hosts give different amounts of room: only as much as the smallest is counted on."
        )
    if chosen and len(chosen) < len(hosts):
        warnings.append("Some hosts have no disk in it: they reach all data over the network.")
    if not 3 <= len(hosts) <= 7:
        warnings.append("XOSTOR needs 3 to 7 hosts: this pool would be refused.")
    if form.ignore_filesystems:
        warnings.append("Existing file systems on the chosen disks are overwritten.")
    return tuple(warnings)


def _plugin(host: HostProbe, plugin: str, function: str, **args: str) -> PlannedCall:
    named = {key.replace("__", "-"): value for key, value in args.items()}
    return PlannedCall(
        "host.call_plugin", host.name, host.uuid, plugin, function, named, host.address
    )


def _install(order: list[HostProbe]) -> list[Step]:
    steps = []
    for host in order:
        if host.linstor_version:
            continue
        steps.append(
            Step(
                f"Install LINSTOR on {host.name}",
                (
                    _plugin(host, "updater.py", "install", packages=RELEASE_PACKAGE),
                    _plugin(host, "updater.py", "install", packages=PACKAGE),
                    PlannedCall("host.restart_agent", host.name, host.uuid, address=host.address),
                ),
                restarts=f"the toolstack of {host.name}"
                + (": this connection is cut for about a minute" if host.is_master else "")
                + "; VMs go on",
                rollback=f"The packages may stay; nothing uses them. To remove them on {host.name}:"
                f" yum remove {PACKAGE} {RELEASE_PACKAGE}",
            )
        )
    return steps


def _format(host: HostProbe, form: CreateForm) -> Step:
    devices = ",".join(form.disks[host.ref])
    ignore = str(form.ignore_filesystems).lower()
    calls = [
        _plugin(
            host,
            "lvm.py",
            "create_physical_volume",
            devices=devices,
            ignore_existing_filesystems=ignore,
            force="false",
        ),
        _plugin(host, "lvm.py", "create_volume_group", vg_name=GROUP, devices=devices),
    ]
    if form.provisioning == "thin":
        calls.append(_plugin(host, "lvm.py", "create_thin_pool", lv_name=THIN, vg_name=GROUP))
    return Step(
        f"Prepare the disks of {host.name}",
        tuple(calls),
        rollback="Remove the volume group; what was on the disks before is lost.",
        rollback_calls=(
            _plugin(host, "lvm.py", "destroy_volume_group", vg_name=GROUP, force="true"),
        ),
    )


def _create(master: HostProbe, form: CreateForm) -> Step:
    fields = {
        "name-label": form.name.strip(),
        "name-description": form.description,
        "type": "linstor",
        "shared": "true",
        "device-config:group-name": form.group_name,
        "device-config:redundancy": str(form.redundancy),
        "device-config:provisioning": form.provisioning,
    }
    call = PlannedCall("SR.create", master.name, master.uuid, args=fields, address=master.address)
    undo = PlannedCall(
        "SR.destroy",
        master.name,
        master.uuid,
        args={"name-label": form.name.strip()},
        address=master.address,
    )
    return Step(
        "Create the storage repository",
        (call,),
        restarts="LINSTOR's controller and satellites start on all hosts",
        rollback="Destroy the SR, then remove the volume groups as above.",
        rollback_calls=(undo,),
    )


def _interface(master: HostProbe, order: list[HostProbe], form: CreateForm) -> Step:
    group = {"groupName": form.group_name}
    create = [
        _plugin(
            master,
            PLUGIN,
            "createNodeInterface",
            **group,
            hostname=host.hostname,
            name=form.interface,
            pifUuid=form.pifs[host.ref],
        )
        for host in order
    ]
    prefer = [
        _plugin(
            master,
            PLUGIN,
            "setNodePreferredInterface",
            **group,
            hostname=host.hostname,
            name=form.interface,
        )
        for host in order
    ]
    back = [
        _plugin(
            master,
            PLUGIN,
            "setNodePreferredInterface",
            **group,
            hostname=host.hostname,
            name="default",
        )
        for host in order
    ]
    away = [
        _plugin(
            master,
            PLUGIN,
            "destroyNodeInterface",
            **group,
            hostname=host.hostname,
            name=form.interface,
        )
        for host in order
    ]
    return Step(
        f"Replicate over the interface {form.interface}",
        (*create, *prefer),
        restarts="connections between nodes are made anew; writes wait for a moment",
        rollback="Prefer the default interface again, and delete the new one.",
        rollback_calls=(*back, *away),
    )


def plan_json(plan: Plan) -> str:
    """The plan as JSON text, for other programs."""
    table: dict[str, Any] = {"simulated": True} | msgspec.to_builtins(plan)
    return msgspec.json.format(msgspec.json.encode(table), indent=2).decode()
