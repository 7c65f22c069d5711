"""The VMs of the small business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.guests import install_guest

from . import machines
from .machines import DAY_S, GIB, System, guest_metrics, mac, vm_actions, vm_fields
from .premises import Premises

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

VDI_ACTIONS = ("snapshot", "clone", "copy", "resize", "mirror", "update", "generate_config")


class Guest(NamedTuple):
    """What somebody chose for a VM.

    Attributes:
        key: a short name, the guest's own host name.
        disks: (SR, GiB) of each.
        nics: networks.
        tools: whether the guest tools run in it.
        up_days: since when it runs.
    """

    key: str
    name: str
    description: str
    system: System
    state: str
    memory_gib: int
    vcpus: int
    disks: tuple[tuple[str, int], ...]
    nics: tuple[str, ...]
    tags: tuple[str, ...]
    tools: bool = True
    up_days: float = 12.0


GUESTS = (
    Guest(
        "fw",
        "OPNsense firewall",
        "Between the practice, the guests and the internet",
        machines.OPNSENSE,
        "Running",
        4,
        2,
        (("local", 20),),
        ("management", "practice"),
        ("network", "critical"),
        up_days=41.0,
    ),
    Guest(
        "dc1",
        "dc1 (domain controller)",
        "Active Directory, DNS and DHCP of the practice",
        machines.SERVER_2022,
        "Running",
        8,
        4,
        (("local", 80), ("local", 40)),
        ("practice",),
        ("windows", "critical", "backup-daily"),
        up_days=18.3,
    ),
    Guest(
        "pms",
        "Practice management",
        "Appointments, records and billing; SQL Server on the second disk",
        machines.SERVER_2022,
        "Running",
        16,
        8,
        (("local", 100), ("local", 300), ("nas", 500)),
        ("practice", "imaging"),
        ("windows", "critical", "backup-daily"),
        up_days=18.2,
    ),
    Guest(
        "pacs",
        "X-ray archive",
        "DICOM archive of all panoramic and 3D images",
        machines.DEBIAN,
        "Running",
        16,
        6,
        (("local", 40), ("nas", 4000)),
        ("practice", "imaging"),
        ("critical", "backup-weekly"),
        up_days=41.0,
    ),
    Guest(
        "reception",
        "<b>Reception</b> PC",
        "Desk at the entrance; named by somebody who knew HTML",
        machines.WINDOWS_11,
        "Running",
        8,
        4,
        (("local", 120),),
        ("practice",),
        ("windows", "desktop"),
        up_days=2.4,
    ),
    Guest(
        "yoyaku",
        "予約システム (booking)",
        "Online booking for patients / オンライン予約",
        machines.UBUNTU,
        "Running",
        4,
        2,
        (("local", 30),),
        ("management",),
        ("web", "backup-daily"),
        up_days=9.1,
    ),
    Guest(
        "treatment",
        "Treatment rooms 1 to 4 shared terminal server, including the chairside imaging "
        "viewers and the sterilisation log of the autoclaves (do not restart before 18:00)",
        "",
        machines.SERVER_2022,
        "Running",
        16,
        6,
        (("local", 160),),
        ("practice",),
        ("windows",),
        up_days=6.9,
    ),
    Guest(
        "mail",
        "mail",
        "Postfix and Dovecot",
        machines.DEBIAN,
        "Running",
        4,
        2,
        (("local", 20), ("nas", 200)),
        ("management",),
        ("backup-daily",),
        up_days=27.0,
    ),
    Guest(
        "voip",
        "Telephone system",
        "Appliance of the telephone company, without guest tools",
        machines.ALPINE,
        "Running",
        2,
        2,
        (("local", 16),),
        ("practice",),
        ("appliance",),
        tools=False,
        up_days=41.0,
    ),
    Guest(
        "monitor",
        "monitoring",
        "Watches the network and prints the monthly report",
        machines.ALPINE,
        "Paused",
        1,
        1,
        (("nas", 12),),
        ("management",),
        (),
        tools=False,
        up_days=3.0,
    ),
    Guest(
        "training",
        "Training PC",
        "For new colleagues; suspended between courses",
        machines.WINDOWS_11,
        "Suspended",
        8,
        2,
        (("nas", 80),),
        ("practice",),
        ("windows", "desktop"),
    ),
    Guest(
        "oldpms",
        "Old practice management (2016)",
        "Kept ten years by law; start only to look something up",
        machines.SERVER_2022,
        "Halted",
        8,
        4,
        (("old", 900),),
        ("practice",),
        ("windows", "legacy"),
    ),
    Guest(
        "lab",
        "rocky-lab",
        "Trying out the new imaging software",
        machines.ROCKY,
        "Halted",
        4,
        2,
        (("local", 40), ("old", 60)),
        ("guest",),
        ("test",),
    ),
)


def build_guests(host: DemoHost, premises: Premises) -> dict[str, str]:
    """Create the VMs.

    Returns:
        References by short name.
    """
    vms = {guest.key: _guest(host, premises, guest, number) for number, guest in enumerate(GUESTS)}
    _snapshots(host, vms)
    return vms


def _guest(host: DemoHost, premises: Premises, guest: Guest, number: int) -> str:
    db, now = host.db, host.clock.iso(-20.0)
    live = guest.state in ("Running", "Paused")
    memory = guest.memory_gib * GIB
    tools = guest.tools and guest.state == "Running"
    report: dict[str, Any] = {}
    fields: dict[str, Any] = vm_fields(
        guest.system, host.rng, memory=memory, vcpus=guest.vcpus, mac_seed=db.new_uuid()
    )
    fields |= {
        "name_label": guest.name,
        "name_description": guest.description,
        "power_state": guest.state,
        "domid": 3 + number if live else -1,
        "resident_on": premises.host if live else NULL_REF,
        "affinity": premises.host if number % 2 else NULL_REF,
        "tags": list(guest.tags),
        "is_a_template": False,
        "is_a_snapshot": False,
        "is_default_template": False,
        "metrics": db.create(
            "VM_metrics",
            memory_actual=memory if live else 0,
            VCPUs_number=guest.vcpus if live else 0,
            start_time=host.clock.iso(-guest.up_days * DAY_S),
            install_time=host.clock.iso(-(400 + 37 * number) * DAY_S),
            last_updated=now,
            hvm=True,
            current_domain_type="hvm" if live else "unspecified",
        ),
    }
    if guest.tools:
        addresses = [
            (
                f"192.168.{10 if nic == 'management' else 20}.{30 + number}",
                f"fd12:5e::{nic_no}:{number:x}",
            )
            if nic != "imaging"
            else (f"10.30.0.{30 + number}", "")
            for nic_no, nic in enumerate(guest.nics)
        ]
        report = guest_metrics(guest.system, now, addresses, hostname=guest.key)
        if guest.state != "Halted":
            report["live"] = live
            fields["guest_metrics"] = db.create("VM_guest_metrics", report)
    fields["allowed_operations"] = vm_actions(fields, tools=tools)
    vm = db.create("VM", fields)
    if report:
        # A halted one reports as soon as somebody starts it.
        install_guest(host, vm, report)
    for device, (sr, size_gib) in enumerate(guest.disks):
        _disk(host, vm, guest, premises.srs[sr], device, size_gib, live)
    _drive(host, vm, len(guest.disks), live)
    for device, nic in enumerate(guest.nics):
        db.create(
            "VIF",
            VM=vm,
            network=premises.networks[nic],
            device=str(device),
            MAC=mac(host.rng),
            MAC_autogenerated=True,
            MTU=db.get("network", premises.networks[nic])["MTU"],
            currently_attached=live,
            locking_mode="network_default",
            ipv4_configuration_mode="None",
            ipv6_configuration_mode="None",
            allowed_operations=["attach", "unplug"] if live else ["attach"],
        )
    if guest.state == "Suspended":
        image = db.create(
            "VDI",
            name_label="Suspend image",
            name_description="Suspend image",
            SR=premises.srs["local"],
            type="suspend",
            virtual_size=memory + GIB,
            physical_utilisation=memory + GIB,
            managed=True,
        )
        db.set("VM", vm, suspend_VDI=image, suspend_SR=premises.srs["local"])
    if live:
        location = f"https://192.168.10.5/console?uuid={db.get('VM', vm)['uuid']}"
        db.create("console", VM=vm, protocol="rfb", location=location)
    return vm


def _disk(
    host: DemoHost, vm: str, guest: Guest, sr: str, device: int, size_gib: int, live: bool
) -> None:
    thick = host.db.get("SR", sr)["type"] == "lvm"
    size = size_gib * GIB
    vdi = host.db.create(
        "VDI",
        name_label=f"{guest.key} disk {device}",
        name_description="Created by template provisioner" if device == 0 else "Data",
        SR=sr,
        type="system" if device == 0 else "user",
        virtual_size=size,
        physical_utilisation=size if thick else int(size * (0.25 + 0.5 * host.rng.random())),
        managed=True,
        sm_config={"vdi_type": "vhd"},
        cbt_enabled="backup-daily" in guest.tags,
        allowed_operations=list(VDI_ACTIONS) + ([] if live else ["destroy", "forget"]),
    )
    host.db.set("VDI", vdi, location=host.db.get("VDI", vdi)["uuid"])
    host.db.create(
        "VBD",
        VM=vm,
        VDI=vdi,
        type="Disk",
        mode="RW",
        bootable=device == 0,
        unpluggable=device > 0,
        userdevice=str(device),
        device=f"xvd{'abcd'[device]}" if live else "",
        currently_attached=live,
        allowed_operations=["attach", "unplug", "unplug_force"] if live else ["attach"],
    )


def _drive(host: DemoHost, vm: str, disks: int, live: bool) -> None:
    """The empty disc drive that xapi gives a VM."""
    host.db.create(
        "VBD",
        VM=vm,
        type="CD",
        mode="RO",
        empty=True,
        userdevice=str(max(disks, 3)),
        device="xvdd" if live else "",
        currently_attached=live,
        allowed_operations=["attach", "insert"],
    )


def _snapshots(host: DemoHost, vms: dict[str, str]) -> None:
    """Two trees: one straight, and one that somebody went back in."""
    first = _snapshot(host, vms["pms"], "Before update 24.2", 63.0, NULL_REF)
    second = _snapshot(host, vms["pms"], "Before update 24.3", 21.0, first)
    host.db.set("VM", vms["pms"], parent=second)
    base = _snapshot(host, vms["lab"], "Fresh installation", 30.0, NULL_REF)
    _snapshot(host, vms["lab"], "Viewer 5 beta (broken)", 22.0, base)
    third = _snapshot(host, vms["lab"], "Viewer 5.1", 8.0, base)
    host.db.set("VM", vms["lab"], parent=third)


def _snapshot(host: DemoHost, vm: str, name: str, age_days: float, parent: str) -> str:
    db = host.db
    taken = host.clock.iso(-age_days * DAY_S)
    source = dict(db.get("VM", vm))
    state = source["power_state"]
    own = (
        "uuid", "VBDs", "VIFs", "consoles", "snapshots", "children", "crash_dumps", "VTPMs",
        "VUSBs", "VGPUs", "attached_PCIs", "current_operations", "blobs", "guest_metrics",
    )  # fmt: skip
    fields = {key: value for key, value in source.items() if key not in own}
    fields |= {
        "name_label": name,
        "is_a_snapshot": True,
        "is_a_template": True,
        "snapshot_of": vm,
        "snapshot_time": taken,
        "snapshot_info": {
            "power-state-at-snapshot": state,
            "disk-snapshot-type": "crash_consistent",
        },
        "transportable_snapshot_id": "",
        "parent": parent,
        "power_state": "Halted",
        "domid": -1,
        "resident_on": NULL_REF,
        "suspend_VDI": NULL_REF,
        "metrics": db.create("VM_metrics", install_time=taken, last_updated=taken),
    }
    fields["allowed_operations"] = vm_actions(fields, tools=False)
    ref = db.create("VM", fields)
    for vbd in source["VBDs"]:
        drive = db.get("VBD", vbd)
        kept = {"type", "mode", "bootable", "userdevice", "empty"}
        copy = {key: value for key, value in drive.items() if key in kept}
        if drive["VDI"] != NULL_REF:
            disk = db.get("VDI", drive["VDI"])
            copy["VDI"] = db.create(
                "VDI",
                name_label=disk["name_label"],
                name_description=disk["name_description"],
                SR=disk["SR"],
                type=disk["type"],
                virtual_size=disk["virtual_size"],
                physical_utilisation=disk["physical_utilisation"] // 6,
                managed=True,
                is_a_snapshot=True,
                snapshot_of=drive["VDI"],
                snapshot_time=taken,
                allowed_operations=["clone", "copy", "destroy", "forget"],
            )
        db.create("VBD", copy, VM=ref, allowed_operations=["attach"])
    for vif in source["VIFs"]:
        nic = db.get("VIF", vif)
        kept = {"network", "device", "MAC", "MAC_autogenerated", "MTU", "locking_mode"}
        db.create("VIF", {key: nic[key] for key in kept}, VM=ref)
    return ref
