"""Repositories that Xen Orchestra itself wrote, with what is in them."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from tests.conftest import SHARED


@dataclass(frozen=True)
class XoRepository:
    """One of them, unpacked.

    Attributes:
        path: its root.
        key: of its encryption; None without.
        backups: oldest first: (id, disks as (uuid, size in bytes, sha256 of the whole disk)). The
            id is what the metadata file is called, `<vm>/<timestamp>`.
    """

    path: Path
    key: str | None
    backups: list[tuple[str, list[tuple[str, int, str]]]]


def unpack(name: str, folder: Path) -> XoRepository:
    """Unpacks a repository below `folder`; skips the test where they are not at hand."""
    packed = SHARED / "xo-repositories" / f"{name}.tar.xz"
    if not packed.exists():
        pytest.skip("Xen Orchestra's repositories are not beside this checkout")
    facts = json.loads(packed.with_name(f"{name}.json").read_text())
    root = folder / name
    with tarfile.open(packed) as archive:
        archive.extractall(root, filter="data")
    backups = []
    for backup in facts["backups"]:
        metadata = PurePosixPath(backup["metadata"])
        disks = [(disk["uuid"], disk["size"], disk["sha256"]) for disk in backup["disks"]]
        backups.append((f"{metadata.parent.name}/{metadata.stem}", disks))
    return XoRepository(root, facts["key"], backups)
