"""Pictures of a console, into a file or onto the clipboard."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSaveFile, QStandardPaths
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter
from PySide6.QtWidgets import QFileDialog, QWidget

from xolite_qt.ui.views.page import Notify

_NO_FILE_NAME = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


def file_name(name: str, when: time.struct_time | None = None) -> str:
    """A name for a screenshot's file: the machine's, as far as files can be called so."""
    clean = _NO_FILE_NAME.sub("_", name).strip(" .")[:80] or "console"
    return f"{clean} {time.strftime('%Y-%m-%d %H-%M-%S', when or time.localtime())}.png"


def copy_picture(picture: QImage) -> None:
    """Puts a picture onto the clipboard."""
    QGuiApplication.clipboard().setImage(picture)


def choose_file(name: str, parent: QWidget, chosen: Callable[[str], object]) -> QFileDialog:
    """Asks where to save a screenshot.

    Args:
        name: of the machine.
        parent: over which it is asked.
        chosen: called with the path.
    """
    home = QStandardPaths.StandardLocation.PicturesLocation
    folder = QStandardPaths.writableLocation(home) or str(Path.home())
    dialog = QFileDialog(parent, "Save screenshot", folder, "PNG picture (*.png)")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("png")
    dialog.selectFile(file_name(name))
    dialog.fileSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


async def save_picture(picture: QImage, path: str, notify: Notify) -> None:
    """Writes a PNG file, whole or not at all, and tells."""
    trouble = await asyncio.to_thread(_write, picture, path)
    if trouble:
        notify("The screenshot could not be saved.", level="danger", details=trouble)
    else:
        notify(f"Screenshot saved as {Path(path).name}.")


def _write(picture: QImage, path: str) -> str:
    """Returns what went wrong; empty if nothing did."""
    file = QSaveFile(path)
    if not file.open(QSaveFile.OpenModeFlag.WriteOnly):
        return f"{path}: {file.errorString()}"
    writer = QImageWriter(file, b"png")
    if not writer.write(picture):
        file.cancelWriting()
        return f"{path}: {writer.errorString()}"
    return "" if file.commit() else f"{path}: {file.errorString()}"
