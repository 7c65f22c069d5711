"""The form for a text that is to be typed into a guest."""

from __future__ import annotations

from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QWidget

from xolite_qt.rfb import LAYOUTS
from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.views.console.typing import MOST_CHARACTERS, seconds_for, strokes_for
from xolite_qt.ui.widgets import TextLabel
from xolite_qt.ui.widgets.text import set_tooltip

_MOST_NAMED = 12


class TypeTextDialog(Dialog):
    """Asks for a text and the guest's layout; says what cannot be typed before it begins.

    Attributes:
        text: the field.
        layouts: the choice of layouts.
    """

    def __init__(
        self, name: str, text: str, layout: str, *, places: bool, parent: QWidget | None = None
    ) -> None:
        """A form.

        Args:
            name: of the guest.
            text: to begin with.
            layout: to begin with, one of `rfb.LAYOUTS`.
            places: whether the guest takes keys by their place.
            parent: over which it opens.
        """
        super().__init__(
            self.tr("Type text into {0}").format(name), icon="keyboard", parent=parent, width=600
        )
        self._places = places
        self.text = QPlainTextEdit(text)
        self.text.setAccessibleName(self.tr("Text to type"))
        self.text.setPlaceholderText(self.tr("Text; a line end presses Enter"))
        self.text.setFont(theme.mono_font())
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(int(QFontMetricsF(self.text.font()).lineSpacing() * 7))
        self.body.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(8)
        caption = TextLabel(self.tr("Keyboard layout of the guest"))
        row.addWidget(caption)
        self.layouts = QComboBox()
        self.layouts.setAccessibleName(caption.text())
        for key, words in LAYOUTS.items():
            self.layouts.addItem(words, key)
        self.layouts.setCurrentIndex(max(self.layouts.findData(layout), 0))
        row.addWidget(self.layouts)
        row.addStretch(1)
        self.body.addLayout(row)
        if not places:
            self.layouts.setEnabled(False)
            set_tooltip(self.layouts, self.tr("This guest takes characters, whatever its layout."))
        self.note = TextLabel(kind="small", tone="secondary", wrap=True)
        self.note.setMinimumHeight(36)
        self.body.addWidget(self.note)
        self.cancel = self.add_button(self.tr("Cancel"), "tertiary")
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Type"), "primary")
        self.go.clicked.connect(self.accept)
        self.text.textChanged.connect(self._check)
        self.layouts.currentIndexChanged.connect(self._check)
        self._check()
        self.text.setFocus()

    @property
    def layout_key(self) -> str:
        """The chosen layout."""
        return str(self.layouts.currentData())

    def _check(self) -> None:
        length = self.text.document().characterCount() - 1
        if length > MOST_CHARACTERS:
            self._refuse(
                self.tr("This text has {0} characters; {1} is the most that can be typed.").format(
                    length, MOST_CHARACTERS
                )
            )
            return
        text = self.text.toPlainText()
        strokes, missing = strokes_for(text, self.layout_key, places=self._places)
        if missing:
            named = " ".join(_named(character) for character in missing[:_MOST_NAMED])
            more = " …" if len(missing) > _MOST_NAMED else ""
            self._say(
                self.tr("This keyboard has no key for: {0}. They are left out.").format(
                    named + more
                ),
                "warning",
            )
        elif text:
            seconds = max(1, round(seconds_for(strokes)))
            self._say(self.tr("Takes about {0} s.").format(seconds), "secondary")
        else:
            self._say("", "secondary")
        if not text:
            self.go.set_reason(self.tr("There is no text."))
        elif not strokes:
            self.go.set_reason(self.tr("Nothing of it can be typed."))
        else:
            self.go.set_reason(None)

    def _refuse(self, reason: str) -> None:
        self.note.set_tone("danger")
        self.note.set_text(reason)
        self.go.set_reason(reason)

    def _say(self, words: str, tone: str) -> None:
        self.note.set_tone("warning" if tone == "warning" else "secondary")
        self.note.set_text(words)


def _named(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"
