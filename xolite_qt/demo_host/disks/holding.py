"""Disks that the host itself reads or writes, for an export, an import or NBD: in use meanwhile.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.registry import Failure

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost


class Holds:
    """Which disks the control domain holds now. Used in the loop's thread."""

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        # By VDI: how many hold it, and the drive through which.
        self._held: dict[str, tuple[int, str]] = {}

    def __contains__(self, vdi: str) -> bool:
        return vdi in self._held

    def hold(self, vdi: str, *, write: bool = False) -> None:
        """Attach a disk to the control domain; a drive shows it there until it is let go.

        Raises:
            Failure: VDI_IN_USE [vdi, operation], HANDLE_INVALID.
        """
        db = self._host.db
        others = [db.get("VBD", ref) for ref in db.get("VDI", vdi)["VBDs"] if db.exists("VBD", ref)]
        count, vbd = self._held.get(vdi, (0, ""))
        for other in others:
            # Readers may be many; who writes is alone.
            if other["currently_attached"] and (write or other["mode"] == "RW"):
                raise Failure("VDI_IN_USE", vdi, "attach")
        if write and count:
            raise Failure("VDI_IN_USE", vdi, "attach")
        self._held[vdi] = (count + 1, vbd or self._plug(vdi, "RW" if write else "RO"))

    def let_go(self, vdi: str) -> None:
        """Detach it, unless others read it still."""
        count, vbd = self._held.get(vdi, (0, ""))
        if count > 1:
            self._held[vdi] = (count - 1, vbd)
            return
        self._held.pop(vdi, None)
        if self._host.db.exists("VBD", vbd):
            self._host.db.destroy("VBD", vbd)

    def _plug(self, vdi: str, mode: str) -> str:
        db = self._host.db
        host = self._host.this_host
        domain = db.get("host", host)["control_domain"] if db.exists("host", host) else NULL_REF
        if not db.exists("VM", domain):
            return NULL_REF
        taken = {self._position(ref) for ref in db.get("VM", domain)["VBDs"]}
        free = next(number for number in range(len(taken) + 1) if str(number) not in taken)
        fields: dict[str, Any] = {
            "VM": domain,
            "VDI": vdi,
            "type": "Disk",
            "mode": mode,
            "userdevice": str(free),
            "device": f"sm/backend/{db.get('VDI', vdi)['uuid']}",
            "currently_attached": True,
            "unpluggable": True,
            "other_config": {"task_id": ""},
        }
        return db.create("VBD", fields)

    def _position(self, vbd: str) -> str:
        found = self._host.db.exists("VBD", vbd)
        return str(self._host.db.get("VBD", vbd)["userdevice"]) if found else ""
