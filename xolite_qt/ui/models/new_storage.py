"""Kinds of storages that can be added, what each has to be told, and what hosts find.

Source: xapi.md 1.12; the fields are the storage managers' `device_config`. Probes of iSCSI answer
with an error that holds XML: 96 the targets, 107 the LUNs; those of NFS with 101 and the exports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from xolite_qt.xen_api import XapiError
from xolite_qt.xen_api.safe_xml import XmlRefused, parse_xml

MOST_XML_CHARS = 1 << 20


@dataclass(frozen=True)
class FieldSpec:
    """One thing to enter.

    Attributes:
        key: in `device_config`.
        label: in words.
        hint: an example; may be "".
        required: whether it may stay empty.
        secret: whether it is hidden.
        found: whether a probe can find it.
    """

    key: str
    label: str
    hint: str = ""
    required: bool = True
    secret: bool = False
    found: bool = False


@dataclass(frozen=True)
class StorageKind:
    """A kind of storage.

    Attributes:
        id: of it.
        label: in words.
        about: one sentence.
        type: XAPI's.
        content_type: "iso" or "user".
        shared: whether every host of the pool gets a way to it.
        erases: whether what is on the device is lost.
        fields: what has to be entered.
    """

    id: str
    label: str
    about: str
    type: str
    content_type: str
    shared: bool
    erases: bool
    fields: tuple[FieldSpec, ...]


_DEVICE = FieldSpec("device", "Device", "/dev/sdb, or /dev/disk/by-id/…", found=True)
_PORTAL = FieldSpec("target", "Portal", "10.0.0.5 or 10.0.0.5:3260")

KINDS: tuple[StorageKind, ...] = (
    StorageKind(
        "nfs", "NFS", "Disks as files on a server; thin.", "nfs", "user", True, False,
        (
            FieldSpec("server", "Server", "nas.example.org"),
            FieldSpec("serverpath", "Export", "/export/vms", found=True),
            FieldSpec("nfsversion", "Version", "3, 4 or 4.1", required=False),
            FieldSpec("options", "Options", "mount options", required=False),
        ),
    ),
    StorageKind(
        "ext", "Local disk, thin", "Disks as files on a disk of one host.", "ext", "user", False,
        True, (_DEVICE,),
    ),
    StorageKind(
        "lvm", "Local disk, thick", "Disks as volumes on a disk of one host.", "lvm", "user",
        False, True, (_DEVICE,),
    ),
    StorageKind(
        "iscsi", "iSCSI", "Volumes on a LUN of a SAN; thick.", "lvmoiscsi", "user", True, True,
        (
            _PORTAL,
            FieldSpec("chapuser", "CHAP user", required=False),
            FieldSpec("chappassword", "CHAP password", required=False, secret=True),
            FieldSpec("targetIQN", "Target", found=True),
            FieldSpec("SCSIid", "LUN", found=True),
        ),
    ),
    StorageKind(
        "smb", "SMB", "Disks as files on a Windows share; thin.", "smb", "user", True, False,
        (
            FieldSpec("server", "Share", r"\\nas\vms"),
            FieldSpec("username", "User", required=False),
            FieldSpec("password", "Password", required=False, secret=True),
        ),
    ),
    StorageKind(
        "nfs-iso", "ISO images on NFS", "A folder of ISO images.", "iso", "iso", True, False,
        (FieldSpec("location", "Export", "nas.example.org:/export/isos"),),
    ),
    StorageKind(
        "smb-iso", "ISO images on SMB", "A share of ISO images.", "iso", "iso", True, False,
        (
            FieldSpec("location", "Share", "//nas/isos"),
            FieldSpec("username", "User", required=False),
            FieldSpec("cifspassword", "Password", required=False, secret=True),
        ),
    ),
    StorageKind(
        "local-iso", "ISO images on a host", "A folder on one host's system disk.", "iso", "iso",
        False, False, (FieldSpec("location", "Folder", "/opt/isos"),),
    ),
)  # fmt: skip


def kind_of(ident: str) -> StorageKind:
    """By its id."""
    return next(kind for kind in KINDS if kind.id == ident)


_LOCATION = re.compile(r"[^:/\s]+:/\S*")
_IP = re.compile(r"[A-Za-z0-9._:\[\]-]+")


def troubles(kind: StorageKind, values: Mapping[str, str], name: str) -> dict[str, str]:
    """What is wrong with what was entered, by field; "name" for the name."""
    found = {}
    if not name.strip():
        found["name"] = "Give it a name."
    for spec in kind.fields:
        value = values.get(spec.key, "").strip()
        if spec.required and not value:
            found[spec.key] = f"{spec.label} is missing."
        elif value and (problem := _odd(kind, spec, value)):
            found[spec.key] = problem
    return found


def _odd(kind: StorageKind, spec: FieldSpec, value: str) -> str:
    if spec.key == "device" and not value.startswith("/dev/"):
        return "Devices begin with /dev/."
    if spec.key == "serverpath" and not value.startswith("/"):
        return "Exports begin with /."
    if kind.id == "nfs-iso" and not _LOCATION.fullmatch(value):
        return "Write server:/export."
    if kind.id == "smb-iso" and spec.key == "location" and not value.startswith(("//", "\\\\")):
        return "Write //server/share."
    if kind.id == "local-iso" and not value.startswith("/"):
        return "Folders begin with /."
    if (
        spec.key in ("server", "target")
        and kind.id in ("nfs", "iscsi")
        and not _IP.fullmatch(value)
    ):
        return "Write a host name or an address."
    return ""


def config_of(kind: StorageKind, values: Mapping[str, str]) -> dict[str, str]:
    """The `device_config`, without what was left empty."""
    config = {
        spec.key: value for spec in kind.fields if (value := values.get(spec.key, "").strip())
    }
    if kind.id == "smb-iso":
        config["type"] = "cifs"
    if kind.id == "local-iso":
        config["legacy_mode"] = "true"
    if kind.id == "iscsi" and ":" in config.get("target", "").rpartition("]")[2]:
        host, _colon, port = config["target"].rpartition(":")
        if port.isdigit():
            config.update(target=host, port=port)
    return config


@dataclass(frozen=True)
class Found:
    """What a probe found for a field: the value, and words for it."""

    key: str
    value: str
    words: str


def read_refusal(error: XapiError) -> list[Found]:
    """What the XML in an error of a probe offers; nothing where there is none."""
    for text in reversed(error.params):
        if "<" not in text or len(text) > MOST_XML_CHARS:
            continue
        try:
            root = parse_xml(text.strip())
        except XmlRefused:
            continue
        return _offers(root)
    return []


def _offers(root: Element) -> list[Found]:
    found = []
    for target in root.iter("TGT"):
        iqn = _text(target, "TargetIQN")
        if iqn:
            found.append(Found("targetIQN", iqn, f"{iqn} at {_text(target, 'IPAddress')}"))
    for lun in root.iter("LUN"):
        ident = _text(lun, "SCSIid")
        if ident:
            size = _text(lun, "size")
            gib = f", {int(size) // (1 << 30)} GiB" if size.isdigit() else ""
            words = f"LUN {_text(lun, 'LUNid')}{gib} {_text(lun, 'vendor')}".strip()
            found.append(Found("SCSIid", ident, words))
    for export in root.iter("Export"):
        path = _text(export, "Path")
        if path:
            found.append(Found("serverpath", path, f"{path} for {_text(export, 'Accesslist')}"))
    return found[:1000]


def read_storages(answer: object) -> list[str]:
    """UUIDs of storages that a probe found in place."""
    if not isinstance(answer, str) or len(answer) > MOST_XML_CHARS or "<" not in answer:
        return []
    try:
        root = parse_xml(answer.strip())
    except XmlRefused:
        return []
    return [uuid for sr in root.iter("SR") if (uuid := _text(sr, "UUID"))][:100]


def _text(element: Element, name: str) -> str:
    child = element.find(name)
    return (child.text or "").strip() if child is not None else ""
