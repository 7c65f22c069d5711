"""What the records of a physical host hold."""

from __future__ import annotations

import zlib
from typing import Any

CPU_MODEL = "AMD EPYC 7302 16-Core Processor"
# Masks of processor features as xapi shows them; the same for all hosts of a pool.
CPU_FEATURES = "178bfbff-f6f83203-2e500800-040001f3-0000000f-219c01a9-00400004-00000000-0100d000"
CPU_FLAGS = (
    "fpu de tsc msr pae mce cx8 apic mca cmov pat clflush mmx fxsr sse sse2 ht syscall nx mmxext "
    "fxsr_opt lm rep_good nopl cpuid pni pclmulqdq ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes "
    "xsave avx f16c rdrand hypervisor lahf_lm svm abm sse4a 3dnowprefetch bmi1 avx2 bmi2 rdseed"
)
HOST_ACTIONS = (
    "vm_migrate",
    "provision",
    "vm_resume",
    "evacuate",
    "vm_start",
    "enable",
    "disable",
)


def software_version() -> dict[str, str]:
    """An XCP-ng 8.3."""
    return {
        "product_brand": "XCP-ng",
        "product_version": "8.3.0",
        "product_version_text": "8.3",
        "product_version_text_short": "8.3",
        "platform_name": "XCP",
        "platform_version": "3.4.0",
        "build_number": "cloud",
        "hostname": "localhost",
        "date": "20250606T00:00:00Z",
        "dbv": "0.0.1",
        "xapi": "25.6",
        "xapi_build": "25.6.0",
        "xen": "4.17.5-13",
        "linux": "4.19.0+1",
        "xencenter_min": "2.21",
        "xencenter_max": "2.21",
        "network_backend": "openvswitch",
        "db_schema": "5.786",
    }


def cpu_info(cores: int, sockets: int) -> dict[str, str]:
    """`cpu_info` of a host or pool."""
    return {
        "cpu_count": str(cores),
        "socket_count": str(sockets),
        "threads_per_core": "2",
        "vendor": "AuthenticAMD",
        "speed": "2994.372",
        "modelname": CPU_MODEL,
        "family": "23",
        "model": "49",
        "stepping": "0",
        "flags": CPU_FLAGS,
        "features": CPU_FEATURES,
        "features_pv": CPU_FEATURES,
        "features_hvm": CPU_FEATURES,
        "features_hvm_host": CPU_FEATURES,
        "features_pv_host": CPU_FEATURES,
    }


def bios_strings(serial: str) -> dict[str, str]:
    """What the firmware says."""
    return {
        "bios-vendor": "Dell Inc.",
        "bios-version": "2.12.4",
        "system-manufacturer": "Dell Inc.",
        "system-product-name": "PowerEdge R6525",
        "system-version": "",
        "system-serial-number": serial,
        "baseboard-manufacturer": "Dell Inc.",
        "baseboard-product-name": "0GK70M",
        "baseboard-version": "A02",
        "baseboard-serial-number": f".{serial}.CNFCP0012300AB.",
        "oem-1": "Xen",
        "hp-rombios": "",
    }


def host_fields(*, name: str, address: str, cores: int, sockets: int) -> dict[str, Any]:
    """Everything of a host's record that follows from its hardware and version."""
    return {
        "name_label": name,
        "name_description": "Default install",
        "hostname": name,
        "address": address,
        "enabled": True,
        "API_version_major": 2,
        "API_version_minor": 21,
        "API_version_vendor": "XenSource",
        "software_version": {**software_version(), "hostname": name},
        "capabilities": [
            "xen-3.0-x86_64",
            "hvm-3.0-x86_32",
            "hvm-3.0-x86_32p",
            "hvm-3.0-x86_64",
        ],
        "cpu_info": cpu_info(cores, sockets),
        "cpu_configuration": {},
        "bios_strings": bios_strings(f"7X{zlib.crc32(name.encode()) % 100000:05}"),
        "edition": "xcp-ng",
        "editions": ["xcp-ng"],
        "iscsi_iqn": f"iqn.2024-03.example.xolite:{name}",
        "sched_policy": "credit",
        "supported_bootloaders": ["pygrub", "eliloader"],
        "virtual_hardware_platform_versions": [0, 1, 2],
        "chipset_info": {"iommu": "true"},
        "license_params": {"expiry": "20991231T23:59:59Z", "sku_type": "xcp-ng"},
        "license_server": {"address": "localhost", "port": "27000"},
        "other_config": {
            "agent_start_time": "1738400000.",
            "boot_time": "1738399900.",
            "iscsi_iqn": f"iqn.2024-03.example.xolite:{name}",
        },
        "logging": {},
        "timezone": "Europe/Berlin",
        "ssh_enabled": True,
        "https_only": True,
        "tls_verification_enabled": True,
        "allowed_operations": list(HOST_ACTIONS),
    }
