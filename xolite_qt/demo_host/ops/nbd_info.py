"""Where disks can be read over NBD.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import record_of
from xolite_qt.demo_host.registry import Call, Failure, method

PURPOSES = ("nbd", "insecure_nbd")


def serves_nbd(call: Call, vdi: str) -> bool:
    """Whether a host that reaches the disk has an address on a network for NBD."""
    sr = record_of(call.host, "SR", call.db.get("VDI", vdi)["SR"])
    for pbd_ref in sr.get("PBDs", ()):
        pbd = record_of(call.host, "PBD", pbd_ref)
        if not pbd.get("currently_attached"):
            continue
        for pif_ref in record_of(call.host, "host", pbd["host"]).get("PIFs", ()):
            pif = record_of(call.host, "PIF", pif_ref)
            network = record_of(call.host, "network", pif.get("network", NULL_REF))
            if (
                pif.get("currently_attached")
                and pif["IP"]
                and any(purpose in PURPOSES for purpose in network.get("purpose", ()))
            ):
                return True
    return False


@method("VDI.get_nbd_info")
async def vdi_get_nbd_info(call: Call, self: str) -> list[dict[str, Any]]:
    """Where a disk can be read: one entry per address, none without a network for it.

    The addresses of a simulated host lead nowhere, so that all of them become the one on loopback
    where its server is.
    """
    record = call.db.get("VDI", self)
    if record["type"] == "cbt_metadata":
        raise Failure("VDI_INCOMPATIBLE_TYPE", self, "cbt_metadata")
    if not serves_nbd(call, self):
        return []
    session = call.session.ref if call.session else ""
    address, port = await call.host.nbd.start()
    return [
        {
            "exportname": f"/{record['uuid']}?session_id={session}",
            "address": address,
            "port": port,
            "cert": call.host.certificate.pem,
            "subject": "localhost",
        }
    ]
