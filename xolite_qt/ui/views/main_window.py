"""The one window: the start page until somebody connects, then the workspace."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from xolite_qt.settings import Settings
from xolite_qt.ui import theme
from xolite_qt.ui.notifier import Notifier
from xolite_qt.ui.views.start_page import StartPage
from xolite_qt.ui.widgets.toasts import Toasts

# The rest of the rooms is imported when it is first needed: the client and what it stands on take
# longer to import than everything that the first window shows.
if TYPE_CHECKING:
    from xolite_qt.ui.views.palette import Entry, Palette
    from xolite_qt.ui.views.workspace import Workspace

_ACCENTS = {"error": "danger"}
_FIRST_SIZE = (1280, 800)
_LEAST_SIZE = (960, 640)


class MainWindow(QMainWindow):
    """The window.

    Signals:
        closed: the user closed it; whoever runs the loop cleans up and ends.
        sign_out_wanted: the user wants to disconnect, and to be asked for the password next time.
        other_host_wanted: the user wants to disconnect only.
        theme_wanted: another theme was chosen.
            arg: "light" or "dark".
    """

    closed = Signal()
    sign_out_wanted = Signal()
    other_host_wanted = Signal()
    theme_wanted = Signal(str)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.setWindowTitle("xolite-qt")
        self.setWindowIcon(QIcon(str(theme.resource("mark.svg"))))
        self.setMinimumSize(*_LEAST_SIZE)
        self.start = StartPage()
        self.workspace: Workspace | None = None
        self._stack = QStackedWidget()
        self._stack.addWidget(self.start)
        self.setCentralWidget(self._stack)
        self.toasts = Toasts(self, inset=self._drawer_height)
        self.notifier = Notifier(self.windowIcon(), self)
        self.notifier.opened.connect(self._open_told)
        self._restore()
        self._palette: Palette | None = None
        self._sure = False
        for keys, act in (
            ("Ctrl+K", self.open_palette),
            ("Ctrl+F", self._focus_filter),
            ("Ctrl+,", self.open_settings),
            ("F1", self.open_shortcuts),
            ("?", self.open_shortcuts),
            ("F5", self._retry),
            ("Ctrl+J", self._toggle_drawer),
        ):
            self._shortcut(QKeySequence(keys), act)
        self._shortcut(QKeySequence(QKeySequence.StandardKey.Quit), self.close)
        for number in range(9):
            self._shortcut(QKeySequence(f"Ctrl+{number + 1}"), partial(self._tab, number))

    def _shortcut(self, keys: QKeySequence, act: Callable[[], object]) -> None:
        QShortcut(keys, self).activated.connect(lambda: act())

    # ------------------------------------------------------------------ connection

    def show_workspace(self, workspace: Workspace) -> None:
        """Shows a connection instead of the start page."""
        self.workspace = workspace
        header = workspace.header
        header.palette_wanted.connect(self.open_palette)
        header.settings_wanted.connect(self.open_settings)
        header.help_wanted.connect(self.open_shortcuts)
        header.sign_out_wanted.connect(self._sign_out)
        header.other_host_wanted.connect(self._other_host)
        header.quit_wanted.connect(self.close)
        header.theme_wanted.connect(self.theme_wanted)
        workspace.title_changed.connect(self._show_title)
        workspace.drawer.opened_changed.connect(lambda _open: self.toasts.place())
        self._stack.addWidget(workspace)
        self._stack.setCurrentWidget(workspace)
        workspace.start()
        workspace.tree.view.setFocus()

    def show_start(self) -> None:
        """Goes back to the start page."""
        self.start.set_busy(False)
        self._stack.setCurrentWidget(self.start)
        workspace, self.workspace = self.workspace, None
        if workspace is not None:
            workspace.stop()
            self._stack.removeWidget(workspace)
            workspace.deleteLater()
        self.setWindowTitle("xolite-qt")

    def _show_title(self, title: str) -> None:
        # Qt takes "[*]" in a title for its mark of unsaved changes.
        self.setWindowTitle(f"{title.replace('[*]', '[*][*]')} – xolite-qt")

    # ------------------------------------------------------------------ messages

    def notify(
        self,
        text: str,
        *,
        level: str = "info",
        details: str = "",
        undo: Callable[[], object] | None = None,
        about: tuple[str, str, str] | None = None,
    ) -> None:
        """A short message at the lower right; it takes no focus."""
        accent = _ACCENTS.get(level, level)
        if level != "info" and not self.isActiveWindow() and self.settings.desktop_notifications:
            self.notifier.tell(self.windowTitle(), text, about, level=level)
        if details:
            self.toasts.show_toast(
                text,
                accent,
                action=self.tr("Details"),
                on_action=lambda: self._show_details(text, details),
                seconds=12.0,
            )
        elif undo is not None:
            self.toasts.show_toast(
                text, accent, action=self.tr("Undo"), on_action=undo, seconds=12.0
            )
        else:
            self.toasts.show_toast(text, accent)

    def _open_told(self, about: object) -> None:
        self._come_forward()
        if isinstance(about, tuple) and self.workspace is not None:
            self.workspace.context.navigate(*about)

    def _come_forward(self) -> None:
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.raise_()
        self.activateWindow()

    def _show_details(self, text: str, details: str) -> None:
        from xolite_qt.ui.dialogs.error import ErrorDialog
        from xolite_qt.ui.errors import Explained

        dialog = ErrorDialog(self.tr("What happened"), Explained(text, "", details), self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # ------------------------------------------------------------------ keys

    def open_palette(self) -> None:
        """Opens the palette over the window."""
        from xolite_qt.ui.views.palette import Entry, Palette

        entries: list[Entry] = []
        if self.workspace is not None:
            entries += self.workspace.entries()
            entries.append(Entry("Settings", "Ctrl+,", "settings", self.open_settings))
            entries.append(Entry("Connect to another host", "", "host", self._other_host))
            entries.append(Entry("Sign out", "", "logout", self._sign_out))
        other = "light" if theme.current().name == "dark" else "dark"
        entries.append(
            Entry(f"Use the {other} theme", "", "theme", lambda: self.theme_wanted.emit(other))
        )
        entries.append(Entry("Keyboard shortcuts", "F1", "keyboard", self.open_shortcuts))
        entries.append(Entry("Quit", "", "power", self._quit))
        self._palette = Palette(entries, self)
        self._palette.open()

    def open_settings(self) -> None:
        """Shows the settings."""
        if self.workspace is not None:
            self.workspace.open_object("app", "")

    def open_shortcuts(self) -> None:
        """Shows what the keys do."""
        from xolite_qt.ui.dialogs.shortcuts import ShortcutsDialog

        dialog = ShortcutsDialog(self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _quit(self) -> None:
        self.close()

    def _focus_filter(self) -> None:
        if self.workspace is not None:
            self.workspace.tree.show()
            self.workspace.tree.search.setFocus()
            self.workspace.tree.search.selectAll()

    def _retry(self) -> None:
        if self.workspace is not None:
            self.workspace.stores.api.events.retry_now()

    def _toggle_drawer(self) -> None:
        if self.workspace is not None:
            self.workspace.drawer.set_open(not self.workspace.drawer.is_open)

    def _drawer_height(self) -> int:
        workspace = self.workspace
        return 0 if workspace is None else workspace.drawer.sizeHint().height()

    def _tab(self, number: int) -> None:
        if self.workspace is not None:
            self.workspace.open_tab_at(number)

    # ------------------------------------------------------------------ size and end

    def _restore(self) -> None:
        self.resize(*_FIRST_SIZE)
        saved = self.settings.window_geometry
        if saved:
            self.restoreGeometry(QByteArray.fromBase64(saved.encode("ascii", "replace")))
        rooms = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if rooms and not any(room.intersects(self.geometry()) for room in rooms):
            # The screen that it stood on is gone.
            self.move(rooms[0].topLeft())
            self.resize(*_FIRST_SIZE)

    def remember(self) -> None:
        """Puts size and place into the settings."""
        self.settings.window_geometry = base64.b64encode(self.saveGeometry().data()).decode()
        if self.workspace is not None:
            self.settings.window_splitter = self.workspace.splitter.sizes()

    def _sign_out(self) -> None:
        self._unless_lost(self.tr("sign out"), self.sign_out_wanted.emit)

    def _other_host(self) -> None:
        self._unless_lost(self.tr("disconnect"), self.other_host_wanted.emit)

    def _losses(self) -> list[str]:
        """What would end unfinished with the connection."""
        if self.workspace is None:
            return []
        told: list[Callable[[], list[str]]] = self.workspace.context.services.get("losses", [])
        return [what for losses in told for what in losses()]

    def _unless_lost(self, verb: str, go: Callable[[], object]) -> None:
        """Goes on; where something would be lost, only once the user wants that."""
        losses = self._losses()
        if not losses:
            go()
            return
        from xolite_qt.ui.actions import Harm, Question
        from xolite_qt.ui.dialogs.confirm import ConfirmDialog

        what = losses[0] if len(losses) == 1 else self.tr("{0} transfers").format(len(losses))
        question = Question(
            self.tr("End {0}?").format(what),
            self.tr("It is under way, and ends with the connection: it cannot be resumed.")
            if len(losses) == 1
            else self.tr("They are under way, and end with the connection: none can be resumed."),
            self.tr("End and {0}").format(verb),
            Harm.DISRUPTIVE,
            tuple(losses),
        )
        dialog = ConfirmDialog(question, self)
        dialog.accepted.connect(lambda: go())
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _close_for_sure(self) -> None:
        self._sure = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QMainWindow::closeEvent: Qt never ends the loop, the application does."""
        if not self._sure and self._losses():
            event.ignore()
            self._unless_lost(self.tr("quit"), self._close_for_sure)
            return
        self.remember()
        self.notifier.close()
        event.accept()
        self.closed.emit()
