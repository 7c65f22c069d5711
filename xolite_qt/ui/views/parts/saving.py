"""Asks where to, then writes a file away from the Qt thread, and tells how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from xolite_qt.ui.views.page import PageContext


def save_as(
    context: PageContext, parent: QWidget, title: str, name: str, write: Callable[[Path], object]
) -> QFileDialog:
    """Opens the dialog that asks for the file.

    Args:
        context: of the page; its tasks own the writing.
        parent: over which it opens.
        title: of the dialog.
        name: that is offered; its suffix is added where the user gives none.
        write: writes the file, in a thread.
    """
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.removeprefix("."))
    dialog.selectFile(name)
    dialog.fileSelected.connect(
        lambda path: context.tasks.spawn(_save(context, Path(path), write), title)
    )
    dialog.open()
    return dialog


def save_text(
    context: PageContext, parent: QWidget, title: str, name: str, text: str
) -> QFileDialog:
    """As `save_as`, for a text that is there already."""
    return save_as(
        context,
        parent,
        title,
        name,
        lambda path: path.write_text(text, encoding="utf-8", newline=""),
    )


async def _save(context: PageContext, path: Path, write: Callable[[Path], object]) -> None:
    try:
        await asyncio.to_thread(write, path)
    except OSError as error:
        context.notify(f"{path.name} could not be written.", level="danger", details=str(error))
    else:
        context.notify(f"Saved as {path.name}", level="success")
