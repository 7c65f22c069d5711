"""Records of storage: repositories, their plugs, disks and disk attachments."""

# No postponed annotations: `Ref["…"]` must become `str` here, not where the type is not known.
from typing import TYPE_CHECKING, ClassVar

from .base import NULL_REF, Record, Ref

if TYPE_CHECKING:
    from .compute import VM
    from .hosts import Host


class SR(Record, frozen=True, kw_only=True, gc=False):
    """A storage repository; sizes in bytes, -1 where the driver cannot say."""

    wire_class: ClassVar[str] = "SR"

    name_label: str = ""
    name_description: str = ""
    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    vdis: tuple[Ref["VDI"], ...] = ()
    pbds: tuple[Ref["PBD"], ...] = ()
    virtual_allocation: int = 0
    physical_utilisation: int = 0
    physical_size: int = 0
    type: str = ""
    content_type: str = ""
    shared: bool = False
    other_config: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    sm_config: dict[str, str] = {}
    local_cache_enabled: bool = False
    clustered: bool = False
    is_tools_sr: bool = False


class PBD(Record, frozen=True, kw_only=True, gc=False):
    """The plug between a host and a storage repository."""

    wire_class: ClassVar[str] = "PBD"

    host: Ref["Host"] = NULL_REF
    sr: Ref["SR"] = NULL_REF
    device_config: dict[str, str] = {}
    currently_attached: bool = False
    other_config: dict[str, str] = {}


class VDI(Record, frozen=True, kw_only=True, gc=False):
    """A disk image; sizes in bytes."""

    wire_class: ClassVar[str] = "VDI"

    name_label: str = ""
    name_description: str = ""
    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    sr: Ref["SR"] = NULL_REF
    vbds: tuple[Ref["VBD"], ...] = ()
    virtual_size: int = 0
    physical_utilisation: int = 0
    type: str = ""
    sharable: bool = False
    read_only: bool = False
    other_config: dict[str, str] = {}
    location: str = ""
    managed: bool = False
    missing: bool = False
    parent: Ref["VDI"] = NULL_REF
    sm_config: dict[str, str] = {}
    is_a_snapshot: bool = False
    snapshot_of: Ref["VDI"] = NULL_REF
    snapshots: tuple[Ref["VDI"], ...] = ()
    snapshot_time: str = ""
    tags: tuple[str, ...] = ()
    allow_caching: bool = False
    on_boot: str = ""
    is_tools_iso: bool = False
    cbt_enabled: bool = False


class VBD(Record, frozen=True, kw_only=True, gc=False):
    """The attachment of a disk image to a VM."""

    wire_class: ClassVar[str] = "VBD"

    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    vm: Ref["VM"] = NULL_REF
    vdi: Ref["VDI"] = NULL_REF
    device: str = ""
    userdevice: str = ""
    bootable: bool = False
    mode: str = ""
    type: str = ""
    unpluggable: bool = False
    empty: bool = False
    other_config: dict[str, str] = {}
    currently_attached: bool = False
    qos_algorithm_type: str = ""
    qos_algorithm_params: dict[str, str] = {}
    metrics: Ref["VBDMetrics"] = NULL_REF


class VBDMetrics(Record, frozen=True, kw_only=True, gc=False):
    """Not kept by newer hosts; rates in KB/s."""

    wire_class: ClassVar[str] = "VBD_metrics"

    io_read_kbs: float = 0.0
    io_write_kbs: float = 0.0
    last_updated: str = ""
    other_config: dict[str, str] = {}


class SM(Record, frozen=True, kw_only=True, gc=False):
    """A storage driver and what it can do."""

    wire_class: ClassVar[str] = "SM"

    name_label: str = ""
    name_description: str = ""
    type: str = ""
    vendor: str = ""
    copyright: str = ""
    version: str = ""
    required_api_version: str = ""
    configuration: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    features: dict[str, int] = {}
    other_config: dict[str, str] = {}
    driver_filename: str = ""
    required_cluster_stack: tuple[str, ...] = ()
    supported_image_formats: tuple[str, ...] = ()
