"""Pictures of every widget in both themes: `python -m xolite_qt.ui.widgets.gallery DIR [SCALE]`.

SCALE is 1 by default; 1.25, 1.5 and 2 show how sharp everything stays. Needs no display with
`QT_QPA_PLATFORM=offscreen`.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui import theme
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.widgets import (
    Banner,
    Button,
    ButtonKind,
    Card,
    CardGrid,
    ChartGroup,
    ChartLine,
    Counter,
    DataTable,
    Donut,
    HeadBar,
    Hero,
    HeroKind,
    IconButton,
    IconText,
    KeyValues,
    LinkLabel,
    Part,
    ProgressBar,
    RangeChoice,
    Ring,
    RingStat,
    ScrollPage,
    SearchField,
    SectionTitle,
    SidePanel,
    Sparkline,
    Stat,
    StateBadge,
    StatsChart,
    Tabs,
    Tag,
    Tags,
    TextLabel,
    Threshold,
    Thresholds,
    Toasts,
    Tone,
    Usage,
    UsageBars,
)

GIB = 1024.0**3
EVIL = "<b>bold</b> & <img src=x> 名前 \u202e\n second line " + "long " * 30


def row(*widgets: QWidget, stretch: bool = True) -> QWidget:
    """Widgets beside each other."""
    box = QWidget()
    line = QHBoxLayout(box)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(12)
    for widget in widgets:
        line.addWidget(widget)
    if stretch:
        line.addStretch(1)
    return box


def page(*widgets: QWidget) -> QWidget:
    """Widgets above each other, on the page's ground."""
    box = QWidget()
    box.setProperty("panel", "page")
    column = QVBoxLayout(box)
    column.setContentsMargins(8, 8, 8, 8)
    column.setSpacing(8)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return box


def controls() -> QWidget:
    """Buttons, fields, choices, marks."""
    buttons = Card("Buttons", "One of each kind, then disabled, then small")
    kinds: tuple[ButtonKind, ...] = (
        "primary", "secondary", "tertiary", "danger", "tertiary-danger",
    )  # fmt: skip
    buttons.add(row(*(Button(kind.capitalize(), kind, icon="plus") for kind in kinds)))
    off = [Button(kind.capitalize(), kind, icon="plus") for kind in kinds]
    for button in off:
        button.set_reason("No VM is selected")
    buttons.add(row(*off))
    buttons.add(row(*(Button(kind.capitalize(), kind, icon="play", small=True) for kind in kinds)))
    icons = [IconButton(name, name) for name in ("refresh", "columns", "ellipsis", "trash", "copy")]
    icons[1].set_reason("Nothing to choose")
    choice = RangeChoice("2h")
    menu = Button("Change state", "secondary")
    menu.set_menu(QMenu(menu))
    buttons.add(row(menu, choice, *icons))

    fields = Card("Fields")
    filled = QLineEdit("root")
    wrong = QLineEdit("not an address")
    wrong.setProperty("accent", "danger")
    disabled = QLineEdit("can't be changed")
    disabled.setEnabled(False)
    combo = QComboBox()
    combo.addItems(["gzip", "zstd"])
    fields.add(row(SearchField("Search VMs"), filled, wrong, disabled, combo, stretch=False))
    ticks = [QCheckBox("Keep me signed in"), QCheckBox("Checked"), QCheckBox("Disabled")]
    ticks[1].setChecked(True)
    ticks[2].setEnabled(False)
    radios = [QRadioButton("Light"), QRadioButton("Dark")]
    radios[1].setChecked(True)
    fields.add(row(*ticks, *radios))

    marks = Card("Marks")
    states = ("running", "paused", "suspended", "halted", "disabled", "warning", "connected",
              "disconnected", "pending")  # fmt: skip
    marks.add(row(*(StateBadge(state) for state in states)))
    accents: tuple[Tone, ...] = ("info", "success", "warning", "danger")
    tags = [Tag("neutral"), *(Tag(name, accent=name, icon="info") for name in accents)]
    counters = [Counter(number) for number in (0, 7, 42, 2035, 12345)]
    marks.add(row(*tags, *counters, Counter(3, accent="danger")))
    marks.add(
        row(
            IconText("vm", "web-1", state="running"),
            IconText("host", "xcp-1", state="primary"),
            LinkLabel("A link"),
            TextLabel("secondary", tone="secondary"),
            *(TextLabel(name, tone=name) for name in accents),
        )
    )
    marks.add(Tags(["prod", "web", "<i>italic</i>", "a tag that is a good deal longer than most"]))
    kinds_of_text = Card("Type scale")
    scale: tuple[theme.FontKind, ...] = (
        "h1", "h2", "h3", "h4", "h5", "h6", "body", "body-bold", "small", "caption",
    )  # fmt: skip
    for kind in scale:
        kinds_of_text.add(TextLabel(f"{kind}: Sphinx of black quartz 0123456789", kind=kind))
    elided = TextLabel(EVIL, elide=True)
    kinds_of_text.add(elided)
    return page(buttons, fields, marks, kinds_of_text)


def cards() -> QWidget:
    """Cards in all states, bars, rings, key values."""
    grid = CardGrid(min_column=320, max_columns=3)
    status = Card("Status")
    hosts = RingStat("Hosts", icon="host")
    hosts.set_counts(1, 0)
    vms = RingStat("VMs", icon="vm")
    vms.set_counts(6, 10)
    status.add(hosts)
    status.add(vms)
    grid.add(status)

    storage = Card("Storage usage", info="Top 5")
    bars = UsageBars()
    bars.set_usages(
        [
            Usage("Local ISO", 0.953, ref="a"),
            Usage("Local Ext", 0.83, ref="b"),
            Usage("NFS test", 0.42, "420 GiB / 1 TiB", ref="c"),
            Usage(EVIL, 0.2, "1.4 TiB / 7 TiB"),
            Usage("empty", 0.0),
        ]
    )
    storage.add(bars)
    storage.add(row(Stat("Total used", "1.6 TiB"), Stat("Total free", "1.9 TiB"), stretch=False))
    storage.set_stale(time.time() - 90)
    grid.add(storage)

    cpu = Card("CPU provisioning")
    provision = UsageBars(thresholds=Thresholds(1.0, 3.0))
    provision.set_usages([Usage("vCPUs", 1.2)])
    cpu.add(SectionTitle("Hosts", "Top 5"))
    cpu.add(provision)
    cpu.add(row(Stat("vCPUs assigned", "19"), Stat("Total CPUs", "16"), stretch=False))
    cpu.add_stretch()
    grid.add(cpu)

    loading, error, empty = Card("Loading"), Card("Alarms"), Card("Tasks")
    loading.set_loading()
    error.set_error(
        "The host did not answer within 60 s", lambda: None, details="CallTimeout: host.call_plugin"
    )
    empty.set_empty("No tasks are running")
    good, deferred = Card("Alarms"), Card("Alarms", "Nothing is fetched until you ask")
    good.set_good("All good: no alarms")
    deferred.set_deferred("Alarms load on demand", "Load now", lambda: None)
    donut_card = Card("VMs")
    donut = Donut("VMs", icon="vm")
    donut.set_parts(
        [
            Part("Running", 5, "success-item"),
            Part("Paused", 1, "info-item"),
            Part("Suspended", 2, "outline"),
            Part("Halted", 4, "danger-item"),
        ]
    )
    donut_card.set_count(2035)
    donut_card.add(donut)
    for card in (loading, error, empty, good, deferred, donut_card):
        grid.add(card)

    quick = Card("Quick info")
    left = middle = KeyValues(columns=2)
    left.set_state("State", "running")
    left.set("IP address", "192.168.1.138")
    left.set("Started", "2 hours ago", tip="2026-08-21 10:00")
    left.set("Primary host", "twinstor-2", icon="host", state="primary", on_open=lambda: None)
    middle.set("UUID", "45be1f26-f630-400a-81cf-735257dde000", mono=True)
    middle.set("Description", EVIL)
    middle.set("Version", None)
    middle.set_tags("Tags", ["prod", "web"])
    quick.add(left)
    grid.add(quick, span=3)
    scroll = ScrollPage()
    scroll.add(grid)
    return scroll


def charts() -> QWidget:
    """Charts with gaps, stacks, thresholds, and without data."""
    rng = random.Random(4)
    now = 1_789_000_000
    times = [float(now - (120 - at) * 5) for at in range(120)]
    group = ChartGroup()

    def wave(base: float, swing: float, *, gap: bool = False) -> list[float]:
        values = [
            max(0.0, base + swing * math.sin(at / 9) + swing * rng.uniform(-0.4, 0.4))
            for at in range(120)
        ]
        if gap:
            values[40:55] = [math.nan] * 15
        return values

    grid = CardGrid(min_column=420, max_columns=2)
    cpu = Card("CPU usage", "Last 10 minutes")
    chart = StatsChart("percent", says="CPU usage", group=group, top=1.0)
    chart.set_thresholds([Threshold(0.8, "warning"), Threshold(0.9, "danger")])
    chart.set_data(times, [ChartLine("web-1", wave(0.5, 0.2, gap=True))])
    cpu.add_action(RangeChoice())
    cpu.add(chart, 1)
    network = Card("Network throughput", "Last 10 minutes")
    rates = StatsChart("rate", says="Network", group=group)
    lines = [ChartLine("Upload", wave(4e6, 2e6)), ChartLine("Download", wave(9e6, 6e6, gap=True))]
    rates.set_data(times, lines)
    network.add(rates, 1)
    stack = Card("CPU by core", "Stacked")
    cores = StatsChart("percent", says="Cores", stacked=True, group=group, top=4.0)
    cores.set_data(times, [ChartLine(f"core {at}", wave(0.4, 0.2, gap=at == 1)) for at in range(4)])
    stack.add(cores, 1)
    memory = Card("RAM usage", "Last week")
    ram = StatsChart("bytes", says="RAM", group=ChartGroup(grid), top=32 * GIB)
    week = [float(now - (168 - at) * 3600) for at in range(168)]
    ram.set_data(
        week,
        [
            ChartLine("Used", [20 * GIB + 4 * GIB * math.sin(at / 12) for at in range(168)]),
        ],
    )
    memory.add(ram, 1)
    nothing = Card("Disk throughput")
    none = StatsChart("rate", says="Disk")
    none.set_data(times, [ChartLine("Read", [math.nan] * 120)])
    nothing.add(none, 1)
    small = Card("Thumbnails")
    for _ in range(3):
        spark = Sparkline(top=1.0)
        spark.set_values(wave(0.5, 0.3, gap=True))
        small.add(spark)
    ring = Ring()
    ring.set_fraction(0.38)
    small.add(row(ring, ProgressBar(0.62, says="Progress"), stretch=False))
    for card in (cpu, network, stack, memory, nothing, small):
        grid.add(card)
    group.move(times[80])
    group.setParent(grid)
    return page(grid)


@dataclass(frozen=True)
class _Vm:
    ref: str
    name: str
    state: str
    cpu: float
    ram: float
    disk: float
    tags: tuple[str, ...]
    about: str


def vm_table(rows: int = 40) -> tuple[DataTable, RecordTableModel[_Vm]]:
    """A table of made-up VMs."""
    rng = random.Random(2)
    states = ("running", "halted", "paused", "suspended")
    model: RecordTableModel[_Vm] = RecordTableModel(
        [
            Column[_Vm](
                id="name", title="Name", value=lambda vm: vm.name, width=220,
                icon=lambda vm: f"vm:{vm.state}",
            ),
            Column[_Vm](id="about", title="Description", value=lambda vm: vm.about, width=220),
            Column[_Vm](id="cpu", title="vCPUs", value=lambda vm: int(vm.cpu), kind=Kind.NUMBER,
                        width=80),
            Column[_Vm](id="ram", title="RAM", value=lambda vm: vm.ram, kind=Kind.BYTES,
                        text=lambda vm: f"{vm.ram / GIB:.0f} GiB", width=100),
            Column[_Vm](id="disk", title="Used space", value=lambda vm: vm.disk,
                        kind=Kind.PROGRESS, text=lambda vm: f"{vm.disk:.0%}", width=170),
            Column[_Vm](id="tags", title="Tags", value=lambda vm: vm.tags, kind=Kind.TAGS,
                        width=180),
            Column[_Vm](id="uuid", title="UUID", value=lambda vm: vm.ref, default_visible=False),
        ],
        muted=lambda vm: vm.state == "suspended",
    )  # fmt: skip
    made = [
        _Vm(
            f"OpaqueRef:{at}",
            EVIL if at == 3 else f"web-{at}",
            states[at % 4],
            float(rng.randint(1, 16)),
            rng.randint(1, 64) * GIB,
            rng.random(),
            ("prod", "web", "nightly backup")[: at % 4],
            "<b>not bold</b>" if at == 2 else "A machine that serves",
        )
        for at in range(rows)
    ]
    model.replace(made)
    table = DataTable(model, says="VMs", thresholds=Thresholds(), filters=True)
    return table, model


def shell() -> QWidget:
    """Head bar, tabs, banner, a table, the side panel, notices."""
    box = QWidget()
    box.setProperty("panel", "page")
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    banner = Banner()
    banner.show_message(
        "Connection lost. Trying again in 4 s; what you see is from 10:42:07.", "warning",
        action="Try now", on_action=lambda: None, busy=True,
    )  # fmt: skip
    head = HeadBar("host", "")
    head.set_object("host", "xcp-ng-demo-1", "running")
    head.add_mark(Tag("Master", accent="info", icon="star"))
    head.add_action(Button("New VM", "tertiary", icon="plus"))
    head.add_action(Button("Reboot", "secondary", icon="reboot"))
    head.add_action(IconButton("ellipsis", "More"))
    tabs = Tabs()
    for name in ("Dashboard", "Alarms", "Console", "System", "Network", "Storage", "Tasks", "VMs"):
        tabs.add(name.lower(), name)
    tabs.set_current("vms")
    tabs.set_enabled("console", enabled=False, reason="The host is halted")
    tabs.set_title("alarms", "Alarms", 3)
    column.addWidget(banner)
    column.addWidget(head)
    column.addWidget(tabs)
    body = QHBoxLayout()
    body.setContentsMargins(8, 8, 0, 0)
    table, _model = vm_table()
    table.view.selectRow(1)
    card = Card("VMs", dense=True)
    card.add_action(SearchField("Search VMs", dense=True))
    card.add_action(IconButton("filter", "Filters"))
    card.add(table, 1)
    body.addWidget(card, 1)
    panel = SidePanel(width=340)
    facts = Card("web-1", dense=True)
    values = KeyValues()
    values.set("vCPUs", "4")
    values.set("RAM", "8 GiB")
    values.set("Description", EVIL)
    facts.add(values)
    panel.set_content(page(facts))
    panel.open("web-1")
    body.addWidget(panel)
    column.addLayout(body, 1)
    toasts = Toasts(box)
    toasts.show_toast("Snapshot of web-1 was taken", "success")
    toasts.show_toast(
        "web-3 did not start", "danger", details="HOST_NOT_ENOUGH_FREE_MEMORY: 8 GiB wanted",
        action="Show details",
    )  # fmt: skip
    return box


def heroes() -> QWidget:
    """Every hero, for pages."""
    grid = CardGrid(min_column=300, max_columns=3)
    said: tuple[tuple[HeroKind, str], ...] = (
        ("loading", "Loading VMs…"),
        ("empty", "There are no VMs yet"),
        ("no-result", "No VM matches the filters"),
        ("error", "The VMs could not be read"),
        ("offline", "web-1 is halted: there is nothing to measure"),
        ("good", "All good: no alarms"),
    )
    for kind, text in said:
        card = Card()
        card.add(Hero(kind, text, "A second line.", action="Do it", compact=False))
        grid.add(card)
    return page(grid)


SHEETS: dict[str, tuple[Callable[[], QWidget], int, int]] = {
    "controls": (controls, 1100, 1000),
    "cards": (cards, 1180, 1180),
    "cards-narrow": (cards, 420, 2400),
    "charts": (charts, 1180, 1000),
    "shell": (shell, 1280, 800),
    "heroes": (heroes, 1000, 640),
}
"""Per picture: what makes it, width and height."""


def render(app: QApplication, folder: Path, *, only: str = "") -> list[Path]:
    """Paint all sheets in both themes; returns the written files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    theme.set_reduced_motion(True)
    for choice in ("light", "dark"):
        theme.apply_theme(app, choice)
        for name, (make, width, height) in SHEETS.items():
            if only and only != name:
                continue
            sheet = make()
            sheet.resize(width, height)
            sheet.show()
            for _ in range(3):
                app.processEvents()
            path = folder / f"{name}-{choice}.png"
            sheet.grab().save(str(path))
            written.append(path)
            sheet.close()
            sheet.deleteLater()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    theme.set_reduced_motion(None)
    return written


def main(arguments: list[str]) -> int:
    """Command line: DIR [SCALE] [SHEET]."""
    if not arguments:
        sys.stderr.write("usage: python -m xolite_qt.ui.widgets.gallery DIR [SCALE] [SHEET]\n")
        return 2
    if len(arguments) > 1:
        os.environ["QT_SCALE_FACTOR"] = arguments[1]
    app = QApplication(sys.argv[:1])
    render(app, Path(arguments[0]), only=arguments[2] if len(arguments) > 2 else "")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
