"""Records of hosts, the pool, and their hardware and patches."""

# No postponed annotations: `Ref["…"]` must become `str` here, not where the type is not known.
from typing import TYPE_CHECKING, ClassVar

from .base import NULL_REF, Record, Ref, wire_name

if TYPE_CHECKING:
    from .compute import VGPU, VM
    from .networks import PIF
    from .storage import PBD, SR, VDI


class Host(Record, frozen=True, kw_only=True, gc=False):
    """A physical machine of the pool."""

    wire_class: ClassVar[str] = "host"

    name_label: str = ""
    name_description: str = ""
    memory_overhead: int = 0
    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    api_version_major: int = 0
    api_version_minor: int = 0
    api_version_vendor: str = ""
    enabled: bool = False
    software_version: dict[str, str] = {}
    other_config: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    resident_vms: tuple[Ref["VM"], ...] = ()
    logging: dict[str, str] = {}
    pifs: tuple[Ref["PIF"], ...] = ()
    suspend_image_sr: Ref["SR"] = NULL_REF
    crash_dump_sr: Ref["SR"] = NULL_REF
    crashdumps: tuple[Ref["HostCrashdump"], ...] = ()
    patches: tuple[Ref["HostPatch"], ...] = ()
    updates: tuple[Ref["PoolUpdate"], ...] = ()
    pbds: tuple[Ref["PBD"], ...] = ()
    host_cpus: tuple[Ref["HostCpu"], ...] = ()
    cpu_info: dict[str, str] = {}
    hostname: str = ""
    address: str = ""
    metrics: Ref["HostMetrics"] = NULL_REF
    license_params: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    external_auth_type: str = ""
    external_auth_service_name: str = ""
    edition: str = ""
    bios_strings: dict[str, str] = {}
    power_on_mode: str = ""
    power_on_config: dict[str, str] = {}
    local_cache_sr: Ref["SR"] = NULL_REF
    chipset_info: dict[str, str] = {}
    pcis: tuple[Ref["PCI"], ...] = ()
    pgpus: tuple[Ref["PGPU"], ...] = ()
    pusbs: tuple[Ref["PUSB"], ...] = ()
    ssl_legacy: bool = False
    guest_vcpus_params: dict[str, str] = {}
    display: str = ""
    virtual_hardware_platform_versions: tuple[int, ...] = ()
    control_domain: Ref["VM"] = NULL_REF
    updates_requiring_reboot: tuple[Ref["PoolUpdate"], ...] = ()
    features: tuple[Ref["Feature"], ...] = ()
    iscsi_iqn: str = ""
    multipathing: bool = False
    certificates: tuple[Ref["Certificate_"], ...] = ()
    editions: tuple[str, ...] = ()
    pending_guidances: tuple[str, ...] = ()
    tls_verification_enabled: bool = False
    last_software_update: str = ""
    https_only: bool = False
    latest_synced_updates_applied: str = ""
    numa_affinity_policy: str = ""
    pending_guidances_recommended: tuple[str, ...] = ()
    pending_guidances_full: tuple[str, ...] = ()
    last_update_hash: str = ""
    ssh_enabled: bool = False
    ssh_enabled_timeout: int = 0
    ssh_expiry: str = ""
    secure_boot: bool = False
    ntp_mode: str = ""
    ntp_custom_servers: tuple[str, ...] = ()
    timezone: str = ""


class HostMetrics(Record, frozen=True, kw_only=True, gc=False):
    """Memory of a host in bytes, and whether it is alive."""

    wire_class: ClassVar[str] = "host_metrics"

    memory_total: int = 0
    memory_free: int = 0
    live: bool = False
    last_updated: str = ""
    other_config: dict[str, str] = {}


class HostCpu(Record, frozen=True, kw_only=True, gc=False):
    """One logical CPU of a host; `speed` in MHz."""

    wire_class: ClassVar[str] = "host_cpu"

    host: Ref["Host"] = NULL_REF
    number: int = 0
    vendor: str = ""
    speed: int = 0
    modelname: str = ""
    family: int = 0
    model: int = 0
    stepping: str = ""
    flags: str = ""
    features: str = ""
    utilisation: float = 0.0
    other_config: dict[str, str] = {}


def _pool_name(attribute: str) -> str:
    # The host spells these two fields in lower case, the pool does not.
    spelled = {"crash_dump_sr": "crash_dump_SR", "suspend_image_sr": "suspend_image_SR"}
    return spelled.get(attribute) or wire_name(attribute)


def _update_name(attribute: str) -> str:
    # `pool_update.vdi` is the one `vdi` in lower case.
    return attribute


class Pool(Record, frozen=True, kw_only=True, gc=False, rename=_pool_name):
    """The one pool that a host belongs to."""

    wire_class: ClassVar[str] = "pool"

    name_label: str = ""
    name_description: str = ""
    master: Ref["Host"] = NULL_REF
    default_sr: Ref["SR"] = NULL_REF
    suspend_image_sr: Ref["SR"] = NULL_REF
    crash_dump_sr: Ref["SR"] = NULL_REF
    other_config: dict[str, str] = {}
    ha_enabled: bool = False
    ha_configuration: dict[str, str] = {}
    ha_statefiles: tuple[str, ...] = ()
    ha_host_failures_to_tolerate: int = 0
    ha_plan_exists_for: int = 0
    ha_allow_overcommit: bool = False
    ha_overcommitted: bool = False
    tags: tuple[str, ...] = ()
    ha_cluster_stack: str = ""
    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    cpu_info: dict[str, str] = {}
    policy_no_vendor_device: bool = False
    live_patching_disabled: bool = False
    igmp_snooping_enabled: bool = False
    is_psr_pending: bool = False
    tls_verification_enabled: bool = False
    repositories: tuple[str, ...] = ()
    client_certificate_auth_enabled: bool = False
    migration_compression: bool = False
    coordinator_bias: bool = False
    last_update_sync: str = ""
    update_sync_frequency: str = ""
    update_sync_day: int = 0
    update_sync_enabled: bool = False
    ha_reboot_vm_on_internal_shutdown: bool = False
    limit_console_sessions: bool = False
    vm_console_idle_timeout: int = 0
    auto_update_vm_secureboot_certificates: bool = False


class HostCrashdump(Record, frozen=True, kw_only=True, gc=False):
    """A crash dump kept on a host; `size` in bytes."""

    wire_class: ClassVar[str] = "host_crashdump"

    host: Ref["Host"] = NULL_REF
    timestamp: str = ""
    size: int = 0
    other_config: dict[str, str] = {}


class HostPatch(Record, frozen=True, kw_only=True, gc=False):
    """An old-style patch as one host has it."""

    wire_class: ClassVar[str] = "host_patch"

    name_label: str = ""
    name_description: str = ""
    version: str = ""
    host: Ref["Host"] = NULL_REF
    applied: bool = False
    timestamp_applied: str = ""
    size: int = 0
    pool_patch: Ref["PoolPatch"] = NULL_REF
    other_config: dict[str, str] = {}


class PoolPatch(Record, frozen=True, kw_only=True, gc=False):
    """An old-style patch as the pool knows it."""

    wire_class: ClassVar[str] = "pool_patch"

    name_label: str = ""
    name_description: str = ""
    version: str = ""
    size: int = 0
    pool_applied: bool = False
    host_patches: tuple[Ref["HostPatch"], ...] = ()
    after_apply_guidance: tuple[str, ...] = ()
    pool_update: Ref["PoolUpdate"] = NULL_REF
    other_config: dict[str, str] = {}


class PoolUpdate(Record, frozen=True, kw_only=True, gc=False, rename=_update_name):
    """A XenServer update; `installation_size` in bytes."""

    wire_class: ClassVar[str] = "pool_update"

    name_label: str = ""
    name_description: str = ""
    version: str = ""
    installation_size: int = 0
    key: str = ""
    after_apply_guidance: tuple[str, ...] = ()
    vdi: Ref["VDI"] = NULL_REF
    hosts: tuple[Ref["Host"], ...] = ()
    other_config: dict[str, str] = {}
    enforce_homogeneity: bool = False


class Certificate_(Record, frozen=True, kw_only=True, gc=False):  # noqa: N801
    """A certificate installed on a host, as the wire tells it.

    The name is not `Certificate`: that is what a TLS server shows (`tls.Certificate`).
    """

    wire_class: ClassVar[str] = "Certificate"

    name: str = ""
    type: str = ""
    host: Ref["Host"] = NULL_REF
    not_before: str = ""
    not_after: str = ""
    fingerprint: str = ""
    fingerprint_sha256: str = ""
    fingerprint_sha1: str = ""
    purpose: tuple[str, ...] = ()


class PGPU(Record, frozen=True, kw_only=True, gc=False):
    """A physical GPU."""

    wire_class: ClassVar[str] = "PGPU"

    pci: Ref["PCI"] = NULL_REF
    gpu_group: Ref["GPUGroup"] = NULL_REF
    host: Ref["Host"] = NULL_REF
    other_config: dict[str, str] = {}
    supported_vgpu_types: tuple[Ref["VGPUType"], ...] = ()
    enabled_vgpu_types: tuple[Ref["VGPUType"], ...] = ()
    resident_vgpus: tuple[Ref["VGPU"], ...] = ()
    supported_vgpu_max_capacities: dict[Ref["VGPUType"], int] = {}
    dom0_access: str = ""
    is_system_display_device: bool = False
    compatibility_metadata: dict[str, str] = {}


class PCI(Record, frozen=True, kw_only=True, gc=False):
    """A PCI device of a host."""

    wire_class: ClassVar[str] = "PCI"

    class_id: str = ""
    class_name: str = ""
    vendor_id: str = ""
    vendor_name: str = ""
    device_id: str = ""
    device_name: str = ""
    host: Ref["Host"] = NULL_REF
    pci_id: str = ""
    dependencies: tuple[Ref["PCI"], ...] = ()
    other_config: dict[str, str] = {}
    subsystem_vendor_id: str = ""
    subsystem_vendor_name: str = ""
    subsystem_device_id: str = ""
    subsystem_device_name: str = ""
    driver_name: str = ""


class GPUGroup(Record, frozen=True, kw_only=True, gc=False):
    """GPUs that may stand in for one another."""

    wire_class: ClassVar[str] = "GPU_group"

    name_label: str = ""
    name_description: str = ""
    pgpus: tuple[Ref["PGPU"], ...] = ()
    vgpus: tuple[Ref["VGPU"], ...] = ()
    gpu_types: tuple[str, ...] = ()
    other_config: dict[str, str] = {}
    allocation_algorithm: str = ""
    supported_vgpu_types: tuple[Ref["VGPUType"], ...] = ()
    enabled_vgpu_types: tuple[Ref["VGPUType"], ...] = ()


class VGPUType(Record, frozen=True, kw_only=True, gc=False):
    """A kind of virtual GPU."""

    wire_class: ClassVar[str] = "VGPU_type"

    vendor_name: str = ""
    model_name: str = ""
    framebuffer_size: int = 0
    max_heads: int = 0
    max_resolution_x: int = 0
    max_resolution_y: int = 0
    supported_on_pgpus: tuple[Ref["PGPU"], ...] = ()
    enabled_on_pgpus: tuple[Ref["PGPU"], ...] = ()
    vgpus: tuple[Ref["VGPU"], ...] = ()
    supported_on_gpu_groups: tuple[Ref["GPUGroup"], ...] = ()
    enabled_on_gpu_groups: tuple[Ref["GPUGroup"], ...] = ()
    implementation: str = ""
    identifier: str = ""
    experimental: bool = False
    compatible_types_in_vm: tuple[Ref["VGPUType"], ...] = ()


class PUSB(Record, frozen=True, kw_only=True, gc=False):
    """A physical USB device."""

    wire_class: ClassVar[str] = "PUSB"

    usb_group: str = NULL_REF
    host: Ref["Host"] = NULL_REF
    path: str = ""
    vendor_id: str = ""
    vendor_desc: str = ""
    product_id: str = ""
    product_desc: str = ""
    serial: str = ""
    version: str = ""
    description: str = ""
    passthrough_enabled: bool = False
    other_config: dict[str, str] = {}
    speed: float = 0.0


class Feature(Record, frozen=True, kw_only=True, gc=False):
    """An experimental feature of a host."""

    wire_class: ClassVar[str] = "Feature"

    name_label: str = ""
    name_description: str = ""
    enabled: bool = False
    experimental: bool = False
    version: str = ""
    host: Ref["Host"] = NULL_REF
