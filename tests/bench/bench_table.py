"""Sort and filter of 10,000 VM rows in the model, against a sort of the bare list of names."""

from __future__ import annotations

import os
import random
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from tests.bench.report import Finding, median, say
from xolite_qt.stores import VmRow
from xolite_qt.ui import theme
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.vm_columns import vm_columns
from xolite_qt.ui.widgets.table import DataTable
from xolite_qt.xen_api import VM, PowerState

ROWS = 10_000
ROUNDS = 9


def rows() -> list[VmRow]:
    """Ten thousand VMs, shuffled."""
    dice = random.Random(1)
    made = []
    for number in range(ROWS):
        vm = VM(
            ref=f"OpaqueRef:{number}",
            uuid=f"{number:032x}",
            name_label=f"vm-{dice.randrange(10**6)} of {number % 37}",
            name_description=f"service {number % 113}",
            power_state=PowerState.RUNNING if number % 3 else PowerState.HALTED,
            memory_dynamic_max=dice.randrange(1, 64) << 30,
            vcpus_at_startup=dice.randrange(1, 32),
        )
        made.append(VmRow(vm.ref, vm))
    return made


def main() -> None:
    app = QApplication([])
    theme.apply_theme(app, "light")
    data = rows()
    model: RecordTableModel[VmRow] = RecordTableModel(vm_columns())
    table = DataTable(model, says="VMs")
    table.resize(1200, 800)
    table.show()
    start = time.perf_counter()
    model.replace(data)
    say(f"filling the model with {ROWS} rows: {(time.perf_counter() - start) * 1000:.0f} ms")
    names = [row.vm.name_label for row in data]
    bare, sorts, filters = [], [], []
    orders = (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder)
    for number in range(ROUNDS):
        start = time.perf_counter()
        sorted(names, key=str.casefold)
        bare.append((time.perf_counter() - start) * 1000)
        start = time.perf_counter()
        table.sort(number % 3, orders[number % 2])
        sorts.append((time.perf_counter() - start) * 1000)
        start = time.perf_counter()
        model.set_filter(f"{number}" if number % 2 else "")
        filters.append((time.perf_counter() - start) * 1000)
        table.view.viewport().repaint()
    for what, times in (("sort", sorts), ("filter", filters)):
        say(
            Finding(
                f"{what} of {ROWS} rows",
                median(times),
                "ms",
                50,
                f"{median(times) / median(bare):.1f} times a bare sorted() of the names "
                f"({median(bare):.1f} ms); slowest {max(times):.0f} ms",
            ).line()
        )


if __name__ == "__main__":
    main()
