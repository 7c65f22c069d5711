"""The one style sheet of the application, made from the tokens.

Widgets of the kit carry dynamic properties (`kind`, `accent`, `panel`, …) that the rules name;
what can't be said in a style sheet is painted by the widgets themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from xolite_qt.ui.tokens import Theme

_SHEET = Template(
    """
QToolTip { background: $bg; color: $txt; border: 1px solid $outline; padding: 4px 6px; }
QWidget[panel="page"] { background: $page; }
QWidget[panel="bg"] { background: $bg; }
QFrame[panel="card"] { background: $bg; border: 1px solid $border; border-radius: 8px; }
QFrame[panel="card"][accent="danger"] { background: $danger_bg; border-color: $danger_txt; }
QFrame[panel="card"][accent="warning"] { background: $warning_bg; border-color: $warning_txt; }
QFrame[panel="header"] { background: $page; border: none; border-bottom: 1px solid $border; }
QFrame[panel="headbar"] { background: $bg; border: none; border-bottom: 1px solid $border; }
QFrame[panel="side"] { background: $page; border: none; border-left: 1px solid $border; }
QFrame[panel="tree"] { background: $bg; border: none; border-right: 1px solid $border; }
QFrame[line="h"] { background: $border; border: none; max-height: 1px; min-height: 1px; }
QFrame[line="v"] { background: $border; border: none; max-width: 1px; min-width: 1px; }
QFrame[line="brand"] { background: $brand_txt; border: none; max-height: 1px; min-height: 1px; }

QLabel { background: transparent; }
QLabel[tone="secondary"] { color: $secondary; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="brand"] { color: $brand_txt; }
QLabel[tone="info"] { color: $info_txt; }
QLabel[tone="success"] { color: $success_txt; }
QLabel[tone="warning"] { color: $warning_txt; }
QLabel[tone="danger"] { color: $danger_txt; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QDateTimeEdit {
  background: $bg; color: $txt; border: 1px solid $outline; border-radius: 4px;
  selection-background-color: $brand_bg_active; selection-color: $txt;
}
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QDateTimeEdit {
  min-height: 30px; padding: 2px 10px;
}
QPlainTextEdit, QTextEdit { padding: 4px 6px; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus,
QComboBox:focus, QDateTimeEdit:focus { border: 2px solid $brand_txt; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QDateTimeEdit:focus {
  padding: 1px 9px;
}
QLineEdit:disabled, QPlainTextEdit:disabled, QTextEdit:disabled, QSpinBox:disabled,
QDoubleSpinBox:disabled, QComboBox:disabled {
  background: $page; color: $muted; border-color: $border;
}
QLineEdit[accent="danger"], QComboBox[accent="danger"], QSpinBox[accent="danger"] {
  border-color: $danger_txt;
}
QAbstractSpinBox QLineEdit, QComboBox QLineEdit, QAbstractSpinBox QLineEdit:focus {
  border: none; padding: 0; min-height: 0; background: transparent;
}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0; border: none; }
QLineEdit[dense="true"], QComboBox[dense="true"] { min-height: 22px; padding: 1px 6px; }
QLineEdit[dense="true"]:focus { padding: 0 5px; }
QComboBox::drop-down { border: none; width: 28px; }
QComboBox::down-arrow { image: url("$arrow_down"); width: 10px; height: 10px; }
QComboBox QAbstractItemView {
  background: $bg; color: $txt; border: 1px solid $outline; outline: none; padding: 4px;
  selection-background-color: $brand_bg_hover; selection-color: $txt;
}
QComboBox QAbstractItemView::item { min-height: 30px; padding: 0 8px; border-radius: 4px; }

QCheckBox, QRadioButton { spacing: 8px; background: transparent; color: $txt; padding: 2px; }
QCheckBox:disabled, QRadioButton:disabled { color: $muted; }
QCheckBox:focus, QRadioButton:focus { outline: none; border: 1px solid $brand_txt;
  border-radius: 4px; padding: 1px; }
QCheckBox::indicator, QListView::indicator { width: 16px; height: 16px;
  border: 1px solid $outline; border-radius: 3px; background: $bg; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $brand_txt; }
QCheckBox::indicator:checked, QListView::indicator:checked {
  background: $brand_item; border-color: $brand_item; image: url("$check"); }
QCheckBox::indicator:indeterminate { background: $brand_item; border-color: $brand_item; }
QCheckBox::indicator:disabled { background: $track; border-color: $border; }
QRadioButton::indicator { width: 16px; height: 16px; border: 1px solid $outline;
  border-radius: 9px; background: $bg; }
QRadioButton::indicator:checked { border: 5px solid $brand_item; width: 8px; height: 8px; }

QGroupBox { border: 1px solid $border; border-radius: 8px; margin-top: 10px; padding: 12px; }
QGroupBox::title { subcontrol-origin: margin; left: 12px; padding: 0 4px; color: $brand_txt; }

QMenu { background: $bg; color: $txt; border: 1px solid $outline; border-radius: 4px;
  padding: 4px; }
QMenu::item { padding: 7px 24px 7px 8px; border-radius: 4px; min-width: 120px; }
QMenu::icon { padding-left: 8px; }
QMenu::item:selected { background: $brand_bg_hover; color: $txt; }
QMenu::item:disabled { color: $muted; background: transparent; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QMenuBar { background: $page; color: $txt; }
QMenuBar::item { padding: 6px 10px; background: transparent; }
QMenuBar::item:selected { background: $brand_bg_hover; }
QStatusBar { background: $page; color: $secondary; border-top: 1px solid $border; }

QAbstractItemView { background: $bg; alternate-background-color: $page; color: $txt;
  border: none; outline: none; selection-background-color: $brand_bg; selection-color: $txt; }
QTableView { gridline-color: $border; }
QTableView::item { padding: 0 8px; border: none; }
QTableView::item:hover { background: $brand_bg; }
QTableView::item:selected { background: $brand_bg_hover; color: $txt; }
QTreeView::item, QListView::item { min-height: 34px; padding: 0 8px; border: none; }
QTreeView::item:hover, QListView::item:hover { background: $brand_bg_hover; }
QTreeView::item:selected, QListView::item:selected { background: $brand_bg; color: $txt; }
QTreeWidget::item:disabled, QListView::item:disabled { color: $muted; }
QTreeWidget::item:focus, QListWidget::item:focus { border: 1px solid $brand_txt;
  border-radius: 4px; padding: 0 7px; }
QHeaderView { background: $bg; border: none; }
QHeaderView::section { background: $bg; color: $brand_txt; border: none;
  border-bottom: 1px solid $border; border-right: 1px solid $border; padding: 0 11px;
  min-height: 35px; }
QHeaderView::up-arrow { image: url("$sort_up"); width: 9px; height: 9px;
  subcontrol-position: center right; right: 4px; }
QHeaderView::down-arrow { image: url("$sort_down"); width: 9px; height: 9px;
  subcontrol-position: center right; right: 4px; }
QHeaderView::section:hover { background: $brand_bg; }
QTableCornerButton::section { background: $bg; border: none; }

QScrollArea, QScrollArea > QWidget > QWidget[panel="clear"] { background: transparent;
  border: none; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: $outline; border-radius: 4px; margin: 2px; }
QScrollBar::handle:hover { background: $secondary; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: $border; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover { background: $brand_txt; }

QProgressBar { background: $track; border: none; border-radius: 4px; min-height: 12px;
  max-height: 12px; color: transparent; }
QProgressBar::chunk { background: $info_item; border-radius: 4px; }

QDialog { background: $bg; }
QMainWindow, QMainWindow > QWidget[panel="page"] { background: $page; }

QPushButton { background: transparent; color: $brand_txt; border: 1px solid $brand_txt;
  border-radius: 4px; padding: 0 16px; min-height: 36px; }
QPushButton:hover { background: $brand_bg; color: $brand_txt_hover;
  border-color: $brand_txt_hover; }
QPushButton:pressed, QPushButton:checked, QPushButton:open { background: $brand_bg_hover;
  color: $brand_txt_active; border-color: $brand_txt_active; }
QPushButton:focus { border: 2px solid $brand_txt; padding: 0 15px; min-height: 34px; }
QPushButton:disabled { color: $muted; border-color: $border; background: transparent; }
QPushButton::menu-indicator { image: none; width: 0; }
$buttons
QFrame[panel="card"][accent="danger"] QPushButton, Banner QPushButton {
  color: $brand_txt_hover; border-color: $brand_txt_hover; }
Banner QPushButton { border-color: transparent; }
Banner QPushButton:focus { border-color: $brand_txt_hover; }
QFrame[panel="card"][accent="danger"] QLabel[tone="danger"] { color: $danger_txt_hover; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 4px;
  color: $brand_txt; padding: 5px; }
QToolButton:hover { background: $brand_bg_hover; }
QToolButton:pressed, QToolButton:checked, QToolButton:open { background: $brand_bg_active; }
QToolButton:focus { border: 1px solid $brand_txt; }
QToolButton:disabled { color: $muted; background: transparent; }
QToolButton::menu-indicator { image: none; }
"""
)

_BUTTON = Template(
    """
QPushButton[kind="$kind"] { background: $back; color: $text; border: 1px solid $edge; }
QPushButton[kind="$kind"]:hover { background: $back_hover; color: $text_hover;
  border-color: $edge_hover; }
QPushButton[kind="$kind"]:pressed, QPushButton[kind="$kind"]:checked,
QPushButton[kind="$kind"]:open { background: $back_active; color: $text_active;
  border-color: $edge_active; }
QPushButton[kind="$kind"]:focus { border: 2px solid $focus; padding: 0 15px; min-height: 34px; }
QPushButton[kind="$kind"]:disabled { background: $back_off; color: $text_off;
  border-color: $edge_off; }
"""
)

_SMALL = """
QPushButton[fit="small"] { min-height: 26px; padding: 0 8px; border-radius: 4px; }
QPushButton[fit="small"]:focus { min-height: 24px; padding: 0 7px; }
"""


def _buttons(theme: Theme) -> str:
    brand, danger = theme.brand, theme.danger
    rules = [
        _BUTTON.substitute(
            kind="primary",
            back=brand.item,
            back_hover=brand.item_hover,
            back_active=brand.item_active,
            back_off=theme.track,
            text=brand.on_item,
            text_hover=brand.on_item,
            text_active=brand.on_item,
            text_off=theme.secondary,
            edge=brand.item,
            edge_hover=brand.item_hover,
            edge_active=brand.item_active,
            edge_off=theme.track,
            focus=theme.txt,
        ),
        _BUTTON.substitute(
            kind="danger",
            back=danger.item,
            back_hover=danger.item_hover,
            back_active=danger.item_active,
            back_off=theme.track,
            text=danger.on_item,
            text_hover=danger.on_item,
            text_active=danger.on_item,
            text_off=theme.secondary,
            edge=danger.item,
            edge_hover=danger.item_hover,
            edge_active=danger.item_active,
            edge_off=theme.track,
            focus=theme.txt,
        ),
    ]
    for kind, accent in (("tertiary", brand), ("tertiary-danger", danger)):
        rules.append(
            _BUTTON.substitute(
                kind=kind,
                back="transparent",
                back_hover=accent.bg,
                back_active=accent.bg_hover,
                back_off="transparent",
                text=accent.txt,
                text_hover=accent.txt_hover,
                text_active=accent.txt_active,
                text_off=theme.muted,
                edge="transparent",
                edge_hover="transparent",
                edge_active="transparent",
                edge_off="transparent",
                focus=accent.txt,
            )
        )
    return "".join(rules) + _SMALL  # fmt: skip


def style_sheet(theme: Theme, pictures: Mapping[str, str]) -> str:
    """The rules for one theme.

    Args:
        pictures: paths of SVG files: arrow_down, sort_up, sort_down, check.
    """
    names: dict[str, str] = {
        name: getattr(theme, name)
        for name in ("txt", "secondary", "muted", "bg", "page", "track", "border", "outline")
    }
    for accent_name in ("brand", "info", "success", "warning", "danger"):
        accent = theme.accent(accent_name)
        for part in ("txt", "txt_hover", "txt_active", "bg", "bg_hover", "bg_active", "item"):
            names[f"{accent_name}_{part}"] = getattr(accent, part)
    return _SHEET.substitute({**names, **pictures}, buttons=_buttons(theme))
