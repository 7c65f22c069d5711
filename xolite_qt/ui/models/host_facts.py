"""What a host's records say about it, read into plain values.

Pure: records in, values out, '' or None where the host says nothing.
"""

from __future__ import annotations

from xolite_qt.xen_api import Host, HostMetrics
from xolite_qt.xen_api.times import to_datetime


def is_live(metrics: HostMetrics | None) -> bool:
    """Whether the pool master hears the host."""
    return metrics is not None and metrics.live


def state_of(host: Host, metrics: HostMetrics | None) -> str:
    """'running', 'disabled' (up, in maintenance) or 'halted', as icons and badges call it."""
    if not is_live(metrics):
        return "halted"
    return "running" if host.enabled else "disabled"


def version(host: Host) -> str:
    """'XCP-ng 8.3.0', or ''."""
    software = host.software_version
    number = software.get("product_version_text") or software.get("product_version", "")
    return f"{software.get('product_brand', '')} {number}".strip()


def build(host: Host) -> tuple[str, float | None]:
    """Build of the installed product, and its date in seconds since 1970."""
    software = host.software_version
    text = software.get("date", "")
    # "2024-06-01" on some hosts, a whole date of the wire on others.
    date = to_datetime(text if "T" in text else f"{text}T00:00:00Z")
    return software.get("build_number", ""), date.timestamp() if date else None


def cpu_model(host: Host) -> str:
    """The processors' name; XAPI writes runs of spaces as `%_`."""
    return " ".join(host.cpu_info.get("modelname", "").replace("%_", " ").split())


def cpu_count(host: Host) -> int:
    """Logical processors."""
    return _integer(host.cpu_info.get("cpu_count"))


def socket_count(host: Host) -> int:
    """Processor sockets, 0 where an old host does not say."""
    return _integer(host.cpu_info.get("socket_count"))


def cores(host: Host) -> str:
    """'16 (2 sockets)'."""
    count, sockets = cpu_count(host), socket_count(host)
    if not count:
        return ""
    return f"{count} ({sockets} socket{'s' * (sockets != 1)})" if sockets else str(count)


def manufacturer(host: Host) -> str:
    """'Dell Inc. (PowerEdge R310)'."""
    strings = host.bios_strings
    maker = strings.get("system-manufacturer", "").strip()
    product = strings.get("system-product-name", "").strip()
    return f"{maker} ({product})" if maker and product else maker or product


def bios(host: Host) -> str:
    """'Dell Inc. 1.0.0'."""
    strings = host.bios_strings
    return f"{strings.get('bios-vendor', '')} {strings.get('bios-version', '')}".strip()


def serial(host: Host) -> str:
    """The machine's serial number."""
    return host.bios_strings.get("system-serial-number", "").strip()


def started_s(host: Host) -> float | None:
    """When the machine booted, seconds since 1970."""
    return _seconds(host.other_config.get("boot_time"))


def toolstack_started_s(host: Host) -> float | None:
    """When xapi was last started, seconds since 1970."""
    return _seconds(host.other_config.get("agent_start_time"))


def iqn(host: Host) -> str:
    """The iSCSI initiator name; older hosts keep it in other_config."""
    return host.iscsi_iqn or host.other_config.get("iscsi_iqn", "")


def uses_multipathing(host: Host) -> bool:
    """Whether storage is reached over several paths."""
    return host.multipathing or host.other_config.get("multipathing", "").lower() == "true"


def syslog(host: Host) -> str:
    """Where logs are sent, or ''."""
    return host.logging.get("syslog_destination", "")


def power_on(host: Host) -> str:
    """How the machine can be switched on from afar, or ''."""
    return {"": "", "wake-on-lan": "Wake-on-LAN"}.get(host.power_on_mode, host.power_on_mode)


def _integer(text: str | None) -> int:
    try:
        return max(int(text or ""), 0)
    except ValueError:
        return 0


def _seconds(text: str | None) -> float | None:
    # other_config holds it as "1699999999." with a trailing dot.
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < 1e11 else None
