"""A graphical console: keys, texts, screenshots, its size, and where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from xolite_qt.rfb import LAYOUTS, RfbError, Stroke
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.console.bar import ConsoleBar
from xolite_qt.ui.views.console.connection import ScreenConnection
from xolite_qt.ui.views.console.feed import ConsoleFeed, Sight
from xolite_qt.ui.views.console.key_menu import key_menu
from xolite_qt.ui.views.console.part import ConsolePart
from xolite_qt.ui.views.console.screenshot import choose_file, copy_picture, save_picture
from xolite_qt.ui.views.console.type_text import TypeTextDialog
from xolite_qt.ui.views.console.typing import (
    MOST_CHARACTERS,
    send_keys,
    strokes_for,
    type_strokes,
)
from xolite_qt.ui.views.console.way import Place
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import Button, IconButton
from xolite_qt.ui.widgets.console.keys import RELEASE_KEYS, release_key
from xolite_qt.ui.widgets.console.view import ConsoleView
from xolite_qt.ui.widgets.text import plain_tooltip

_TO_GUEST = ("keys", "type")
_OF_PICTURE = ("screenshot",)


class ScreenPart(ConsolePart):
    """The screen of one machine, with its bar.

    Attributes:
        view: the screen in its frame.
    """

    kind = "screen"

    def __init__(
        self,
        context: PageContext,
        feed: ConsoleFeed,
        open_wall: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(context, feed)
        settings = context.settings
        self.view = ConsoleView()
        self.screen_widget = self.view.screen_widget
        self.link = ScreenConnection(
            context.stores.api, context.tasks, feed.key, self.screen_widget
        )
        self._typing: asyncio.Task[None] | None = None
        self._console_bar = ConsoleBar()
        self._fill_bar(open_wall)
        self.assemble(self._console_bar, self.view, self.link)
        self._take_release_key()
        self.set_fits(settings.console_fits)
        self.screen_widget.release_wanted.connect(self._released)
        self.link.bell.connect(QApplication.beep)

    def _fill_bar(self, open_wall: Callable[[], object] | None) -> None:
        bar = self._console_bar
        keys = key_menu(self.send_keys, self)
        keys.addSeparator()
        keys.addMenu(self._release_menu(keys))
        bar.add_menu("keys", self.tr("Send keys"), keys)
        typing = QMenu(self)
        self._entry(typing, "type-text", self.tr("Type text…"), self.open_type_text)
        self._entry(typing, "type-clipboard", self.tr("Type clipboard"), self.type_clipboard)
        typing.addSeparator()
        copied = self._entry(
            typing, "copied", self.tr("Take over what the guest copied"), self.take_copied
        )
        typing.setToolTipsVisible(True)
        nothing = self.tr("The guest has copied nothing yet.")

        def judge() -> None:
            copied.setEnabled(bool(self.link.copied))
            copied.setToolTip(plain_tooltip("" if self.link.copied else nothing))

        typing.aboutToShow.connect(judge)
        bar.add_menu("type", self.tr("Type"), typing)
        shot = QMenu(self)
        self._entry(shot, "save-picture", self.tr("Save screenshot…"), self.save_screenshot)
        self._entry(shot, "copy-picture", self.tr("Copy screenshot"), self.copy_screenshot)
        bar.add_menu("screenshot", self.tr("Screenshot"), shot)
        self.scale = Button("", "tertiary", small=True, on_click=self._toggle_scale)
        bar.add("scale", self.scale)
        bar.add("full", IconButton("expand", self.tr("Full screen (F11)"), self.full_wanted.emit))
        self.detach = IconButton(
            "external", self.tr("Open in a window of its own"), self.detach_wanted.emit
        )
        bar.add("detach", self.detach)
        if open_wall is not None:
            bar.add("wall", IconButton("columns", self.tr("Tile all consoles"), open_wall))

    @staticmethod
    def _entry(menu: QMenu, name: str, words: str, act: Callable[[], object]) -> QAction:
        action = menu.addAction(words)
        action.setObjectName(f"console.{name}")
        action.triggered.connect(lambda _on=False: act())
        return action

    def _release_menu(self, parent: QMenu) -> QMenu:
        menu = QMenu(self.tr("Key that gives the keyboard back"), parent)
        group = QActionGroup(menu)
        for key, words in RELEASE_KEYS.items():
            action = menu.addAction(words)
            action.setObjectName(f"release.{key}")
            action.setCheckable(True)
            action.setChecked(key == self.context.settings.console_release_key)
            action.triggered.connect(partial(self._set_release_key, key))
            group.addAction(action)
        return menu

    # ------------------------------------------------------------------ what part.py asks for

    def place_of(self, sight: Sight) -> Place | None:
        """Override ConsolePart::place_of."""
        return sight.screen

    def has_picture(self) -> bool:
        """Override ConsolePart::has_picture."""
        return self.screen_widget.has_picture

    def forget(self) -> None:
        """Override ConsolePart::forget."""
        self.screen_widget.forget()

    def stop_work(self) -> None:
        """Override ConsolePart::stop_work: no typing goes on unseen."""
        if self._typing is not None:
            self._typing.cancel()

    def name_changed(self, name: str) -> None:
        """Override ConsolePart::name_changed."""
        self.screen_widget.set_name(name)

    def take_keyboard(self) -> None:
        """Override ConsolePart::take_keyboard."""
        self.screen_widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_live(self, live: bool) -> None:
        """Override ConsolePart::show_live."""
        self.view.refresh_grab()
        bar = self._console_bar
        bar.set_reason(_TO_GUEST, None if live else self.tr("The console is not connected."))
        picture = self.has_picture()
        bar.set_reason(_OF_PICTURE, None if picture else self.tr("There is no picture."))

    # ------------------------------------------------------------------ scale and keyboard

    def set_fits(self, fits: bool) -> None:
        """Scales the picture to the room, or shows it pixel by pixel."""
        self.view.set_fits(fits)
        self.scale.setText("1:1" if fits else self.tr("Fit"))
        tip = self.tr("Show pixel by pixel") if fits else self.tr("Scale to the room that there is")
        self.scale.setAccessibleName(tip)
        self.scale.set_tip(tip)

    def _toggle_scale(self) -> None:
        fits = not self.screen_widget.fits
        self.set_fits(fits)
        self._remember("console_fits", fits)

    def _set_release_key(self, key: str) -> None:
        self._remember("console_release_key", key)
        self._take_release_key()

    def _take_release_key(self) -> None:
        key = release_key(self.context.settings.console_release_key)
        self.screen_widget.release_key = key
        self._console_bar.note.set_text(
            self.tr("{0} gives the keyboard back").format(RELEASE_KEYS[key])
        )

    def _remember(self, name: str, value: object) -> None:
        setattr(self.context.settings, name, value)
        save = self.context.services.get("save_settings")
        if callable(save):
            save()

    @property
    def release_words(self) -> str:
        """Override ConsolePart::release_words."""
        return self._console_bar.note.text()

    @property
    def pointer_widget(self) -> QWidget:
        """Override ConsolePart::pointer_widget."""
        return self.screen_widget

    def set_seen(self, seen: bool) -> None:
        """Override ConsolePart::set_seen."""
        self.link.set_seen(seen)

    def _released(self) -> None:
        if self._watch is not None:
            self._watch.released()
        if self.bar.isVisible():
            self._console_bar.buttons["full"].setFocus(Qt.FocusReason.OtherFocusReason)

    # ------------------------------------------------------------------ keys and texts

    def send_keys(self, keysyms: Sequence[int]) -> None:
        """Presses keys together."""
        if self.link.client is not None:
            send_keys(self.link.client, keysyms)
            self.take_keyboard()

    @property
    def layout_key(self) -> str:
        """The guest's keyboard layout, as last chosen."""
        layout = str(self.context.settings.console_layout)
        return layout if layout in LAYOUTS else "us"

    @property
    def _places(self) -> bool:
        client = self.link.client
        return client is not None and client.extended_keys

    def open_type_text(self, text: str = "") -> None:
        """Asks for a text and types it."""
        self.context.tasks.spawn(self._ask_text(text), f"type into {self.title}")

    def type_clipboard(self) -> None:
        """Types what is on the clipboard; asks first where it is long or cannot be typed whole."""
        text = QGuiApplication.clipboard().text()
        if not text:
            self.context.notify(self.tr("The clipboard has no text."), level="warning")
            return
        if len(text) > MOST_CHARACTERS or "\n" in text:
            self.open_type_text(text)
            return
        strokes, missing = strokes_for(text, self.layout_key, places=self._places)
        if missing:
            self.open_type_text(text)
        else:
            self._type(strokes)

    async def _ask_text(self, text: str) -> None:
        dialog = TypeTextDialog(
            self.title, text, self.layout_key, places=self._places, parent=self.window()
        )
        if not await ask(dialog):
            return
        self._remember("console_layout", dialog.layout_key)
        strokes, _ = strokes_for(dialog.text.toPlainText(), dialog.layout_key, places=self._places)
        self._type(strokes)

    def _type(self, strokes: Sequence[Stroke]) -> None:
        if self._typing is None and strokes:
            self._typing = self.context.tasks.spawn(
                self._type_on(strokes), f"type into {self.title}"
            )

    async def _type_on(self, strokes: Sequence[Stroke]) -> None:
        shown = -1

        def show(part: float) -> None:
            nonlocal shown
            percent = int(part * 100)
            if percent != shown:
                shown = percent
                self.banner.show_message(
                    self.tr("Typing… {0} %").format(percent),
                    "info",
                    action=self.tr("Stop typing"),
                    on_action=self.stop_work,
                    busy=True,
                )

        try:
            client = self.link.client
            if client is None:
                raise RfbError
            await type_strokes(client, strokes, show)
        except RfbError:
            self.context.notify(
                self.tr("{0}: the console broke off before all was typed.").format(self.title),
                level="warning",
            )
        finally:
            self._typing = None
            self.banner.clear()

    def take_copied(self) -> None:
        """Puts what the guest copied last onto the clipboard."""
        QGuiApplication.clipboard().setText(self.link.copied)
        self.context.notify(self.tr("Copied from {0}.").format(self.title))

    # ------------------------------------------------------------------ screenshots

    def copy_screenshot(self) -> None:
        """Puts the picture onto the clipboard."""
        copy_picture(self.screen_widget.picture())
        self.context.notify(self.tr("{0}: screenshot copied.").format(self.title))

    def save_screenshot(self) -> None:
        """Asks for a file and saves the picture as it was when asked for."""
        picture = self.screen_widget.picture()

        def chosen(path: str) -> None:
            self.context.tasks.spawn(
                save_picture(picture, path, self.context.notify), "save screenshot"
            )

        choose_file(self.title, self, chosen)
