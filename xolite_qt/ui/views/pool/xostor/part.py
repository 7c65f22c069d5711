"""What every part of the XOSTOR page is, and what all of them show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.stores.xostor.findings import Level
from xolite_qt.stores.xostor.hosts import HostProbe
from xolite_qt.stores.xostor.store import XostorRow
from xolite_qt.ui.models.xostor_columns import DiskUse
from xolite_qt.ui.widgets import DataTable, IconLabel, TextLabel
from xolite_qt.ui.widgets.delegates import ROW_HEIGHT

_HEADER_PX = 40
LEVELS: dict[Level, tuple[str, str]] = {
    Level.DANGER: ("error", "danger"),
    Level.WARNING: ("warning", "warning"),
    Level.INFO: ("info", "info"),
}


@dataclass(frozen=True)
class Interfaced:
    """A network that could carry replication.

    Attributes:
        ref: of the network.
        name: of the network.
        pifs: uuid of its PIF by host; only those attached, with a static address.
    """

    ref: str
    name: str
    pifs: Mapping[str, str]


@dataclass(frozen=True)
class Facts:
    """What the parts show.

    Attributes:
        row: the XOSTOR; None where there is none, or none is known yet.
        pool: name of the pool.
        hosts: by host name, reference and name.
        addresses: by host name.
        uses: by VDI uuid.
        probes: what each host has for LINSTOR.
        networks: those that could carry replication.
        is_listing: whether interfaces are being asked for.
        is_probing: whether hosts are being asked.
    """

    row: XostorRow | None = None
    pool: str = ""
    hosts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    uses: Mapping[str, DiskUse] = field(default_factory=dict)
    probes: tuple[HostProbe, ...] = ()
    networks: tuple[Interfaced, ...] = ()
    is_listing: bool = False
    is_probing: bool = False

    def use_of(self, vdi_uuid: str) -> DiskUse:
        """Where a VDI is used."""
        return self.uses.get(vdi_uuid, DiskUse())


class XostorPart(QWidget):
    """A tab of the page."""

    wants_probes = False
    """Whether it needs hosts to be asked for their disks and packages."""

    def show_facts(self, facts: Facts) -> None:
        """Show what is known now; called again with every news."""
        raise NotImplementedError


class Signs(QWidget):
    """Lines with a sign, a sentence, and advice in grey below it.

    Args:
        says: what they are, for assistive technology.
        most: more are summed up in a last line.
    """

    def __init__(self, says: str, most: int = 30) -> None:
        super().__init__()
        self._most = most
        self._shown: tuple[tuple[str, str, str, str], ...] | None = None
        self.setAccessibleName(says)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)

    def show_lines(self, lines: list[tuple[str, str, str, str]]) -> None:
        """Show lines of (icon, colour, sentence, advice)."""
        wanted = tuple(lines)
        if wanted == self._shown:
            return
        self._shown = wanted
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for line in wanted[: self._most]:
            self._column.addWidget(_sign(*line))
        if len(wanted) > self._most:
            rest = self.tr("… and %1 more").replace("%1", str(len(wanted) - self._most))
            self._column.addWidget(TextLabel(rest, tone="secondary"))

    @property
    def texts(self) -> list[str]:
        """The sentences, all of them."""
        return [text for _icon, _color, text, _advice in self._shown or ()]


def _sign(icon: str, color: str, text: str, advice: str) -> QWidget:
    line = QWidget()
    line.setAccessibleName(". ".join(filter(None, (text, advice))))
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(10)
    row.addWidget(IconLabel(icon, 16, color=color), 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(TextLabel(text, wrap=True, selectable=True))
    if advice:
        words.addWidget(TextLabel(advice, kind="small", tone="secondary", wrap=True))
    row.addLayout(words, 1)
    return line


def fit_rows(table: DataTable, rows: int, most: int = 14) -> None:
    """Make a table as high as its rows, up to so many; beyond that it scrolls."""
    table.setFixedHeight(_HEADER_PX + max(2, min(rows, most)) * ROW_HEIGHT + 2)
