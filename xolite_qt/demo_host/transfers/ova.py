"""`ova.xml`: a VM with its devices, written from a host's records and made into new ones.

It is a value of XML-RPC: a struct of "version" and "objects", each of these with its class, its id
("Ref:N") and its record; references are ids, or null where what they point at is not in it.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from xolite_qt.demo_host.datamodel import NULL_REF, Type, load_model
from xolite_qt.demo_host.ops.cards import new_mac
from xolite_qt.demo_host.ops.device_rules import record_of
from xolite_qt.demo_host.ops.lifecycle import HALTED, SUSPENDED
from xolite_qt.demo_host.ops.space import drop_disk, first_size, use_space
from xolite_qt.demo_host.registry import Call, Failure
from xolite_qt.demo_host.values import parse, xml_value
from xolite_qt.demo_host.wire_xml import parse_value

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

_CLASSES = ("VM", "VBD", "VIF", "VDI", "SR", "network")
# What a new object has of its own.
_OWN = frozenset(
    {
        "uuid",
        "location",
        "allowed_operations",
        "current_operations",
        "power_state",
        "domid",
        "device",
        "currently_attached",
        "physical_utilisation",
        "is_a_snapshot",
        "snapshot_time",
        "snapshot_info",
        "cbt_enabled",
        "is_control_domain",
        "is_default_template",
        "blocked_operations",
    }
)


class Exported(NamedTuple):
    """What goes into an XVA.

    Attributes:
        ids: what `ova.xml` calls an object, by class and reference.
        disks: references of the disks whose bytes come along, in order.
    """

    ids: dict[tuple[str, str], str]
    disks: list[str]


def collect(host: DemoHost, vm: str) -> Exported:
    """A VM and what belongs to it."""
    record = host.db.get("VM", vm)
    objects: list[tuple[str, str]] = [("VM", vm)]
    disks: list[str] = []
    for vbd in record["VBDs"]:
        drive = record_of(host, "VBD", vbd)
        if not drive:
            continue
        objects.append(("VBD", vbd))
        if drive["type"] == "Disk" and host.db.exists("VDI", drive["VDI"]):
            disks.append(drive["VDI"])
    if host.db.exists("VDI", record["suspend_VDI"]):
        disks.append(record["suspend_VDI"])
    for vif in record["VIFs"]:
        card = record_of(host, "VIF", vif)
        if card:
            objects += [("VIF", vif), ("network", card["network"])]
    for disk in disks:
        objects += [("VDI", disk), ("SR", host.db.get("VDI", disk)["SR"])]
    there = [pair for pair in dict.fromkeys(objects) if host.db.exists(*pair)]
    return Exported({pair: f"Ref:{n}" for n, pair in enumerate(there)}, list(dict.fromkeys(disks)))


def write_ova(host: DemoHost, exported: Exported) -> bytes:
    """The text of `ova.xml`."""
    objects = "".join(
        _struct(
            {
                "class": xml_value(cls, Type("string")),
                "id": xml_value(name, Type("string")),
                "snapshot": xml_value(_record(host, cls, ref, exported.ids), Type("record", cls)),
            }
        )
        for (cls, ref), name in exported.ids.items()
    )
    software = record_of(host, "host", host.this_host).get("software_version", {})
    version = {
        "hostname": record_of(host, "host", host.this_host).get("hostname", ""),
        "date": software.get("date", ""),
        "product_version": software.get("product_version", ""),
        "product_brand": software.get("product_brand", ""),
        "build_number": software.get("build_number", ""),
        "xapi_major": "1",
        "xapi_minor": "20",
        "export_vsn": "2",
    }
    told = xml_value(version, Type("map", args=(Type("string"), Type("string"))))
    listed = f"<value><array><data>{objects}</data></array></value>"
    return ("<?xml version='1.0'?>" + _struct({"version": told, "objects": listed})).encode()


def _struct(members: dict[str, str]) -> str:
    inner = "".join(f"<member><name>{k}</name>{v}</member>" for k, v in members.items())
    return f"<value><struct>{inner}</struct></value>"


def _record(host: DemoHost, cls: str, ref: str, ids: dict[tuple[str, str], str]) -> dict[str, Any]:
    record = dict(host.db.get(cls, ref))
    for name, field in load_model().classes[cls].fields.items():
        if name in record:
            record[name] = _renamed(record[name], field.type, ids)
    if cls == "VM":
        # Of what it is a snapshot does not come along; it stays a template.
        record.update(is_a_snapshot=False, current_operations={})
    return record


def _renamed(value: Any, kind: Type, ids: dict[tuple[str, str], str]) -> Any:
    if kind.kind == "ref":
        return ids.get((kind.name, value), NULL_REF)
    if kind.kind == "set" and kind.args[0].kind == "ref":
        return [ids[kind.args[0].name, ref] for ref in value if (kind.args[0].name, ref) in ids]
    return value


# In


class Found(NamedTuple):
    """An object of an `ova.xml`."""

    cls: str
    id: str
    record: dict[str, Any]


def read_ova(text: bytes) -> list[Found]:
    """The objects of the classes that are known here.

    Raises:
        Failure: IMPORT_ERROR_GENERIC.
    """
    model = load_model()
    try:
        objects = parse_value(text)["objects"]
        found = []
        for each in objects:
            cls, name, snapshot = each["class"], str(each["id"]), each["snapshot"]
            if cls not in _CLASSES:
                continue
            fields = model.classes[cls].fields
            record = {
                key: parse(value, fields[key].type)
                for key, value in snapshot.items()
                if key in fields and (key == "uuid" or key not in _OWN)
            }
            found.append(Found(cls, name, record))
    except (ValueError, KeyError, TypeError, AttributeError, Failure) as error:
        raise Failure("IMPORT_ERROR_GENERIC", f"ova.xml: {error}") from None
    if not any(one.cls == "VM" for one in found):
        raise Failure("IMPORT_ERROR_GENERIC", "ova.xml holds no VM")
    return found


class Imported:
    """What an import makes, and takes away again where it fails. In the loop's thread.

    Attributes:
        disks: references by id.
        vms: references.
    """

    def __init__(self, call: Call, sr: str, *, restore: bool) -> None:
        """Args:
        call: whose import it is.
        sr: the storage of the disks.
        restore: cards keep their MAC addresses.
        """
        self._call = call
        self._host = call.host
        self._sr = sr
        self._restore = restore
        self._made: list[tuple[str, str]] = []
        self._held: list[str] = []
        self.disks: dict[str, str] = {}
        self.vms: list[str] = []

    def make(self, objects: list[Found]) -> None:
        """Make all of it.

        Raises:
            Failure: SR_FULL.
        """
        names: dict[str, str] = {}
        for one in objects:
            if one.cls == "VDI":
                names[one.id] = self.disks[one.id] = self._disk(one.record)
            elif one.cls == "network":
                names[one.id] = self._network(one.record)
        for one in objects:
            if one.cls == "VM":
                names[one.id] = self._vm(one.record, names)
        for one in objects:
            if one.cls == "VBD":
                self._drive(one.record, names)
            elif one.cls == "VIF":
                self._card(one.record, names)

    def _fields(self, cls: str, record: dict[str, Any]) -> dict[str, Any]:
        """What a new object takes over: everything but references and what is its own."""
        fields = load_model().classes[cls].fields
        return {
            name: value
            for name, value in record.items()
            if name not in _OWN and not _refers(fields[name].type)
        }

    def _create(self, cls: str, record: dict[str, Any], **more: Any) -> str:
        ref = self._host.db.create(cls, {**self._fields(cls, record), **more})
        self._made.append((cls, ref))
        return ref

    def _disk(self, record: dict[str, Any]) -> str:
        host, size = self._host, int(record.get("virtual_size", 0))
        used = first_size(host, self._sr, size)
        use_space(host, self._sr, used, size)
        vdi = self._create("VDI", record, SR=self._sr, physical_utilisation=used, managed=True)
        host.db.set("VDI", vdi, location=host.db.get("VDI", vdi)["uuid"])
        host.disks.made(vdi)
        host.disks.holds.hold(vdi, write=True)
        self._held.append(vdi)
        return vdi

    def _network(self, record: dict[str, Any]) -> str:
        known = self._host.db.records("network")
        for field in ("uuid", "name_label", "bridge"):
            for ref, network in known.items():
                if record.get(field) and network[field] == record[field]:
                    return ref
        return next(iter(known), NULL_REF)

    def _vm(self, record: dict[str, Any], names: dict[str, str]) -> str:
        host = self._host
        saved = names.get(record.get("suspend_VDI", ""), NULL_REF)
        now = host.clock.iso()
        metrics = host.db.create("VM_metrics", install_time=now, last_updated=now)
        self._made.append(("VM_metrics", metrics))
        vm = self._create(
            "VM",
            record,
            metrics=metrics,
            domid=-1,
            suspend_VDI=saved,
            power_state=HALTED if saved == NULL_REF else SUSPENDED,
        )
        self.vms.append(vm)
        return vm

    def _drive(self, record: dict[str, Any], names: dict[str, str]) -> None:
        vdi = names.get(record.get("VDI", ""), NULL_REF)
        vm = names.get(record.get("VM", ""), NULL_REF)
        self._create("VBD", record, VM=vm, VDI=vdi, empty=vdi == NULL_REF)

    def _card(self, record: dict[str, Any], names: dict[str, str]) -> None:
        network = names.get(record.get("network", ""), NULL_REF)
        mac = record.get("MAC", "") if self._restore else new_mac(self._call)
        vm, device = names.get(record.get("VM", ""), NULL_REF), record.get("device", "0")
        more = {"VM": vm, "network": network, "MAC": mac, "device": device}
        self._create("VIF", record, **more, MAC_autogenerated=not self._restore)

    def let_go(self) -> None:
        """The disks are no longer written."""
        while self._held:
            self._host.disks.holds.let_go(self._held.pop())
        for vm in self.vms:
            self._host.recompute("VM", vm)

    def undo(self) -> None:
        """Take away what was made."""
        self.let_go()
        for cls, ref in reversed(self._made):
            if cls == "VDI":
                drop_disk(self._host, ref)
            elif self._host.db.exists(cls, ref):
                self._host.db.destroy(cls, ref)


def _refers(kind: Type) -> bool:
    return kind.kind == "ref" or any(_refers(arg) for arg in kind.args)
