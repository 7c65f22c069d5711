"""Footer and header of a VHD, big endian.

Source: backup-repository.md 4; Microsoft's Virtual Hard Disk Image Format Specification.
"""

from __future__ import annotations

import struct
import uuid as uuids
from dataclasses import dataclass, replace
from enum import IntEnum

SECTOR_BYTES = 512
BLOCK_BYTES = 2 * 1024 * 1024
BITMAP_BYTES = 512
FOOTER_BYTES = 512
HEADER_BYTES = 1024
BAT_OFFSET_BYTES = FOOTER_BYTES + HEADER_BYTES

# Enough for 64 TiB. A number from a file is never the size of an allocation before this.
MAX_TABLE_ENTRIES = 64 * 1024**4 // BLOCK_BYTES
_VERSION = 0x00010000
_FOOTER = struct.Struct(">8sIIQI4sI4sQQHBBII16sB")
_FOOTER_CHECKSUM = slice(64, 68)
_HEADER = struct.Struct(">8sQQIIII16sII512s")
_HEADER_CHECKSUM = slice(36, 40)
_LOCATOR = struct.Struct(">IIIIQ")
_LOCATORS_OFFSET = 576
_LOCATORS = 8


class VhdError(Exception):
    """Bytes that are no VHD, or a spoilt one.

    Attributes:
        what: what is wrong with them.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class DiskType(IntEnum):
    """What sort of disk it is."""

    FIXED = 2
    DYNAMIC = 3
    DIFFERENCING = 4


def blocks_of(size_bytes: int) -> int:
    """How many blocks of 2 MiB a disk has; the last may be cut."""
    return -(-size_bytes // BLOCK_BYTES)


def geometry(size_bytes: int) -> tuple[int, int, int]:
    """Cylinders (rounded up, as Xen Orchestra does), heads and sectors per track."""
    sectors = min(-(-size_bytes // SECTOR_BYTES), 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        per_track, heads = 255, 16
    else:
        per_track = 17
        tracks = sectors / per_track
        heads = max(4, -int(-tracks // 1024))
        if tracks >= heads * 1024 or heads > 16:
            per_track, heads = 31, 16
            tracks = sectors / per_track
        if tracks >= heads * 1024:
            per_track, heads = 63, 16
    tracks = sectors / per_track
    return -int(-tracks // heads), heads, per_track


@dataclass(frozen=True)
class Footer:
    """The first and last 512 bytes.

    Attributes:
        current_size_bytes: the virtual size.
        original_size_bytes: at creation; never more than the current one.
        disk_type: see `DiskType`.
        uuid: dashed, lower case.
        timestamp: seconds; the format counts from 2000, Xen Orchestra from 1970 and ignores it.
        geometry: cylinders, heads, sectors per track.
        creator: four bytes.
        creator_version: of that program.
        creator_os: four bytes.
        data_offset_bytes: where the header is.
        features: flags; 2 is always set.
        saved_state: 1 where a machine is suspended on it.
    """

    current_size_bytes: int
    original_size_bytes: int
    disk_type: DiskType
    uuid: str
    timestamp: int = 0
    geometry: tuple[int, int, int] = (0, 0, 0)
    creator: bytes = b"xo  "
    creator_version: int = 0
    creator_os: bytes = b"Wi2k"
    data_offset_bytes: int = FOOTER_BYTES
    features: int = 2
    saved_state: int = 0

    @classmethod
    def make(cls, size_bytes: int, disk_type: DiskType, uuid: str, timestamp: int = 0) -> Footer:
        """A new footer, as Xen Orchestra would write it."""
        return cls(
            current_size_bytes=size_bytes,
            original_size_bytes=size_bytes,
            disk_type=disk_type,
            uuid=str(uuids.UUID(uuid)),
            timestamp=timestamp,
            geometry=geometry(size_bytes),
        )

    def with_disk_type(self, disk_type: DiskType) -> Footer:
        """The same with another type."""
        return replace(self, disk_type=disk_type)

    def pack(self) -> bytes:
        """The 512 bytes."""
        cylinders, heads, per_track = self.geometry
        body = bytearray(FOOTER_BYTES)
        _FOOTER.pack_into(
            body,
            0,
            b"conectix",
            self.features,
            _VERSION,
            self.data_offset_bytes,
            self.timestamp & 0xFFFFFFFF,
            self.creator,
            self.creator_version,
            self.creator_os,
            self.original_size_bytes,
            self.current_size_bytes,
            cylinders,
            heads,
            per_track,
            int(self.disk_type),
            0,
            uuids.UUID(self.uuid).bytes,
            self.saved_state,
        )
        body[_FOOTER_CHECKSUM] = _checksum(body)
        return bytes(body)

    @classmethod
    def parse(cls, body: bytes) -> Footer:
        """Reads 512 bytes.

        Raises:
            VhdError: they are no footer, or one of a disk that we do not read.
        """
        if len(body) != FOOTER_BYTES:
            raise VhdError(f"the VHD footer has {len(body)} bytes instead of {FOOTER_BYTES}")
        (
            cookie,
            features,
            version,
            offset,
            timestamp,
            creator,
            creator_version,
            creator_os,
            original,
            current,
            cylinders,
            heads,
            per_track,
            disk_type,
            checksum,
            uuid,
            saved,
        ) = _FOOTER.unpack_from(body)
        if cookie != b"conectix":
            raise VhdError("there is no VHD footer")
        if checksum.to_bytes(4, "big") != _checksum(body, _FOOTER_CHECKSUM):
            raise VhdError("the VHD footer is damaged: its checksum is wrong")
        if version != _VERSION or not features & 2:
            raise VhdError(f"the VHD is of version {version:#x}, which is not known")
        if disk_type not in list(DiskType):
            raise VhdError(f"the VHD is of type {disk_type}, which is not known")
        if current > MAX_TABLE_ENTRIES * BLOCK_BYTES:
            raise VhdError(f"the VHD claims to be {current} bytes large")
        return cls(
            current_size_bytes=current,
            original_size_bytes=original,
            disk_type=DiskType(disk_type),
            uuid=str(uuids.UUID(bytes=uuid)),
            timestamp=timestamp,
            geometry=(cylinders, heads, per_track),
            creator=creator,
            creator_version=creator_version,
            creator_os=creator_os,
            data_offset_bytes=offset,
            features=features,
            saved_state=saved,
        )


@dataclass(frozen=True)
class Locator:
    """Where a platform's own spelling of the parent's path is.

    Attributes:
        code: platform, such as `W2ku`.
        space: room for it: in sectors or bytes, writers differ.
        length_bytes: of the path.
        offset_bytes: in the file.
    """

    code: int = 0
    space: int = 0
    length_bytes: int = 0
    offset_bytes: int = 0


_NO_LOCATORS = (Locator(),) * _LOCATORS


@dataclass(frozen=True)
class Header:
    """The 1024 bytes that say how the blocks lie, and who the parent is.

    Attributes:
        max_table_entries: blocks that the table has room for.
        block_bytes: 2 MiB.
        parent_uuid: the parent's footer uuid; None without a parent.
        parent_name: path of the parent relative to this disk; empty without a parent.
        parent_timestamp: of the parent; Xen Orchestra writes 0.
        table_offset_bytes: where the table is.
        locators: eight of them.
    """

    max_table_entries: int
    block_bytes: int = BLOCK_BYTES
    parent_uuid: str | None = None
    parent_name: str = ""
    parent_timestamp: int = 0
    table_offset_bytes: int = BAT_OFFSET_BYTES
    locators: tuple[Locator, ...] = _NO_LOCATORS

    def pack(self) -> bytes:
        """The 1024 bytes.

        Raises:
            VhdError: the parent's name is longer than 256 UTF-16 units.
        """
        name = self.parent_name.encode("utf-16-be")
        if len(name) > 512:
            raise VhdError("the name of the parent is too long for a VHD")
        body = bytearray(HEADER_BYTES)
        parent = uuids.UUID(self.parent_uuid).bytes if self.parent_uuid else bytes(16)
        _HEADER.pack_into(
            body,
            0,
            b"cxsparse",
            0xFFFFFFFFFFFFFFFF,
            self.table_offset_bytes,
            _VERSION,
            self.max_table_entries,
            self.block_bytes,
            0,
            parent,
            self.parent_timestamp,
            0,
            name.ljust(512, b"\0"),
        )
        for place, locator in enumerate(self.locators):
            at = _LOCATORS_OFFSET + place * _LOCATOR.size
            _LOCATOR.pack_into(
                body,
                at,
                locator.code,
                locator.space,
                locator.length_bytes,
                0,
                locator.offset_bytes,
            )
        body[_HEADER_CHECKSUM] = _checksum(body)
        return bytes(body)

    @classmethod
    def parse(cls, body: bytes) -> Header:
        """Reads 1024 bytes.

        Raises:
            VhdError: they are no header, or one that we do not read.
        """
        if len(body) != HEADER_BYTES:
            raise VhdError(f"the VHD header has {len(body)} bytes instead of {HEADER_BYTES}")
        (
            cookie,
            _,
            table_offset,
            version,
            entries,
            block_bytes,
            checksum,
            parent,
            parent_timestamp,
            _,
            name,
        ) = _HEADER.unpack_from(body)
        if cookie != b"cxsparse":
            raise VhdError("there is no VHD header")
        if checksum.to_bytes(4, "big") != _checksum(body, _HEADER_CHECKSUM):
            raise VhdError("the VHD header is damaged: its checksum is wrong")
        if version != _VERSION:
            raise VhdError(f"the VHD header is of version {version:#x}, which is not known")
        if block_bytes != BLOCK_BYTES:
            raise VhdError(f"the VHD has blocks of {block_bytes} bytes, only 2 MiB are known")
        if entries > MAX_TABLE_ENTRIES:
            raise VhdError(f"the VHD claims to have {entries} blocks")
        locators = tuple(
            Locator(code, space, length, offset)
            for code, space, length, _, offset in _LOCATOR.iter_unpack(
                body[_LOCATORS_OFFSET : _LOCATORS_OFFSET + _LOCATORS * _LOCATOR.size]
            )
        )
        return cls(
            max_table_entries=entries,
            block_bytes=block_bytes,
            parent_uuid=str(uuids.UUID(bytes=parent)) if any(parent) else None,
            parent_name=_text(name),
            parent_timestamp=parent_timestamp,
            table_offset_bytes=table_offset,
            locators=locators,
        )


def check_fit(footer: Footer, header: Header) -> None:
    """Whether the two belong to one readable disk.

    Raises:
        VhdError: the table is too small for the size.
    """
    if header.max_table_entries < blocks_of(footer.current_size_bytes):
        raise VhdError(
            f"the VHD has room for {header.max_table_entries} blocks, its size of "
            f"{footer.current_size_bytes} bytes needs {blocks_of(footer.current_size_bytes)}"
        )


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-16-be").split("\0", 1)[0]
    except UnicodeDecodeError:
        raise VhdError("the parent's name in the VHD header is no text") from None


def _checksum(body: bytes | bytearray, without: slice | None = None) -> bytes:
    total = sum(body)
    if without is not None:
        total -= sum(body[without])
    return (~total & 0xFFFFFFFF).to_bytes(4, "big")
