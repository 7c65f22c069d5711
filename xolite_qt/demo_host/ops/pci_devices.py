"""Whether dom0 has a PCI device. What is changed counts from the next boot of the host.

The state is no field of a device: a host reads it from its boot options when asked. Graphics have
a field of their own, which says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.registry import Call, method

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

_HIDDEN: WeakKeyDictionary[DemoHost, dict[str, tuple[bool, bool, str]]] = WeakKeyDictionary()
"""By device: hidden in the running dom0, hidden in the boot options, and when that was booted."""


@method("PCI.get_dom0_access_status")
def pci_get_dom0_access_status(call: Call, self: str) -> str:
    now, then, _boot = _state(call, self)
    if now:
        return "disabled" if then else "enable_on_reboot"
    return "disable_on_reboot" if then else "enabled"


@method("PCI.disable_dom0_access")
def pci_disable_dom0_access(call: Call, self: str) -> str:
    return _set(call, self, hidden=True)


@method("PCI.enable_dom0_access")
def pci_enable_dom0_access(call: Call, self: str) -> str:
    return _set(call, self, hidden=False)


@method("PGPU.disable_dom0_access")
def pgpu_disable_dom0_access(call: Call, self: str) -> str:
    return _set(call, call.db.get("PGPU", self)["PCI"], hidden=True)


@method("PGPU.enable_dom0_access")
def pgpu_enable_dom0_access(call: Call, self: str) -> str:
    return _set(call, call.db.get("PGPU", self)["PCI"], hidden=False)


def _state(call: Call, pci: str) -> tuple[bool, bool, str]:
    host = call.db.get("PCI", pci)["host"]
    exists = host != NULL_REF and call.db.exists("host", host)
    boot = call.db.get("host", host)["other_config"].get("boot_time", "") if exists else ""
    states = _HIDDEN.setdefault(call.host, {})
    now, then, booted = states.get(pci, (False, False, boot))
    if booted != boot:
        now = then
    states[pci] = (now, then, boot)
    return states[pci]


def _set(call: Call, pci: str, *, hidden: bool) -> str:
    now, _then, boot = _state(call, pci)
    _HIDDEN[call.host][pci] = (now, hidden, boot)
    status = pci_get_dom0_access_status(call, pci)
    for ref, record in call.db.records("PGPU").items():
        if record["PCI"] == pci:
            call.db.set("PGPU", ref, dom0_access=status)
    return status
