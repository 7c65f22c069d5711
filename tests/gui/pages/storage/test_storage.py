"""Storages: connected, repaired, forgotten, destroyed, made, attached; images uploaded."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QFileDialog

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.storage.disks_dialog import DisksDialog
from xolite_qt.ui.dialogs.storage.edit_storage import EditStorageDialog
from xolite_qt.ui.dialogs.storage.new_storage import NewStorageDialog
from xolite_qt.ui.models.new_storage import KINDS, config_of, kind_of, read_refusal, troubles
from xolite_qt.ui.views.host.storage import HostStorage
from xolite_qt.ui.views.pool.storage.page import StoragePage
from xolite_qt.xen_api import XapiError

POOL = pytest.mark.parametrize("bench", [{"generate": (3, 6)}], indirect=True)


def make_sr(bench: Bench, **more: Any) -> str:
    """A shared storage that every host reaches."""
    fields = {
        "name_label": "spare",
        "type": "nfs",
        "content_type": "user",
        "shared": True,
        "physical_size": 1 << 40,
        **more,
    }
    sr = str(bench.db.create("SR", **fields))
    for host in bench.db.refs("host"):
        config = {"server": "nas", "serverpath": "/spare", "password": "canary"}
        bench.db.create("PBD", host=host, SR=sr, device_config=config, currently_attached=True)
    return sr


def pbds(bench: Bench, sr: str) -> list[dict[str, Any]]:
    return [bench.db.get("PBD", ref) for ref in bench.db.get("SR", sr)["PBDs"]]


async def open_page(bench: Bench, select: str = "", host: str = "") -> StoragePage:
    page = await bench.show(HostStorage if host else StoragePage, host)
    await bench.until(lambda: not page.busy and bench.stores.vdi.is_ready)
    if select:
        page.table.select_ref(select)
        await bench.until(lambda: len(page.chosen()) == 1)
    return page


def choose(page: StoragePage, ident: str) -> None:
    choice = next(one for one in page.choices() if one.id == ident)
    assert choice.reason is None, choice.reason
    page.context.actions.choose(choice)


def reason(page: StoragePage, ident: str) -> str:
    return next(one for one in page.choices() if one.id == ident).reason or ""


async def test_storages_are_disconnected_and_connected(bench: Bench) -> None:
    sr = make_sr(bench)
    page = await open_page(bench, sr)
    assert "Connected already." in page.buttons["sr.connect"].toolTip()
    page.buttons["sr.disconnect"].click()
    dialog = await bench.dialog(ConfirmDialog)
    dialog.go.click()
    await bench.until(lambda: not any(p["currently_attached"] for p in pbds(bench, sr)))
    await bench.until(lambda: page.buttons["sr.connect"].isEnabled())
    assert "Connect it first." in page.buttons["sr.scan"].toolTip()
    page.buttons["sr.connect"].click()
    await bench.until(lambda: all(p["currently_attached"] for p in pbds(bench, sr)))
    await bench.until(page.buttons["sr.scan"].isEnabled)
    page.buttons["sr.scan"].click()
    await bench.until(lambda: "Async.SR.scan" in bench.calls())


async def test_what_running_vms_use_stays_with_the_reason(bench: Bench) -> None:
    used = next(
        bench.db.get("VDI", vbd["VDI"])["SR"]
        for vbd in (bench.db.get("VBD", ref) for ref in bench.db.refs("VBD"))
        if vbd["type"] == "Disk" and vbd["currently_attached"]
    )
    page = await open_page(bench, used)
    for ident in ("sr.disconnect", "sr.forget", "sr.destroy"):
        assert "In use by running VMs" in reason(page, ident)


@POOL
async def test_a_host_without_a_way_gets_one(bench: Bench) -> None:
    sr = make_sr(bench)
    lost = bench.db.get("SR", sr)["PBDs"][0]
    bench.db.destroy("PBD", lost)
    bench.db.set("PBD", bench.db.get("SR", sr)["PBDs"][0], currently_attached=False)
    page = await open_page(bench, sr)
    choose(page, "sr.repair")
    await bench.until(
        lambda: len(pbds(bench, sr)) == 3 and all(p["currently_attached"] for p in pbds(bench, sr))
    )
    await bench.until(lambda: "does." in reason(page, "sr.repair"))


@POOL
async def test_a_hosts_page_concerns_that_host_alone(bench: Bench) -> None:
    sr = make_sr(bench)
    host = str(bench.db.refs("host")[0])
    page = await open_page(bench, sr, host)
    page.buttons["sr.disconnect"].click()
    dialog = await bench.dialog(ConfirmDialog)
    assert bench.db.get("host", host)["name_label"] in dialog.question.text
    dialog.go.click()
    await bench.until(lambda: sum(p["currently_attached"] for p in pbds(bench, sr)) == 2)


def gone(bench: Bench, sr: str) -> bool:
    return not bench.db.exists("SR", sr)


async def test_forgetting_keeps_and_destroying_deletes_after_the_name(bench: Bench) -> None:
    for ident in ("sr.forget", "sr.destroy"):
        sr = make_sr(bench)
        vdi = str(
            bench.db.create("VDI", SR=sr, name_label="left", virtual_size=1 << 30, managed=True)
        )
        bench.running.host.recompute("VDI", vdi)
        page = await open_page(bench, sr)
        choose(page, ident)
        dialog = await bench.dialog(ConfirmDialog)
        assert dialog.typed is not None
        assert not dialog.go.isEnabled()
        if ident == "sr.destroy":
            assert any("left" in line for line in dialog.question.consequences)
        dialog.typed.setText("spare")
        dialog.go.click()
        await bench.until(partial(gone, bench, sr))
        page.hide()
    assert "Async.VDI.destroy" in bench.calls()


async def test_names_change_and_passwords_are_hidden(bench: Bench) -> None:
    sr = make_sr(bench)
    page = await open_page(bench, sr)
    choose(page, "sr.edit")
    dialog = await bench.dialog(EditStorageDialog)
    dialog.name.setText("renamed")
    dialog.tags.setText("fast, ssd")
    dialog.go.click()
    await bench.until(lambda: bench.db.get("SR", sr)["name_label"] == "renamed")
    await bench.until(lambda: set(bench.db.get("SR", sr)["tags"]) == {"fast", "ssd"})
    page.details.click()
    content: Any = page.panel.content()
    shown = " ".join(content.values.value(label) for label in content.values.labels())
    assert "/spare" in shown
    assert "canary" not in shown
    assert "canary" not in repr(page.records(page.chosen()[0]))


async def test_the_default_changes_with_the_event(bench: Bench) -> None:
    sr = make_sr(bench)
    page = await open_page(bench, sr)
    choose(page, "sr.default")
    pool = bench.db.refs("pool")[0]
    await bench.until(lambda: bench.db.get("pool", pool)["default_SR"] == sr)
    await bench.until(lambda: "already" in reason(page, "sr.default"))


async def test_the_disks_of_a_storage_are_listed_and_deleted(bench: Bench) -> None:
    sr = make_sr(bench)
    vdi = str(bench.db.create("VDI", SR=sr, name_label="left", virtual_size=1 << 30, managed=True))
    bench.running.host.recompute("VDI", vdi)
    page = await open_page(bench, sr)
    page.buttons["sr.disks"].click()
    dialog = await bench.dialog(DisksDialog)
    await bench.until(lambda: dialog.model.rowCount() == 1)
    dialog.table.select_ref(vdi)
    await bench.until(dialog.delete.isEnabled)
    dialog.delete.click()
    asked = await bench.dialog(ConfirmDialog)
    assert asked.typed is not None
    asked.typed.setText("left")
    asked.go.click()
    await bench.until(lambda: not bench.db.exists("VDI", vdi))
    await bench.until(lambda: dialog.model.rowCount() == 0)
    dialog.close_button.click()


# ---------------------------------------------------------------------- new


async def new_dialog(bench: Bench, kind: str) -> NewStorageDialog:
    page = await open_page(bench)
    page.buttons["sr.new"].click()
    dialog = await bench.dialog(NewStorageDialog)
    dialog.kind.set_current(kind)
    return dialog


def fill(dialog: NewStorageDialog, **values: str) -> None:
    for key, value in values.items():
        field: Any = dialog.fields[key]
        (field.setEditText if hasattr(field, "setEditText") else field.setText)(value)


def named(bench: Bench, name: str) -> list[dict[str, Any]]:
    found = (bench.db.get("SR", ref) for ref in bench.db.refs("SR"))
    return [one for one in found if one["name_label"] == name]


async def test_nfs_is_made_for_every_host(bench: Bench) -> None:
    dialog = await new_dialog(bench, "nfs")
    assert not dialog.go.isEnabled()
    dialog.name.setText("nas")
    fill(dialog, server="nas.example.org", serverpath="export")
    assert "Exports begin with /." in dialog.go.toolTip()
    fill(dialog, serverpath="/export/vms")
    dialog.go.click()
    await bench.until(lambda: bool(named(bench, "nas")))
    (sr,) = named(bench, "nas")
    config = bench.db.get("PBD", sr["PBDs"][0])["device_config"]
    assert config == {"server": "nas.example.org", "serverpath": "/export/vms"}
    assert sr["shared"]


async def test_what_erases_wants_the_device_typed(bench: Bench) -> None:
    dialog = await new_dialog(bench, "ext")
    dialog.look.click()
    await bench.until(lambda: "Found" in dialog.said.text())
    field: Any = dialog.fields["device"]
    field.setCurrentIndex(0)
    device = dialog.values()["device"]
    assert device.startswith("/dev/nvme")
    dialog.name.setText("fast")
    assert not dialog.warning.isHidden()
    assert not dialog.go.isEnabled()
    dialog.typed.setText(device)
    assert dialog.go.isEnabled(), dialog.go.toolTip()
    dialog.go.click()
    await bench.until(lambda: bool(named(bench, "fast")))


async def test_iscsi_finds_targets_then_luns(bench: Bench) -> None:
    dialog = await new_dialog(bench, "iscsi")
    fill(dialog, target="10.0.0.9:3261")
    dialog.look.click()
    await bench.until(lambda: "1 targets" in dialog.said.text())
    target: Any = dialog.fields["targetIQN"]
    target.setCurrentIndex(0)
    assert dialog.values()["targetIQN"] == "iqn.2020-01.example.san:volume1"
    dialog.look.click()
    await bench.until(lambda: "1 LUNs" in dialog.said.text())
    lun: Any = dialog.fields["SCSIid"]
    lun.setCurrentIndex(0)
    assert dialog.config() == {
        "target": "10.0.0.9",
        "port": "3261",
        "targetIQN": "iqn.2020-01.example.san:volume1",
        "SCSIid": "3600140500000001",
    }
    dialog.cancel.click()


async def test_a_refused_storage_says_why_and_nothing_stays(bench: Bench) -> None:
    before = len(bench.db.refs("SR"))
    dialog = await new_dialog(bench, "nfs")
    dialog.name.setText("nas")
    fill(dialog, server="nas", serverpath="/export")
    bench.running.host.faults.fail("SR.create", "SR_BACKEND_FAILURE_73", "", "NFS mount error", "")
    dialog.go.click()
    await bench.until(lambda: any(told.startswith("danger: Create storage") for told in bench.told))
    assert len(bench.db.refs("SR")) == before


# ---------------------------------------------------------------------- upload


async def test_an_image_is_uploaded_and_a_cut_one_leaves_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    iso = make_sr(bench, content_type="iso", type="iso", name_label="isos")
    path = tmp_path / "debian.iso"
    body = bytearray(3 * (1 << 20) + 777)
    body[0x8001:0x8006] = b"CD001"
    path.write_bytes(body)
    page = await open_page(bench, iso)
    page.buttons["sr.upload"].click()
    chooser = await bench.dialog(QFileDialog)
    chooser.fileSelected.emit(str(path))
    chooser.reject()
    await bench.until(lambda: any("debian.iso is on isos now" in told for told in bench.told))
    (vdi,) = [r for r in bench.db.refs("VDI") if bench.db.get("VDI", r)["SR"] == iso]
    assert bench.db.get("VDI", vdi)["virtual_size"] == 4 << 20
    assert bench.running.host.disks.read(vdi, 0x8001, 5) == b"CD001"
    bench.db.destroy("VDI", vdi)
    bench.running.host.faults.cut_import(1 << 20)
    choose(page, "sr.upload")
    chooser = await bench.dialog(QFileDialog)
    chooser.fileSelected.emit(str(path))
    chooser.reject()
    await bench.until(lambda: any(told.startswith("danger: debian.iso") for told in bench.told))
    await bench.until(lambda: not bench.db.get("SR", iso)["VDIs"])


async def test_where_no_image_can_go_is_said(bench: Bench, tmp_path: Path) -> None:
    page = await open_page(bench, make_sr(bench))
    assert "holds no ISO images" in page.buttons["sr.upload"].toolTip()


# ---------------------------------------------------------------------- pure


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_kind_tells_what_is_missing(kind: Any) -> None:
    wrong = troubles(kind, {}, "")
    assert "name" in wrong
    for spec in kind.fields:
        assert (spec.key in wrong) is spec.required


@given(st.text(max_size=200))
def test_any_refusal_is_read(text: str) -> None:
    read_refusal(XapiError.from_wire("SR_BACKEND_FAILURE_96", ["", "", text]))
    read_refusal(
        XapiError.from_wire("SR_BACKEND_FAILURE_96", ["", "", f"<a><TGT>{text}</TGT></a>"])
    )


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><a><TGT><TargetIQN>&b;</TargetIQN></TGT></a>'
    assert read_refusal(XapiError.from_wire("SR_BACKEND_FAILURE_96", ["", "", bomb])) == []


def test_ports_and_empty_fields() -> None:
    iscsi = kind_of("iscsi")
    assert config_of(iscsi, {"target": "[fe80::1]:3261"})["port"] == "3261"
    assert "port" not in config_of(iscsi, {"target": "10.0.0.1"})
    assert config_of(kind_of("smb-iso"), {"location": "//n/i"})["type"] == "cifs"
