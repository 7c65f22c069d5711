"""Another implementation reads what we write, and we read what it writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from uuid import UUID

import pytest

from tests.needs import needs
from xolite_qt.vhd.file import VhdFile
from xolite_qt.vhd.structs import BLOCK_BYTES, DiskType, Footer, Header, blocks_of
from xolite_qt.vhd.writing import VhdLayout, block_parts

from .random_files import DiskFile

# On a cylinder's edge, so that size and geometry are the same number, and not on a block's.
SIZE = 68 * 16 * 512 * 13
CONTENT = {0: b"\x11" * BLOCK_BYTES, 2: os.urandom(BLOCK_BYTES)}


@pytest.fixture(autouse=True)
def _qemu() -> None:
    needs("qemu-img")


def qemu(*words: str | Path) -> str:
    done = subprocess.run(["qemu-img", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def raw_disk(path: Path, content: dict[int, bytes], size: int = SIZE) -> Path:
    whole = bytearray(size)
    for index, data in content.items():
        begin = index * BLOCK_BYTES
        whole[begin : begin + BLOCK_BYTES] = data[: size - begin]
    path.write_bytes(whole)
    return path


def check_same(vhd: Path, raw: Path) -> None:
    info = json.loads(qemu("info", "--output=json", "-f", "vpc", vhd))
    assert info["format"] == "vpc"
    assert info["virtual-size"] == raw.stat().st_size
    assert "identical" in qemu("compare", "-f", "vpc", "-F", "raw", vhd, raw)


def test_a_written_stream_is_read_by_qemu(tmp_path: Path) -> None:
    layout = VhdLayout.plan(Footer.make(SIZE, DiskType.DYNAMIC, str(UUID(int=1))), list(CONTENT))
    vhd = tmp_path / "a.vhd"
    with vhd.open("wb") as file:
        file.write(layout.head())
        for data in CONTENT.values():
            file.writelines(block_parts(data))
        file.write(layout.tail())
    check_same(vhd, raw_disk(tmp_path / "a.raw", CONTENT))


def test_a_file_changed_in_place_is_read_by_qemu(tmp_path: Path) -> None:
    vhd = tmp_path / "a.vhd"
    footer = Footer.make(SIZE, DiskType.DYNAMIC, str(UUID(int=1)))
    made = VhdFile.create(DiskFile(vhd), footer, Header(blocks_of(SIZE)))
    made.write_block(2, CONTENT[0])
    made.write_block(0, CONTENT[0])
    made.write_block(2, CONTENT[2])
    made.grow_table(1000)
    made.close()
    check_same(vhd, raw_disk(tmp_path / "a.raw", CONTENT))


def test_a_file_of_qemu_is_read_and_changed(tmp_path: Path) -> None:
    raw, vhd = raw_disk(tmp_path / "a.raw", CONTENT), tmp_path / "a.vhd"
    qemu("convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", raw, vhd)
    opened = VhdFile(DiskFile(vhd))
    assert opened.allocated() == [0, 2]
    assert opened.read_block(2) == CONTENT[2]
    opened.write_block(1, b"\x22" * BLOCK_BYTES)
    opened.write_block(0, bytes(BLOCK_BYTES))
    opened.grow_table(4000)
    opened.close()
    changed = {0: bytes(BLOCK_BYTES), 1: b"\x22" * BLOCK_BYTES, 2: CONTENT[2]}
    check_same(vhd, raw_disk(tmp_path / "b.raw", changed))
