"""Disks from another process: functions of the plugin `xolite-demo`.

    host.call_plugin(session, host, "xolite-demo", FUNCTION, {…})

- `swap_disk {"vdi": UUID, "file": PATH}`: a later image of a disk that `--disk` put an image behind
  (or of any disk), while its VM runs. Blocks of 64 KiB that differ count as changed; snapshots keep
  what they had. The file is read later on: never change it, give another one. Answers
  `{"changed_blocks": N, "virtual_size": BYTES}`.
- `write_disk {"vdi": UUID, "offset": "BYTES", "hex": "00ff…"}` or `"file": PATH` in place of "hex":
  writes as the guest would. Answers `{"written": BYTES}`.
- `checksum {"vdi": UUID}`: answers `{"sha256": HEX, "size": BYTES}` of all bytes of the disk.

Snapshots are disks too: their checksum is that of what they keep.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import DiskFileError

if TYPE_CHECKING:
    from xolite_qt.demo_host.registry import Call

    from .store import Disks

DISK_FUNCTIONS = frozenset({"swap_disk", "write_disk", "checksum"})
_PIECE_BYTES = 4 * 1024 * 1024


async def call_disk_plugin(call: Call, function: str, args: dict[str, str]) -> str:
    """One of `DISK_FUNCTIONS`.

    Raises:
        Failure: UUID_INVALID, XENAPI_PLUGIN_FAILURE [what, "", details].
    """
    from xolite_qt.demo_host.ops.space import settle_disk
    from xolite_qt.demo_host.registry import Failure

    vdi = call.db.by_uuid("VDI", args.get("vdi", ""))
    try:
        answer = await asyncio.to_thread(_work, call.host.disks, function, vdi, args)
    except (KeyError, ValueError) as error:
        raise Failure("XENAPI_PLUGIN_FAILURE", "bad parameter", "", error) from None
    except (DiskFileError, OSError) as error:
        raise Failure("XENAPI_PLUGIN_FAILURE", "bad file", "", error) from None
    settle_disk(call.host, vdi)
    return json.dumps(answer)


def _work(disks: Disks, function: str, vdi: str, args: dict[str, str]) -> dict[str, Any]:
    if function == "checksum":
        return {"sha256": disks.checksum(vdi), "size": disks.size(vdi)}
    if function == "swap_disk":
        changed = disks.swap(vdi, Path(args["file"]))
        return {"changed_blocks": changed, "virtual_size": disks.size(vdi)}
    offset, written = int(args["offset"]), 0
    if "hex" in args:
        data = bytes.fromhex(args["hex"])
        disks.write(vdi, offset, data)
        return {"written": len(data)}
    with Path(args["file"]).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            disks.write(vdi, offset + written, piece)
            written += len(piece)
    return {"written": written}
