"""Records of virtual machines and what hangs on them."""

# No postponed annotations: `Ref["…"]` must become `str` here, not where the type is not known.
from typing import TYPE_CHECKING, ClassVar

import msgspec

from .base import EMPTY_LIST, EMPTY_MAP, NULL_REF, Record, Ref, read_list, read_map

if TYPE_CHECKING:
    from .hosts import PCI, PGPU, GPUGroup, Host, VGPUType
    from .networks import VIF
    from .storage import SR, VBD, VDI


class VM(Record, frozen=True, kw_only=True, gc=False):
    """A virtual machine; templates, snapshots and control domains are VMs as well.

    Memory in bytes, `start_delay` and `shutdown_delay` in seconds. What no view shows and what is
    long (NVRAM, snapshot metadata, recommendations) is left on the host: `XenApi.call` reads it.

    What is large and what no list of VMs shows is kept as the JSON that came (`…_json`) and read
    when asked for: with ten thousand VMs that is most of the work.
    """

    wire_class: ClassVar[str] = "VM"

    allowed_operations_json: msgspec.Raw = EMPTY_LIST
    current_operations: dict[str, str] = {}
    name_label: str = ""
    name_description: str = ""
    power_state: str = ""
    is_a_template: bool = False
    is_default_template: bool = False
    resident_on: Ref["Host"] = NULL_REF
    affinity: Ref["Host"] = NULL_REF
    memory_static_max: int = 0
    memory_dynamic_max: int = 0
    memory_dynamic_min: int = 0
    memory_static_min: int = 0
    vcpus_params_json: msgspec.Raw = EMPTY_MAP
    vcpus_max: int = 0
    vcpus_at_startup: int = 0
    consoles: tuple[Ref["Console"], ...] = ()
    vifs: tuple[Ref["VIF"], ...] = ()
    vbds: tuple[Ref["VBD"], ...] = ()
    vtpms: tuple[Ref["VTPM"], ...] = ()
    hvm_boot_params_json: msgspec.Raw = EMPTY_MAP
    platform_json: msgspec.Raw = EMPTY_MAP
    other_config_json: msgspec.Raw = EMPTY_MAP
    domid: int = -1
    is_control_domain: bool = False
    metrics: Ref["VMMetrics"] = NULL_REF
    guest_metrics: Ref["VMGuestMetrics"] = NULL_REF
    ha_restart_priority: str = ""
    is_a_snapshot: bool = False
    snapshot_of: Ref["VM"] = NULL_REF
    snapshots: tuple[Ref["VM"], ...] = ()
    snapshot_time: str = ""
    tags: tuple[str, ...] = ()
    blocked_operations_json: msgspec.Raw = EMPTY_MAP
    snapshot_info_json: msgspec.Raw = EMPTY_MAP
    parent: Ref["VM"] = NULL_REF
    start_delay: int = 0
    shutdown_delay: int = 0
    order: int = 0
    vgpus: tuple[Ref["VGPU"], ...] = ()
    suspend_sr: Ref["SR"] = NULL_REF
    has_vendor_device: bool = False
    domain_type: str = ""

    @property
    def allowed_operations(self) -> tuple[str, ...]:
        """Operations that the host would accept now."""
        return read_list(self.allowed_operations_json)

    @property
    def vcpus_params(self) -> dict[str, str]:
        """Weight, cap and mask of the virtual CPUs."""
        return read_map(self.vcpus_params_json)

    @property
    def hvm_boot_params(self) -> dict[str, str]:
        """Boot order and firmware of an HVM guest."""
        return read_map(self.hvm_boot_params_json)

    @property
    def platform(self) -> dict[str, str]:
        """Virtual hardware: `viridian`, `secureboot`, `cores-per-socket`, `vga`, …."""
        return read_map(self.platform_json)

    @property
    def other_config(self) -> dict[str, str]:
        """What clients keep with the VM: `auto_poweron`, `folder`, …."""
        return read_map(self.other_config_json)

    @property
    def blocked_operations(self) -> dict[str, str]:
        """Operations that are refused, each with its error code."""
        return read_map(self.blocked_operations_json)

    @property
    def snapshot_info(self) -> dict[str, str]:
        """`power-state-at-snapshot`, `disk-snapshot-type`."""
        return read_map(self.snapshot_info_json)


class VMMetrics(Record, frozen=True, kw_only=True, gc=False):
    """What the host knows about a VM from outside; `memory_actual` in bytes."""

    wire_class: ClassVar[str] = "VM_metrics"

    memory_actual: int = 0
    vcpus_number: int = 0
    vcpus_utilisation: dict[str, float] = {}
    vcpus_cpu: dict[str, int] = {}
    vcpus_params: dict[str, str] = {}
    vcpus_flags: dict[str, tuple[str, ...]] = {}
    state: tuple[str, ...] = ()
    start_time: str = ""
    install_time: str = ""
    last_updated: str = ""
    other_config: dict[str, str] = {}
    hvm: bool = False
    nested_virt: bool = False
    nomigrate: bool = False
    current_domain_type: str = ""
    numa_optimised: bool = False
    numa_nodes: int = 0
    numa_node_memory: dict[str, int] = {}


class VMGuestMetrics(Record, frozen=True, kw_only=True, gc=False):
    """What the guest tools report; `networks` maps `0/ip`, `0/ipv6/0` to addresses."""

    wire_class: ClassVar[str] = "VM_guest_metrics"

    os_version: dict[str, str] = {}
    netbios_name: dict[str, str] = {}
    pv_drivers_version: dict[str, str] = {}
    pv_drivers_up_to_date: bool = False
    memory: dict[str, str] = {}
    disks: dict[str, str] = {}
    networks: dict[str, str] = {}
    other: dict[str, str] = {}
    last_updated: str = ""
    other_config: dict[str, str] = {}
    live: bool = False
    can_use_hotplug_vbd: str = ""
    can_use_hotplug_vif: str = ""
    pv_drivers_detected: bool = False
    services: dict[str, str] = {}


class Console(Record, frozen=True, kw_only=True, gc=False):
    """A way to the screen (`rfb`) or the serial line (`vt100`) of a VM."""

    wire_class: ClassVar[str] = "console"

    protocol: str = ""
    location: str = ""
    vm: Ref["VM"] = NULL_REF
    other_config: dict[str, str] = {}


class VTPM(Record, frozen=True, kw_only=True, gc=False):
    """A virtual trusted platform module."""

    wire_class: ClassVar[str] = "VTPM"

    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    vm: Ref["VM"] = NULL_REF
    backend: Ref["VM"] = NULL_REF
    persistence_backend: str = ""
    is_unique: bool = False
    is_protected: bool = False


class VGPU(Record, frozen=True, kw_only=True, gc=False):
    """A virtual GPU of a VM."""

    wire_class: ClassVar[str] = "VGPU"

    vm: Ref["VM"] = NULL_REF
    gpu_group: Ref["GPUGroup"] = NULL_REF
    device: str = ""
    currently_attached: bool = False
    other_config: dict[str, str] = {}
    type: Ref["VGPUType"] = NULL_REF
    resident_on: Ref["PGPU"] = NULL_REF
    scheduled_to_be_resident_on: Ref["PGPU"] = NULL_REF
    compatibility_metadata: dict[str, str] = {}
    extra_args: str = ""
    pci: Ref["PCI"] = NULL_REF


class VMAppliance(Record, frozen=True, kw_only=True, gc=False):
    """VMs that start and stop together."""

    wire_class: ClassVar[str] = "VM_appliance"

    name_label: str = ""
    name_description: str = ""
    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    vms: tuple[Ref["VM"], ...] = ()


class Crashdump(Record, frozen=True, kw_only=True, gc=False):
    """The memory of a crashed VM, kept in a VDI; recent hosts deprecate them."""

    wire_class: ClassVar[str] = "crashdump"

    vm: Ref["VM"] = NULL_REF
    vdi: Ref["VDI"] = NULL_REF
    other_config: dict[str, str] = {}
