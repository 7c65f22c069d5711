"""Uploads an ISO image from this computer into a storage that holds such."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from xolite_qt.ui import format as fmt
from xolite_qt.ui.context import PageContext
from xolite_qt.ui.dialogs.storage.upload_window import UploadWindow
from xolite_qt.ui.models.sr_roles import free_bytes
from xolite_qt.xen_api import SR

_MAGIC_AT, _MAGIC = 0x8001, b"CD001"


def begin_upload(context: PageContext, sr: SR) -> QFileDialog:
    """Asks for a file, and sends it."""
    dialog = QFileDialog(context.actions.window, "Upload an ISO image")
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters(["ISO images (*.iso *.ISO)", "All files (*)"])
    dialog.fileSelected.connect(lambda path: upload(context, sr, Path(path)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def upload(context: PageContext, sr: SR, path: Path) -> None:
    """Sends a file, after a look at it."""
    context.tasks.spawn(_upload(context, sr, path), f"upload {path.name}")


async def _upload(context: PageContext, sr: SR, path: Path) -> None:
    try:
        size, is_iso = await asyncio.to_thread(_look, path)
    except OSError as error:
        text = f"{path.name} cannot be read."
        context.notify(text, level="danger", details=str(error.strerror or error))
        return
    if not size:
        context.notify(f"{path.name} is empty.", level="danger")
        return
    free = free_bytes(sr)
    if sr.physical_size > 0 and size > free:
        context.notify(
            f"{path.name} does not fit: {fmt.size(size)} required when only {fmt.size(free)} "
            f"available on {sr.name_label}.",
            level="danger",
        )
        return
    if not is_iso:
        text = f"{path.name} does not look like an ISO image; it is uploaded as it is."
        context.notify(text, level="warning")
    window = UploadWindow(path, size, sr, context.notify, context.actions.window)
    await window.work(context.stores.api)


def _look(path: Path) -> tuple[int, bool]:
    """Size in bytes, and whether it says of itself that it is an ISO image."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(_MAGIC_AT)
        return size, file.read(len(_MAGIC)) == _MAGIC
