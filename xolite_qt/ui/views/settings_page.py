"""The settings, and what this program is."""

from __future__ import annotations

import platform
from typing import Any, cast

from PySide6.QtCore import Qt, Signal, qVersion
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QRadioButton,
    QWidget,
)

from xolite_qt import __version__
from xolite_qt.settings import describe
from xolite_qt.ui import theme
from xolite_qt.ui.models import host_facts
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import FactCard
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.widgets import Button, Card, CardGrid, TextLabel
from xolite_qt.ui.widgets.console.keys import RELEASE_KEYS
from xolite_qt.ui.widgets.number_field import DecimalField, NumberField

THEMES: tuple[tuple[theme.Choice, str], ...] = (
    ("system", "As the desktop"),
    ("light", "Light"),
    ("dark", "Dark"),
)


class SettingsPage(LivePage):
    """Appearance, connection, tasks, trusted certificates, about."""

    page_id = "app.settings"
    title = "Settings"
    icon_name = "settings"

    changed = Signal(str)
    """A setting has a new value; carries its name. The window saves them."""

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.settings = context.settings
        self.appearance = self._appearance()
        self.connection = self._connection()
        self.work = self._tasks()
        self.trust = CertificatesCard(context)
        self.about = FactCard("About")
        grid = CardGrid(min_column=420, max_columns=2)
        self.history = self._history()
        grid.add_stack(self.appearance, self.connection, self.work)
        grid.add_stack(self.trust, self.history, self.about)
        self.body.add(grid)
        self.add_part(self.show_about, context.stores.host_rows)

    def refresh(self) -> None:
        """Show what is true now."""
        super().refresh()
        self.trust.show_pins()

    # ------------------------------------------------------------------ cards

    def _appearance(self) -> Card:
        card = Card("Appearance")
        row = QHBoxLayout()
        row.setSpacing(16)
        self.themes = QButtonGroup(self)
        for choice, words in THEMES:
            button = QRadioButton(words)
            button.setChecked(self.settings.theme == choice)
            button.toggled.connect(
                lambda on, choice=choice: self._set_theme(choice) if on else None
            )
            self.themes.addButton(button)
            row.addWidget(button)
        row.addStretch(1)
        card.add_layout(row)
        self.still = self._tick("reduced_motion", "Reduce motion")
        self.still.toggled.connect(lambda on: theme.set_reduced_motion(on or None))
        card.add(self.still)
        self.calls_first = self._tick(
            "show_calls_first", "Show the calls of each action before it is done"
        )
        card.add(self.calls_first)
        self.notifications = self._tick(
            "desktop_notifications", "Tell alarms and ended work on the desktop while unfocused"
        )
        card.add(self.notifications)
        card.add(
            TextLabel(
                "The program speaks English; numbers and dates follow your desktop's region.",
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        return card

    def _connection(self) -> Card:
        card = Card("Connection", "Applies from the next sign-in on.")
        form = _Form()
        self.connect_timeout = self._seconds("connect_timeout_s", 1, 120)
        self.call_timeout = self._seconds("call_timeout_s", 5, 3600)
        form.add("Wait for a host to answer", self.connect_timeout)
        form.add("Wait for a call to end", self.call_timeout)
        card.add(form)
        return card

    def _tasks(self) -> Card:
        card = Card("Tasks")
        form = _Form()
        self.kept = NumberField()
        self.kept.setRange(0, 10_000)
        self.kept.setValue(self.settings.finished_tasks_kept)
        self.kept.setAccessibleName(describe("finished_tasks_kept"))
        self.kept.valueChanged.connect(lambda value: self._put("finished_tasks_kept", value))
        form.add("Finished tasks kept", self.kept)
        card.add(form)
        card.add(self._tick("notify_finished_tasks", "Tell when a task has ended"))
        return card

    def _history(self) -> Card:
        card = Card("Journal and consoles")
        form = _Form()
        self.days = NumberField()
        self.days.setRange(0, 36_500)
        self.days.setSuffix(" days")
        self.days.setSpecialValueText("Keep nothing")
        self.days.setValue(self.settings.journal_days)
        self.days.setAccessibleName(describe("journal_days"))
        self.days.valueChanged.connect(lambda value: self._put("journal_days", value))
        form.add("Time lines go back", self.days)
        self.release = QComboBox()
        self.release.setAccessibleName(describe("console_release_key"))
        for key, words in RELEASE_KEYS.items():
            self.release.addItem(words, key)
        self.release.setCurrentIndex(self.release.findData(self.settings.console_release_key))
        self.release.currentIndexChanged.connect(
            lambda _at: self._put("console_release_key", self.release.currentData())
        )
        form.add("Gives the keyboard back", self.release)
        card.add(form)
        return card

    def _tick(self, name: str, words: str) -> QCheckBox:
        box = QCheckBox(words)
        box.setChecked(bool(getattr(self.settings, name)))
        box.setAccessibleDescription(describe(name))
        box.toggled.connect(lambda on: self._put(name, on))
        return box

    def _seconds(self, name: str, least: float, most: float) -> QDoubleSpinBox:
        field = DecimalField()
        field.setDecimals(0)
        field.setRange(least, most)
        field.setSuffix(" s")
        field.setValue(float(getattr(self.settings, name)))
        field.setAccessibleName(describe(name))
        field.valueChanged.connect(lambda value: self._put(name, value))
        return field

    # ------------------------------------------------------------------ changes

    def _set_theme(self, choice: theme.Choice) -> None:
        app = QApplication.instance()
        if self.settings.theme != choice and isinstance(app, QApplication):
            self._put("theme", choice)
            theme.apply_theme(app, choice)

    def _put(self, name: str, value: object) -> None:
        if getattr(self.settings, name) != value:
            setattr(self.settings, name, value)
            self.changed.emit(name)
            save = self.context.services.get("save_settings")
            if callable(save):
                save()

    def show_about(self) -> None:
        """Versions, for the curious and for bug reports."""
        facts = self.about.facts
        facts.text("xolite-qt", __version__)
        facts.text("Python", platform.python_version())
        facts.text("Qt", qVersion())
        facts.text("System", f"{platform.system()} {platform.release()}")
        api = self.context.stores.api
        facts.text("Connected to", api.url)
        facts.text("Signed in as", api.user)
        master = next(
            (row for row in self.context.stores.host_rows.records.values() if row.is_master), None
        )
        facts.text("Host software", host_facts.version(master.host) if master else None)
        facts.text("Licence", "Apache-2.0; fonts: OFL and CC BY 4.0")


class _Form(QWidget):
    """Captions at the left, fields at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(10)
        self._grid.setColumnStretch(0, 1)

    def add(self, words: str, field: QWidget) -> None:
        """Append a row."""
        label = TextLabel(words, wrap=True)
        label.setBuddy(field)
        at = self._grid.rowCount()
        field.setFixedWidth(96)
        if isinstance(field, QAbstractSpinBox):
            field.setAlignment(Qt.AlignmentFlag.AlignRight)
            field.lineEdit().setTextMargins(0, 0, 10, 0)
        self._grid.addWidget(label, at, 0)
        self._grid.addWidget(field, at, 1)


class CertificatesCard(Card):
    """Certificates that were accepted, each to be forgotten."""

    def __init__(self, context: PageContext) -> None:
        super().__init__(
            "Trusted certificates", "Fingerprints (SHA-256) that you accepted when you connected."
        )
        self._pins = context.services.get("pins")
        self._context = context
        self._list = QWidget()
        self._grid = QGridLayout(self._list)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(12)
        self._grid.setColumnStretch(0, 1)
        self.add(self._list)
        self.add_stretch()
        self.show_pins()

    def pins(self) -> dict[str, str]:
        """`host:port` to fingerprint."""
        read = getattr(self._pins, "all", None)
        return dict(cast(Any, read)()) if callable(read) else {}

    def show_pins(self) -> None:
        """Read the list anew."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        pins = self.pins()
        if not pins:
            self.set_empty("None yet")
            return
        for at, (place, fingerprint) in enumerate(sorted(pins.items())):
            name = TextLabel(place, kind="body-bold", elide=True)
            mark = TextLabel(
                fingerprint.replace(":", " "), wrap=True, selectable=True, tone="secondary"
            )
            mark.setFont(theme.mono_font(12))
            forget = Button("Forget", "tertiary-danger", small=True)
            forget.setAccessibleName(f"Forget {place}")
            forget.set_tip("Its certificate is shown and asked about again when you connect")
            forget.clicked.connect(lambda _on=False, place=place: self.forget(place))
            self._grid.addWidget(name, at * 2, 0)
            self._grid.addWidget(forget, at * 2, 1)
            self._grid.addWidget(mark, at * 2 + 1, 0, 1, 2)
        self.set_ready()

    def forget(self, place: str) -> None:
        """Trust a host's certificate no more."""
        host, _, port = place.rpartition(":")
        try:
            cast(Any, self._pins).forget(host, int(port))
        except OSError as error:
            self._context.notify(
                "The list of certificates could not be written.", level="danger", details=str(error)
            )
        self.show_pins()
