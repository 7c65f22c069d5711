"""The configuration disk of cloud-init, read back by our own reader and by the system's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.needs import needs
from xolite_qt.ui.models.new_vm_seed import SIZE_BYTES, SeedTooLarge, fat_image, files_of

FILES = {
    "meta-data": b"instance-id: 1\nlocal-hostname: web-1\n",
    "user-data": b"#cloud-config\n" + b"x" * 9000,
    "network-config": b"version: 2\n",
}


def test_what_is_written_is_read_back() -> None:
    image = fat_image(FILES)
    assert len(image) == SIZE_BYTES
    assert files_of(image) == {"": b"CIDATA", **FILES}


def test_empty_and_full() -> None:
    assert files_of(fat_image({"user-data": b""}))["user-data"] == b""
    large = bytes(range(256)) * 12_000
    assert files_of(fat_image({"user-data": large, "meta-data": b"a"}))["user-data"] == large
    with pytest.raises(SeedTooLarge):
        fat_image({"user-data": b"x" * SIZE_BYTES})
    with pytest.raises(SeedTooLarge):
        fat_image({f"file-{number}": b"x" for number in range(100)})


@pytest.mark.parametrize("name", ["", "a/b", "ä", "a b"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError):
        fat_image({name: b"x"})
    with pytest.raises(ValueError):
        fat_image({"user-data": b"x"}, label="much too long")


def test_no_volume_at_all() -> None:
    with pytest.raises(ValueError):
        files_of(bytes(SIZE_BYTES))


def test_the_system_knows_it_by_its_label(tmp_path: Path) -> None:
    needs("blkid")
    path = tmp_path / "seed.img"
    path.write_bytes(fat_image(FILES))
    shown = subprocess.run(
        ["blkid", "-o", "export", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert "TYPE=vfat" in shown
    assert "LABEL=CIDATA\n" in shown


def test_mtools_list_and_read_it(tmp_path: Path) -> None:
    needs("mcopy", "fsck.fat")
    path = tmp_path / "seed.img"
    path.write_bytes(fat_image(FILES))
    subprocess.run(["fsck.fat", "-n", str(path)], check=True, capture_output=True)
    for name, content in FILES.items():
        got = subprocess.run(
            ["mcopy", "-n", "-i", str(path), f"::{name}", "-"], capture_output=True
        )
        assert got.stdout == content
