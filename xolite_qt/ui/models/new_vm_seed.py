"""A small FAT12 volume with a few text files: what cloud-init reads its seed from.

The volume is labelled `CIDATA` and holds `meta-data`, `user-data` and, where there is one,
`network-config`. Their names are longer than FAT's own eight and three characters, so each has an
entry of the long-name kind before it.

Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03 (which has
FAT12 and long names too); cloud-init's documentation of the data source NoCloud.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

__all__ = ["LABEL", "SIZE_BYTES", "SeedTooLarge", "fat_image", "files_of"]

LABEL = "CIDATA"
"""Of the volume; cloud-init looks for it in either case."""

SIZE_BYTES = 4 << 20
"""Of the volume: whole allocation units of every kind of storage."""

_SECTOR = 512
_SECTORS_PER_CLUSTER = 4
_CLUSTER = _SECTOR * _SECTORS_PER_CLUSTER
_RESERVED_SECTORS = 1
_FATS = 2
_SECTORS_PER_FAT = 6
_ROOT_ENTRIES = 128
_ENTRY = 32
_SECTORS = SIZE_BYTES // _SECTOR
_ROOT_AT = (_RESERVED_SECTORS + _FATS * _SECTORS_PER_FAT) * _SECTOR
_DATA_AT = _ROOT_AT + _ROOT_ENTRIES * _ENTRY
_CLUSTERS = (SIZE_BYTES - _DATA_AT) // _CLUSTER
_MEDIA = 0xF8
_END = 0xFFF
_LONG_NAME, _VOLUME, _FILE = 0x0F, 0x08, 0x20
_CHARACTERS_PER_ENTRY = 13
# 1 January 2020, midnight: the same files make the same image.
_DATE, _TIME = (40 << 9) | (1 << 5) | 1, 0


class SeedTooLarge(ValueError):  # noqa: N818 - says what is wrong, as its siblings do
    """The files do not fit on the volume."""


def fat_image(files: Mapping[str, bytes], *, label: str = LABEL) -> bytes:
    """A whole volume of `SIZE_BYTES`.

    Args:
        files: contents by name; names are ASCII letters, digits, dots and dashes.
        label: of the volume, at most 11 characters.

    Raises:
        SeedTooLarge: the files do not fit.
        ValueError: a name or the label is no name.
    """
    image = bytearray(SIZE_BYTES)
    padded = label.upper().encode("ascii").ljust(11)
    if len(padded) > 11:
        raise ValueError(f"a label has at most 11 characters: {label}")
    image[:_SECTOR] = _boot_sector(padded)
    fat = [0xF00 | _MEDIA, _END]
    root = [_entry(padded, _VOLUME, 0, 0)]
    for number, (name, content) in enumerate(files.items(), 1):
        first = _place(image, fat, content) if content else 0
        short = _short_name(name, number)
        root += [*_long_entries(name, short), _entry(short, _FILE, first, len(content))]
    if len(root) > _ROOT_ENTRIES:
        raise SeedTooLarge("too many files")
    table = _packed(fat)
    for copy in range(_FATS):
        at = (_RESERVED_SECTORS + copy * _SECTORS_PER_FAT) * _SECTOR
        image[at : at + len(table)] = table
    entries = b"".join(root)
    image[_ROOT_AT : _ROOT_AT + len(entries)] = entries
    return bytes(image)


def _boot_sector(label: bytes) -> bytes:
    head = struct.pack(
        "<3s8sHBHBHHBHHHII",
        b"\xeb\x3c\x90",
        b"MSWIN4.1",
        _SECTOR,
        _SECTORS_PER_CLUSTER,
        _RESERVED_SECTORS,
        _FATS,
        _ROOT_ENTRIES,
        _SECTORS,
        _MEDIA,
        _SECTORS_PER_FAT,
        32,
        64,
        0,
        0,
    )
    extended = struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 0x20200101, label, b"FAT12   ")
    return (head + extended).ljust(_SECTOR - 2, b"\x00") + b"\x55\xaa"


def _place(image: bytearray, fat: list[int], content: bytes) -> int:
    """Writes a file behind those that are there; returns its first cluster."""
    first, count = len(fat), -(-len(content) // _CLUSTER)
    if first + count > _CLUSTERS + 2:
        raise SeedTooLarge("the files do not fit on the configuration disk")
    at = _DATA_AT + (first - 2) * _CLUSTER
    image[at : at + len(content)] = content
    fat += [*range(first + 1, first + count), _END]
    return first


def _packed(fat: list[int]) -> bytes:
    """Twelve bits for each cluster."""
    packed = bytearray()
    for at in range(0, len(fat), 2):
        low, high = fat[at], fat[at + 1] if at + 1 < len(fat) else 0
        packed += bytes((low & 0xFF, (low >> 8) | (high & 0xF) << 4, high >> 4))
    return bytes(packed)


def _entry(name: bytes, attributes: int, cluster: int, size: int) -> bytes:
    return struct.pack(
        "<11sBBBHHHHHHHI",
        name,
        attributes,
        0,
        0,
        _TIME,
        _DATE,
        _DATE,
        0,
        _TIME,
        _DATE,
        cluster,
        size,
    )


def _short_name(name: str, number: int) -> bytes:
    """The name beside a long one: its first letters and a number that makes it the only one."""
    if not name or not all(c.isascii() and (c.isalnum() or c in ".-_") for c in name):
        raise ValueError(f"no name of a file: {name}")
    letters = "".join(c for c in name.upper() if c.isalnum())
    tail = f"~{number}"
    return (letters[: 8 - len(tail)] + tail).encode("ascii").ljust(11)


def _long_entries(name: str, short: bytes) -> list[bytes]:
    """The entries of a long name, as they stand before the short one: the last part first."""
    check = 0
    for byte in short:
        check = ((check & 1) << 7) + (check >> 1) + byte & 0xFF
    units = [ord(c) for c in name]
    parts = -(-len(units) // _CHARACTERS_PER_ENTRY)
    if len(units) < parts * _CHARACTERS_PER_ENTRY:
        units.append(0)
    units += [0xFFFF] * (parts * _CHARACTERS_PER_ENTRY - len(units))
    made = []
    for part in reversed(range(parts)):
        piece = units[part * _CHARACTERS_PER_ENTRY : (part + 1) * _CHARACTERS_PER_ENTRY]
        order = part + 1 | (0x40 if part == parts - 1 else 0)
        made.append(
            struct.pack(
                "<B5HBBB6HH2H",
                order,
                *piece[:5],
                _LONG_NAME,
                0,
                check,
                *piece[5:11],
                0,
                *piece[11:],
            )
        )
    return made


def files_of(image: bytes) -> dict[str, bytes]:
    """The files of such a volume, read back; its label is under "".

    Raises:
        ValueError: it is no FAT12 volume as `fat_image` makes them.
    """
    if len(image) < SIZE_BYTES or image[510:512] != b"\x55\xaa" or image[54:59] != b"FAT12":
        raise ValueError("no FAT12 volume")
    found: dict[str, bytes] = {}
    long_name = ""
    for at in range(_ROOT_AT, _DATA_AT, _ENTRY):
        entry = image[at : at + _ENTRY]
        if entry[0] == 0:
            break
        if entry[11] == _LONG_NAME:
            units = entry[1:11] + entry[14:26] + entry[28:32]
            long_name = units.decode("utf-16-le").partition("\x00")[0].rstrip("\uffff") + long_name
        elif entry[11] & _VOLUME:
            found[""] = entry[:11].rstrip()
        else:
            cluster, size = struct.unpack("<HI", entry[26:32])
            found[long_name] = _read(image, cluster, size)
            long_name = ""
    return found


def _read(image: bytes, cluster: int, size: int) -> bytes:
    table = image[_RESERVED_SECTORS * _SECTOR : _ROOT_AT]
    pieces: list[bytes] = []
    while 2 <= cluster < _CLUSTERS + 2 and len(pieces) <= _CLUSTERS:
        at = _DATA_AT + (cluster - 2) * _CLUSTER
        pieces.append(image[at : at + _CLUSTER])
        pair = int.from_bytes(table[cluster * 3 // 2 : cluster * 3 // 2 + 2], "little")
        cluster = pair >> 4 if cluster % 2 else pair & 0xFFF
    return b"".join(pieces)[:size]
