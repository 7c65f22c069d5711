"""Virtual TPMs: one for a halted VM."""

from __future__ import annotations

from typing import Any

import pytest

from xolite_qt.demo_host import Failure


async def test_a_chip_of_a_vm(caller: Any) -> None:
    records = caller.db.records("VM")
    halted = next(ref for ref, vm in records.items() if vm["power_state"] == "Halted")
    running = next(ref for ref, vm in records.items() if vm["power_state"] == "Running")
    chip = await caller("VTPM.create", halted, False)
    assert caller.db.get("VM", halted)["VTPMs"] == [chip]
    with pytest.raises(Failure, match="VTPM_MAX_AMOUNT_REACHED"):
        await caller("VTPM.create", halted, False)
    with pytest.raises(Failure, match="VM_BAD_POWER_STATE"):
        await caller("VTPM.create", running, False)
    await caller("VTPM.destroy", chip)
    assert caller.db.get("VM", halted)["VTPMs"] == []
