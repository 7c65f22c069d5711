"""Storages (SRs) and how hosts reach them (PBDs).

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from xolite_qt.demo_host.ops.device_rules import attached_drives, record_of
from xolite_qt.demo_host.ops.space import settle_disk
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

GIB = 1 << 30
# What must be told to reach a storage of a type.
NEEDED = {
    "ext": ("device",),
    "lvm": ("device",),
    "xfs": ("device",),
    "largeblock": ("device",),
    "nfs": ("server", "serverpath"),
    "iso": ("location",),
    "smb": ("server",),
    "lvmoiscsi": ("target", "targetIQN", "SCSIid"),
    "lvmohba": ("SCSIid",),
    "udev": ("location",),
    "file": ("location",),
    "zfs": ("location",),
    "cephfs": ("server",),
    "glusterfs": ("server",),
    "moosefs": ("masterhost",),
    "linstor": ("group-name",),
}
_MISSING_NUMBER = {"nfs": "101", "lvmoiscsi": "95", "lvmohba": "90"}


def check_type(call: Call, kind: str) -> None:
    """Raises: Failure: SR_UNKNOWN_DRIVER [type]."""
    if kind not in supported_types(call):
        raise Failure("SR_UNKNOWN_DRIVER", kind)


def supported_types(call: Call) -> list[str]:
    """Types that the pool's drivers can do."""
    declared = [record["type"] for record in call.db.records("SM").values()]
    return sorted(set(declared)) if declared else sorted(NEEDED)


def check_config(kind: str, config: dict[str, str]) -> None:
    """Raises: Failure: SR_BACKEND_FAILURE_…, something needed is not told."""
    for name in NEEDED.get(kind, ()):
        if not config.get(name):
            number = _MISSING_NUMBER.get(kind, "89")
            raise Failure(
                f"SR_BACKEND_FAILURE_{number}",
                "",
                f"The request is missing or has an incorrect {name} parameter",
                "",
            )


@method("SR.get_supported_types")
def sr_get_supported_types(call: Call) -> list[str]:
    return supported_types(call)


@method("SR.create")
async def sr_create(
    call: Call,
    host: str,
    device_config: dict[str, str],
    physical_size: int,
    name_label: str,
    name_description: str,
    kind: str,
    content_type: str,
    shared: bool,
    sm_config: dict[str, str],
) -> str:
    """A new storage, plugged on the host, or on all hosts where it is shared."""
    check_type(call, kind)
    check_config(kind, device_config)
    await take(call, 5.0)
    size = physical_size or (-1 if kind in ("udev",) else 500 * GIB)
    sr = call.db.create(
        "SR",
        name_label=name_label,
        name_description=name_description,
        type=kind,
        content_type=content_type or ("iso" if kind == "iso" else "user"),
        shared=shared,
        sm_config=sm_config,
        physical_size=size,
        physical_utilisation=0 if size > 0 else -1,
    )
    for one in call.db.refs("host") if shared else [host]:
        call.db.create("PBD", host=one, SR=sr, device_config=device_config, currently_attached=True)
    call.host.recompute("SR", sr)
    return sr


@method("SR.introduce")
def sr_introduce(
    call: Call,
    uuid: str,
    name_label: str,
    name_description: str,
    kind: str,
    content_type: str,
    shared: bool,
    sm_config: dict[str, str],
) -> str:
    """A storage that exists already; PBDs are made and plugged apart."""
    check_type(call, kind)
    if uuid and any(record["uuid"] == uuid for record in call.db.records("SR").values()):
        raise Failure("SR_UUID_EXISTS", uuid)
    sr = call.db.create(
        "SR",
        uuid=uuid,
        name_label=name_label,
        name_description=name_description,
        type=kind,
        content_type=content_type,
        shared=shared,
        sm_config=sm_config,
    )
    call.host.recompute("SR", sr)
    return sr


@method("SR.probe")
async def sr_probe(
    call: Call, host: str, device_config: dict[str, str], kind: str, sm_config: dict[str, str]
) -> str:
    """Storages that could be introduced, as XML; iSCSI asks on with failure 107."""
    check_type(call, kind)
    await take(call, 2.0)
    if kind == "lvmoiscsi" and device_config.get("target") and not device_config.get("SCSIid"):
        target = escape(device_config["target"])
        luns = (
            '<?xml version="1.0" ?><iscsi-target><LUN><vendor>DEMO</vendor><LUNid>0</LUNid>'
            f"<size>{2048 * GIB}</size><SCSIid>3600140500000001</SCSIid></LUN></iscsi-target>"
            if device_config.get("targetIQN")
            else '<?xml version="1.0" ?><iscsi-target-iqns><TGT><Index>0</Index>'
            f"<IPAddress>{target}</IPAddress>"
            "<TargetIQN>iqn.2020-01.example.san:volume1</TargetIQN></TGT></iscsi-target-iqns>"
        )
        code = "107" if device_config.get("targetIQN") else "96"
        raise Failure(f"SR_BACKEND_FAILURE_{code}", "", "", luns)
    entries = "".join(
        f"<SR><UUID>{record['uuid']}</UUID></SR>" for record in _matching(call, kind, device_config)
    )
    return f'<?xml version="1.0" ?><SRlist>{entries}</SRlist>'


def _matching(call: Call, kind: str, config: dict[str, str]) -> list[dict[str, Any]]:
    """Storages of the type that are reached in the same way."""
    found = []
    for record in call.db.records("SR").values():
        if record["type"] != kind:
            continue
        configs = [record_of(call.host, "PBD", p).get("device_config", {}) for p in record["PBDs"]]
        if any(config.items() <= other.items() for other in configs):
            found.append(record)
    return found


@method("SR.probe_ext")
async def sr_probe_ext(
    call: Call, host: str, device_config: dict[str, str], kind: str, sm_config: dict[str, str]
) -> list[dict[str, Any]]:
    check_type(call, kind)
    await take(call, 2.0)
    return [
        {"configuration": device_config, "complete": True, "extra_info": {}}
        for _ in _matching(call, kind, device_config)
    ]


@method("SR.scan")
async def sr_scan(call: Call, sr: str) -> None:
    """Looks at what is on a storage, and what it takes."""
    _check_plugged(call, sr)
    await take(call, 2.0)
    for vdi in call.db.get("SR", sr)["VDIs"]:
        settle_disk(call.host, vdi)


@method("SR.update")
def sr_update(call: Call, sr: str) -> None:
    """Reads sizes anew; they are true already."""
    _check_plugged(call, sr)


def _check_plugged(call: Call, sr: str) -> None:
    pbds = call.db.get("SR", sr)["PBDs"]
    if not any(record_of(call.host, "PBD", ref).get("currently_attached") for ref in pbds):
        raise Failure("SR_NO_PBDS", sr)


def _check_unplugged(call: Call, sr: str) -> None:
    pbds = call.db.get("SR", sr)["PBDs"]
    if any(record_of(call.host, "PBD", ref).get("currently_attached") for ref in pbds):
        raise Failure("SR_HAS_PBD", sr)


@method("SR.forget")
def sr_forget(call: Call, sr: str) -> None:
    """The pool no longer knows a storage; what is on it stays."""
    _check_unplugged(call, sr)
    for cls, field in (("VDI", "VDIs"), ("PBD", "PBDs")):
        for ref in list(call.db.get("SR", sr)[field]):
            if call.db.exists(cls, ref):
                call.db.destroy(cls, ref)
    call.db.destroy("SR", sr)


@method("SR.destroy")
async def sr_destroy(call: Call, sr: str) -> None:
    """Destroys an empty storage."""
    _check_unplugged(call, sr)
    if any(call.db.exists("VDI", ref) for ref in call.db.get("SR", sr)["VDIs"]):
        raise Failure("SR_NOT_EMPTY")
    await take(call, 2.0)
    sr_forget(call, sr)


@method("SR.set_shared")
def sr_set_shared(call: Call, sr: str, value: bool) -> None:
    if not value and len(call.db.get("SR", sr)["PBDs"]) > 1:
        raise Failure("SR_HAS_MULTIPLE_PBDS", sr)
    call.db.set("SR", sr, shared=value)


# How hosts reach them


@method("PBD.create", check_refs=False)
def pbd_create(call: Call, args: dict[str, Any]) -> str:
    """The way of one host to one storage, not plugged yet.

    Raises:
        Failure: HANDLE_INVALID, PBD_EXISTS [sr, host, pbd].
    """
    call.db.get("host", args["host"])
    for ref in call.db.get("SR", args["SR"])["PBDs"]:
        if record_of(call.host, "PBD", ref).get("host") == args["host"]:
            raise Failure("PBD_EXISTS", args["SR"], args["host"], ref)
    return call.db.create("PBD", args)


@method("PBD.plug")
async def pbd_plug(call: Call, self: str) -> None:
    """A host reaches its storage."""
    if call.db.get("PBD", self)["currently_attached"]:
        return
    await take(call, 1.0)
    call.db.set("PBD", self, currently_attached=True)


@method("PBD.unplug")
async def pbd_unplug(call: Call, self: str) -> None:
    """A host lets go of its storage; none of its VMs may use it."""
    pbd = call.db.get("PBD", self)
    if not pbd["currently_attached"]:
        return
    for vdi in record_of(call.host, "SR", pbd["SR"]).get("VDIs", ()):
        for vbd in attached_drives(call.host, vdi):
            vm = record_of(call.host, "VM", call.db.get("VBD", vbd)["VM"])
            if vm.get("resident_on") == pbd["host"]:
                raise Failure("VDI_IN_USE", vdi, "detach")
    await take(call, 1.0)
    call.db.set("PBD", self, currently_attached=False)


@method("PBD.destroy")
def pbd_destroy(call: Call, self: str) -> None:
    if call.db.get("PBD", self)["currently_attached"]:
        raise Failure("OPERATION_NOT_ALLOWED", "PBD is attached; unplug it first")
    call.db.destroy("PBD", self)


@method("PBD.set_device_config")
def pbd_set_device_config(call: Call, self: str, value: dict[str, str]) -> None:
    if call.db.get("PBD", self)["currently_attached"]:
        raise Failure("OPERATION_NOT_ALLOWED", "PBD is attached; unplug it first")
    call.db.set("PBD", self, device_config=value)
