"""The small business' machine room: its host, networks, storage and templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xolite_qt.demo_host.datamodel import NULL_REF

from .hardware import cpu_info, host_fields
from .machines import DEBIAN, GIB, SERVER_2022, vm_actions, vm_fields

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

TIB = 1024 * GIB
CORES = 24
SR_ACTIONS = (
    "scan",
    "update",
    "forget",
    "plug",
    "unplug",
    "pbd_create",
    "pbd_destroy",
    "vdi_create",
    "vdi_destroy",
    "vdi_clone",
    "vdi_snapshot",
    "vdi_resize",
    "vdi_introduce",
    "vdi_mirror",
)
TEMPLATES = (
    "AlmaLinux 9",
    "CentOS Stream 9",
    "Debian Bookworm 12",
    "Debian Bullseye 11",
    "Oracle Linux 9",
    "Other install media",
    "Rocky Linux 9",
    "Ubuntu Jammy Jellyfish 22.04",
    "Ubuntu Noble Numbat 24.04",
    "Windows 11 (64-bit)",
    "Windows Server 2019 (64-bit)",
    "Windows Server 2022 (64-bit)",
)
SM_TYPES = (
    ("ext", "Local EXT3 VHD", "SR plugin which represents disks as VHD files on a local disk"),
    ("lvm", "Local VHD on LVM", "SR plugin which represents disks as VHDs on Logical Volumes"),
    ("nfs", "NFS VHD", "SR plugin which stores disks as VHD files on a remote NFS filesystem"),
    ("iso", "ISO", "Handles CD images stored as files in iso format"),
    ("udev", "udev", "SR plugin which represents devices plugged in via udev as VDIs"),
    ("lvmoiscsi", "VHD over iSCSI", "SR plugin which represents disks as Volumes on an iSCSI LUN"),
)
# Drivers without disks of their own: nothing on them is lent to a host without its toolstack.
_NO_DISKS = ("iso", "udev")


def add_consoles(host: DemoHost) -> None:
    """A screen for every VM that runs."""
    db = host.db
    for ref, vm in db.records("VM").items():
        if vm["power_state"] == "Running" and not vm["is_control_domain"] and not vm["consoles"]:
            address = db.get("host", vm["resident_on"])["address"]
            location = f"https://{address}/console?uuid={vm['uuid']}"
            db.create("console", VM=ref, protocol="rfb", location=location)


def add_drivers(host: DemoHost) -> None:
    """The storage drivers that every host comes with."""
    features = {"SR_PROBE": 1, "SR_UPDATE": 1, "VDI_CREATE": 1, "VDI_DELETE": 1}
    for kind, label, description in SM_TYPES:
        host.db.create(
            "SM",
            type=kind,
            name_label=label,
            name_description=description,
            vendor="Citrix Systems Inc",
            version="3.0",
            required_api_version="1.0",
            driver_filename=f"/opt/xensource/sm/{kind.upper()}SR",
            capabilities=["SR_PROBE", "SR_UPDATE", "VDI_CREATE", "VDI_DELETE", "VDI_SNAPSHOT"],
            features=features if kind in _NO_DISKS else {**features, "VDI_GENERATE_CONFIG": 1},
        )


class Premises(NamedTuple):
    """References to what VMs are built on; SRs and networks by a short name."""

    host: str
    srs: dict[str, str]
    networks: dict[str, str]


def build_premises(host: DemoHost) -> Premises:
    """Create everything but the VMs that people made."""
    host_ref = _host(host)
    networks = _networks(host, host_ref)
    srs = _storage(host, host_ref)
    _graphics(host, host_ref)
    add_drivers(host)
    host.db.create(
        "pool",
        name_label="Brightwater Dental",
        name_description="Everything of the practice at Brightwater Lane",
        master=host_ref,
        default_SR=srs["local"],
        suspend_image_SR=srs["local"],
        crash_dump_SR=srs["local"],
        cpu_info=cpu_info(CORES, 2),
        other_config={"memory-ratio-hvm": "0.25", "memory-ratio-pv": "0.25"},
        tags=["practice"],
        tls_verification_enabled=True,
        migration_compression=False,
    )
    host.db.create("user", short_name="root", fullname="superuser")
    host.db.set(
        "host",
        host_ref,
        suspend_image_sr=srs["local"],
        crash_dump_sr=srs["local"],
    )
    _templates(host)
    return Premises(host_ref, srs, networks)


def _host(host: DemoHost) -> str:
    db = host.db
    ref = db.create(
        "host",
        host_fields(name="brightwater-1", address="192.168.10.5", cores=CORES, sockets=2),
        name_description="Server in the basement rack",
        metrics=db.create(
            "host_metrics",
            memory_total=128 * GIB,
            memory_free=41 * GIB,
            live=True,
            last_updated=host.clock.iso(),
        ),
        memory_overhead=1_073_741_824,
        tags=["production", "rack-a"],
    )
    info = cpu_info(CORES, 2)
    for number in range(CORES):
        db.create(
            "host_cpu",
            host=ref,
            number=number,
            vendor=info["vendor"],
            speed=2994,
            modelname=info["modelname"],
            family=23,
            model=49,
            stepping="0",
            flags=info["flags"],
            features=info["features"],
            utilisation=0.0,
        )
    control = db.create(
        "VM",
        name_label="Control domain on host: brightwater-1",
        name_description="The domain which manages physical devices and manages other domains",
        is_control_domain=True,
        power_state="Running",
        domid=0,
        domain_type="pv",
        resident_on=ref,
        affinity=ref,
        memory_static_max=6 * GIB,
        memory_dynamic_max=6 * GIB,
        memory_dynamic_min=6 * GIB,
        memory_static_min=6 * GIB,
        memory_target=6 * GIB,
        VCPUs_max=8,
        VCPUs_at_startup=8,
        metrics=db.create(
            "VM_metrics",
            memory_actual=6 * GIB,
            VCPUs_number=8,
            start_time=host.clock.iso(-41 * 86400),
            current_domain_type="pv",
        ),
        other_config={"storage_driver_domain": "OpaqueRef:NULL", "is_system_domain": "true"},
        allowed_operations=["metadata_export", "changing_VCPUs_live"],
    )
    for protocol in ("rfb", "vt100"):
        console = db.create("console", VM=control, protocol=protocol)
        uuid = db.get("console", console)["uuid"]
        db.set("console", console, location=f"https://192.168.10.5/console?uuid={uuid}")
    db.set("host", ref, control_domain=control)
    return ref


def _networks(host: DemoHost, host_ref: str) -> dict[str, str]:
    db = host.db
    rows = (
        ("management", "Management", "Hosts, storage and the administrator", "xenbr0", 1500),
        ("practice", "Practice LAN", "VLAN 20: reception and treatment rooms", "xapi1", 1500),
        ("guest", "Guest Wi-Fi", "VLAN 30: visitors, internet only", "xapi2", 1500),
        ("imaging", "Imaging (internal)", "Between VMs only, never leaves the host", "xapi3", 9000),
        ("storage", "Storage", "To the NAS, jumbo frames", "xenbr1", 9000),
    )
    networks = {
        key: db.create(
            "network",
            name_label=label,
            name_description=description,
            bridge=bridge,
            MTU=mtu,
            managed=True,
            default_locking_mode="unlocked",
        )
        for key, label, description, bridge, mtu in rows
    }
    eth0 = _pif(host, host_ref, networks["management"], "eth0", "192.168.10.5", management=True)
    _pif(host, host_ref, networks["storage"], "eth1", "10.20.0.5", MTU=9000, gateway="")
    # A socket without a cable: a network nobody uses yet.
    spare = db.create("network", name_label="Pool-wide network associated with eth2", MTU=1500)
    db.set("network", spare, bridge="xenbr2")
    _pif(host, host_ref, spare, "eth2", "", carrier=False)
    for key, tag in (("practice", 20), ("guest", 30)):
        above = db.create(
            "PIF",
            host=host_ref,
            network=networks[key],
            device="eth0",
            VLAN=tag,
            MAC=db.get("PIF", eth0)["MAC"],
            MTU=1500,
            physical=False,
            managed=True,
            currently_attached=True,
            ip_configuration_mode="None",
            ipv6_configuration_mode="None",
            primary_address_type="IPv4",
            metrics=db.get("PIF", eth0)["metrics"],
        )
        vlan = db.create("VLAN", tagged_PIF=eth0, untagged_PIF=above, tag=tag)
        db.set("PIF", above, VLAN_master_of=vlan)
    return networks


def _pif(
    host: DemoHost,
    host_ref: str,
    network: str,
    device: str,
    address: str,
    *,
    management: bool = False,
    carrier: bool = True,
    MTU: int = 1500,
    gateway: str = "192.168.10.1",
) -> str:
    number = int(device.removeprefix("eth"))
    metrics = host.db.create(
        "PIF_metrics",
        carrier=carrier,
        speed=10000 if carrier else 0,
        duplex=carrier,
        vendor_id="8086",
        vendor_name="Intel Corporation",
        device_id="1572",
        device_name="Ethernet Controller X710 for 10GbE SFP+",
        pci_bus_path=f"0000:41:00.{number}",
        last_updated=host.clock.iso(),
    )
    return host.db.create(
        "PIF",
        host=host_ref,
        network=network,
        device=device,
        VLAN=-1,
        MAC=f"02:5e:10:00:41:{number:02x}",
        MTU=MTU,
        physical=True,
        managed=True,
        management=management,
        disallow_unplug=management,
        currently_attached=carrier,
        ip_configuration_mode="Static" if address else "None",
        ipv6_configuration_mode="None",
        primary_address_type="IPv4",
        IP=address,
        netmask="255.255.255.0" if address else "",
        gateway=gateway if address else "",
        DNS="192.168.10.1,9.9.9.9" if management else "",
        properties={"gro": "on"},
        metrics=metrics,
    )


def _storage(host: DemoHost, host_ref: str) -> dict[str, str]:
    db = host.db
    disk = "/dev/disk/by-id/nvme-eui.0025385c11b0d3a1"
    rows: tuple[tuple[str, dict[str, object], dict[str, str]], ...] = (
        (
            "local",
            {
                "name_label": "Local NVMe",
                "name_description": "Two mirrored NVMe drives in the server",
                "type": "ext",
                "physical_size": 3576 * GIB,
                "physical_utilisation": 1432 * GIB,
                "virtual_allocation": 2210 * GIB,
                "sm_config": {"devserial": "nvme-eui.0025385c11b0d3a1"},
                "tags": ["fast"],
            },
            {"device": f"{disk}-part3"},
        ),
        (
            "nas",
            {
                "name_label": "NAS brightwater-nas",
                "name_description": "NFS SR [10.20.0.10:/volume1/xcp]",
                "type": "nfs",
                "shared": True,
                "physical_size": 14 * TIB,
                "physical_utilisation": 6 * TIB,
                "virtual_allocation": 8 * TIB,
                "other_config": {"auto-scan": "false"},
                "tags": ["backup-daily"],
            },
            {"server": "10.20.0.10", "serverpath": "/volume1/xcp", "nfsversion": "4.1"},
        ),
        (
            "iso",
            {
                "name_label": "Installation discs",
                "name_description": "NFS ISO Library [10.20.0.10:/volume1/iso]",
                "type": "iso",
                "content_type": "iso",
                "shared": True,
                "physical_size": 500 * GIB,
                "physical_utilisation": 61 * GIB,
                "sm_config": {"iso_type": "nfs_iso"},
            },
            {"location": "10.20.0.10:/volume1/iso", "type": "nfs_iso"},
        ),
        (
            "old",
            {
                "name_label": "Old SATA disks",
                "name_description": "Nearly full; archive of scans until the new NAS shelf comes",
                "type": "lvm",
                "physical_size": 1862 * GIB,
                "physical_utilisation": 1750 * GIB,
                "virtual_allocation": 1750 * GIB,
                "sm_config": {"allocation": "thick", "use_vhd": "true", "devserial": "wwn-5000c5"},
            },
            {"device": "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"},
        ),
        (
            "dvd",
            {
                "name_label": "DVD drives",
                "name_description": "Physical DVD drives",
                "type": "udev",
                "content_type": "iso",
                "sm_config": {"type": "cd"},
                "other_config": {
                    "i18n-key": "local-hotplug-cd",
                    "i18n-original-value-name_label": "DVD drives",
                },
            },
            {"location": "/dev/xapi/cd"},
        ),
    )
    srs = {}
    for key, fields, device_config in rows:
        kept = [a for a in SR_ACTIONS if fields.get("content_type") != "iso" or "vdi" not in a]
        srs[key] = db.create("SR", {"content_type": "user", "allowed_operations": kept} | fields)
        db.create(
            "PBD",
            host=host_ref,
            SR=srs[key],
            currently_attached=True,
            device_config=device_config,
            other_config={},
        )
    for name, size in (
        ("debian-12.5.0-amd64-netinst.iso", 659_554_304),
        ("OPNsense-24.7-dvd-amd64.iso", 2_119_172_096),
        ("SERVER_2022_EVAL_x64_de-de.iso", 5_044_094_976),
        ("ubuntu-24.04.1-live-server-amd64.iso", 2_773_874_688),
        ("xcp-ng-windows-tools.iso", 97_517_568),
    ):
        db.create(
            "VDI",
            name_label=name,
            SR=srs["iso"],
            location=name,
            virtual_size=size,
            physical_utilisation=size,
            type="user",
            read_only=True,
            managed=True,
            sharable=True,
            allowed_operations=["copy", "clone"],
        )
    return srs


def _graphics(host: DemoHost, host_ref: str) -> None:
    db = host.db
    pci = db.create(
        "PCI",
        host=host_ref,
        pci_id="0000:c1:00.0",
        class_id="0300",
        class_name="VGA compatible controller",
        vendor_id="102b",
        vendor_name="Matrox Electronics Systems Ltd.",
        device_id="0536",
        device_name="Integrated Matrox G200eW3 Graphics Controller",
        driver_name="mgag200",
    )
    group = db.create(
        "GPU_group",
        name_label="Group of Matrox Integrated G200eW3 Graphics Controller GPUs",
        allocation_algorithm="depth_first",
    )
    db.create(
        "PGPU",
        host=host_ref,
        PCI=pci,
        GPU_group=group,
        dom0_access="enabled",
        is_system_display_device=True,
    )


def _templates(host: DemoHost) -> None:
    for name in TEMPLATES:
        windows = name.startswith("Windows")
        fields = vm_fields(
            SERVER_2022 if windows else DEBIAN,
            host.rng,
            memory=4 * GIB if windows else 2 * GIB,
            vcpus=2 if windows else 1,
            mac_seed=host.db.new_uuid(),
        )
        size = (64 if windows else 10) * GIB
        fields |= {
            "name_label": name,
            "name_description": f"Template that allows VM installation of {name}",
            "is_a_template": True,
            "is_default_template": True,
            "is_a_snapshot": False,
            "power_state": "Halted",
            "domid": -1,
            "resident_on": NULL_REF,
            # Set once, when the first VM made of it starts.
            "bios_strings": {},
            "other_config": {
                "default_template": "true",
                "install-methods": "cdrom" if windows else "cdrom,nfs,http,ftp",
                "linux_template": "false" if windows else "true",
                "disks": f'<provision><disk device="0" size="{size}" sr="" bootable="true" '
                f'type="system"/></provision>',
            },
        }
        fields["allowed_operations"] = vm_actions(fields, tools=False)
        host.db.create("VM", fields)
