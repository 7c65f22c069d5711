"""The form itself: what it says of mistakes, what it keeps, and how it is used without a mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tests.gui.pages.conftest import Bench
from tests.gui.pages.new_vm.desk import Desk, open_form, own_template, type_into
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.cloud_init import CloudInitDialog
from xolite_qt.ui.widgets import Button, IconButton, LinkLabel

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def filled(bench: Bench) -> Desk:
    """A form that could be sent."""
    desk = Desk(bench, await open_form(bench))
    desk.template("Debian Bookworm 12")
    desk.iso("debian")
    assert desk.page.problems == {}
    return desk


async def test_an_empty_form_asks_for_a_template_and_shouts_not(bench: Bench) -> None:
    page = await open_form(bench)
    assert not page.make.isEnabled()
    assert page.make.accessibleDescription() == "Choose a template."
    assert page.why_not.text() == "Choose a template."
    assert page.template.template_row.problem == ""
    assert page.template.name_row.problem == ""
    assert page.disks.row.problem == ""


async def test_mistakes_are_said_at_their_field(bench: Bench) -> None:
    desk = await filled(bench)
    page = desk.page
    page.disks.add_button.click()
    page.cards.add_button.click()
    disk, card, other = page.disks.fields[1], page.cards.fields[0], page.cards.fields[1]
    cases = [
        (page.template.name, "", page.template.name_row, "needs a name"),
        (page.resources.memory, "much", page.resources.memory_row, "such as 4 GiB"),
        (page.resources.memory, "1 MiB", page.resources.memory_row, "From 16 MiB"),
        (page.resources.memory, "128 MiB", page.resources.memory_row, "needs 512 MiB"),
        (page.resources.memory, "4194305 KiB", page.resources.memory_row, "Whole MiB"),
        (disk.size_field, "-3", disk.size_row, "such as 20 GiB"),
        (disk.size_field, "9000 TiB", disk.size_row, "to 2 TiB"),
        (disk.name, " ", disk.name_row, "needs a name"),
        (card.mac, "02:16:3e", card.mac_row, "Six pairs"),
        (card.mac, "03:16:3e:00:00:01", card.mac_row, "must be even"),
    ]
    for field, wrong, row, said in cases:
        right = field.text()
        type_into(field, wrong)
        assert said in row.problem.replace("\u00a0", " "), (wrong, row.problem)
        assert field.accessibleDescription() == row.problem
        assert page.why_not.text() == row.problem
        assert not page.make.isEnabled()
        # Nothing else was lost over it.
        assert field.text() == wrong
        type_into(field, right)
        assert row.problem == ""
        assert page.make.isEnabled()
    for field in (card.mac, other.mac):
        type_into(field, "02:16:3e:00:00:01")
    assert other.mac_row.problem == "Another card of this VM has it."


async def test_the_reason_leads_to_its_field(bench: Bench) -> None:
    desk = await filled(bench)
    page = desk.page
    type_into(page.disks.fields[0].size_field, "?")
    page.activateWindow()
    page.why_not.setFocus()
    QTest.keyClick(page.why_not, Qt.Key.Key_Return)
    await bench.until(lambda: page.focusWidget() is page.disks.fields[0].size_field)


async def test_warnings_do_not_forbid(bench: Bench) -> None:
    desk = await filled(bench)
    page = desk.page
    taken = next(iter(page.world.names()))
    desk.name(taken)
    type_into(page.resources.memory, "500 GiB")
    type_into(page.disks.fields[0].size_field, "2000 GiB")
    page.disks.fields[0].sr.set_current(desk.sr("Old SATA disks"))
    page.resources.vcpus.setValue(100)
    mac = bench.db.get("VIF", bench.db.refs("VIF")[0])["MAC"]
    type_into(page.cards.fields[0].mac, mac)
    await bench.until(lambda: page.form.limits.vcpus_max)
    said = " ".join(page.summary.warnings).replace("\u00a0", " ")
    for part in (
        "Another VM has this name",
        "would not start",
        "Old SATA disks has",
        "recommends at most 64 vCPUs",
        "No host has so many CPUs",
        "Another VM has a card with the address",
    ):
        assert part in said
    assert page.make.isEnabled()


async def test_topologies_divide(bench: Bench) -> None:
    desk = await filled(bench)
    resources = desk.page.resources
    resources.vcpus.setValue(6)
    assert resources.vcpus_max.value() == 6
    choices = [resources.topology.itemData(at) for at in range(resources.topology.count())]
    assert choices == ["0", "1", "2", "3", "6"]
    resources.topology.set_current("3")
    resources.vcpus_max.setValue(8)
    assert resources.topology.current() == "0"
    resources.vcpus_max.setValue(4)
    assert resources.vcpus_row.problem == "Not more than the maximum."


async def test_storages_that_take_no_disk_say_why(bench: Bench) -> None:
    desk = await filled(bench)
    choice = desk.page.disks.fields[0].sr
    closed = {
        choice.itemText(at)
        for at in range(choice.count())
        if not choice.model().index(at, 0).flags() & Qt.ItemFlag.ItemIsEnabled
    }
    assert "Installation discs · holds ISO images only" in closed
    assert any(text.startswith("DVD drives · ") for text in closed)


async def test_choices_that_make_no_sense_say_why(bench: Bench) -> None:
    await own_template(bench)
    desk = await filled(bench)
    page = desk.page
    assert not page.cloud.on.isEnabled()
    assert "empty disk" in page.cloud.on.accessibleDescription()
    assert not page.after.fast.isEnabled()
    assert "no disks of its own" in page.after.fast.accessibleDescription()
    desk.template("Cloud image")
    assert page.cloud.on.isEnabled()
    assert page.after.fast.isEnabled()
    await bench.until(lambda: page.form.limits.has_bios_strings)
    assert not page.firmware.bios.isEnabled()
    assert "set once only" in page.firmware.bios.accessibleDescription()
    assert not page.script.isEnabled()


async def test_cloud_inits_text_is_checked(bench: Bench) -> None:
    await own_template(bench)
    desk = Desk(bench, await open_form(bench))
    desk.template("Cloud image")
    cloud = desk.page.cloud
    cloud.on.setChecked(True)
    for text, said in (
        ("hostname: x\n", "#cloud-config"),
        ("", "Write what the guest should do"),
        ("#cloud-config\nusers:\n\t- default\n", "Line 3"),
        ("#cloud-config\na: 1\na: 2\n", "Line 3: a is there already"),
        ("#cloud-config\njust words\n", "Line 2"),
        ("#cloud-config\n" + "x" * 300_000, "at most 256 KiB"),
    ):
        cloud.user_data.setPlainText(text)
        assert said in cloud.user_row.problem
        assert not desk.page.make.isEnabled()
    cloud.user_data.setPlainText("#!/bin/sh\nexit 0\n")
    assert cloud.user_row.problem == ""
    cloud.network.setPlainText("ethernets: {}\n")
    assert "version" in cloud.network_row.problem
    cloud.on.setChecked(False)
    assert desk.page.problems == {}


async def test_cloud_init_is_filled_in_from_questions(bench: Bench) -> None:
    await own_template(bench)
    desk = Desk(bench, await open_form(bench))
    desk.template("Cloud image")
    cloud = desk.page.cloud
    cloud.on.setChecked(True)
    cloud.user_data.setPlainText("#cloud-config\nhostname: old\nruncmd:\n  - ls\n")
    cloud.fill_in.click()
    await bench.until(lambda: desk.page.findChildren(CloudInitDialog))
    dialog = desk.page.findChildren(CloudInitDialog)[0]
    dialog.host_name.setText("no good")
    assert not dialog.go.isEnabled()
    assert dialog.rows["host_name"].problem
    dialog.host_name.setText("web.example.org")
    dialog.keys.setPlainText("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@desk")
    dialog.password.setText('pass"word')
    dialog.network.setChecked(True)
    dialog.address.setText("192.168.7.20/24")
    dialog.gateway.setText("192.168.7.1")
    dialog.go.click()
    await bench.until(lambda: "ssh_authorized_keys" in cloud.user_data.toPlainText())
    text = cloud.user_data.toPlainText()
    assert text.startswith('#cloud-config\nhostname: "web"\nruncmd:\n  - ls\n')
    assert 'fqdn: "web.example.org"' in text
    assert 'password: "pass\\"word"' in text
    assert '- "192.168.7.20/24"' in cloud.network.toPlainText()
    assert desk.page.problems == {}


async def test_what_was_typed_outlives_the_page(bench: Bench) -> None:
    desk = await filled(bench)
    desk.name("half done")
    desk.page.disks.add_button.click()
    type_into(desk.page.disks.fields[1].size_field, "33 Gi")
    desk.page.hide()
    page = await open_form(bench)
    assert page.template.name.text() == "half done"
    assert page.disks.fields[1].size_field.text() == "33 Gi"
    assert page.install.discs.current == page.form.iso != ""
    page.over.click()
    assert page.template.name.text() == ""
    assert page.disks.fields == []
    assert page.why_not.text() == "Choose a template."


async def test_another_template_keeps_what_only_the_user_knows(bench: Bench) -> None:
    desk = await filled(bench)
    type_into(desk.page.template.description, "mine")
    desk.template("Windows 11 (64-bit)")
    assert desk.page.template.name.text() == "Windows 11 (64-bit)"
    desk.name("typed")
    assert desk.page.disks.fields[0].name.text() == "typed disk 1"
    desk.template("Rocky Linux 9")
    assert desk.page.template.name.text() == "typed"
    assert desk.page.template.description.text() == "mine"


async def test_leaving_while_it_works_and_coming_back(bench: Bench) -> None:
    desk = await filled(bench)
    bench.running.host.faults.slow(0.03)
    desk.page.make.click()
    desk.page.hide()
    page = await open_form(bench)
    assert page.session.is_working
    assert page.stack.currentIndex() == 1
    assert any("Creating" in line for line in page.progress.said)
    bench.running.host.faults.slow(0.0)
    await bench.until(lambda: bench.went)
    await desk.settled()
    assert page.stack.currentIndex() == 0


async def test_the_calls_are_shown_as_a_script(bench: Bench) -> None:
    desk = await filled(bench)
    before = desk.things()
    desk.page.script.click()
    await bench.until(lambda: bench.window.findChildren(CallsDialog))
    dialog = bench.window.findChildren(CallsDialog)[0]
    said = " ".join(
        field.toPlainText()
        for field in dialog.findChildren(QWidget)
        if hasattr(field, "toPlainText")
    )
    assert "vm-clone" in said or "VM.clone" in said
    assert desk.things() == before
    dialog.reject()
    await desk.settled()


async def test_tab_reaches_everything_in_its_order_and_create_last(bench: Bench) -> None:
    desk = await filled(bench)
    page = desk.page
    page.disks.add_button.click()
    page.activateWindow()
    await bench.until(lambda: page.disks.fields[1].isVisible())
    page.template.templates.search.setFocus()
    seen: list[QWidget] = []
    for _press in range(80):
        focused = QApplication.focusWidget() or page.focusWidget()
        assert focused is not None
        if focused in seen:
            break
        seen.append(focused)
        assert focused.accessibleName() or isinstance(focused, Button | LinkLabel), focused
        if focused is page.make:
            break
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    assert seen[-1] is page.make
    fields = [
        page.template.name,
        page.install.how,
        page.resources.vcpus,
        page.disks.fields[0].name,
        page.disks.fields[1].size_field,
        page.disks.add_button,
        page.cards.fields[0].network,
        page.after.boot,
        page.cancel,
    ]
    places = [seen.index(field) for field in fields]
    assert places == sorted(places)
    assert not any(isinstance(widget, IconButton) and not widget.isEnabled() for widget in seen)


async def test_the_summary_goes_where_there_is_room(bench: Bench) -> None:
    page = await open_form(bench)
    assert page.side.isVisibleTo(page)
    page.resize(724, 700)
    await bench.until(lambda: not page.side.isVisibleTo(page))
    assert page.summary.isVisibleTo(page)
    await bench.until(lambda: page.body.horizontalScrollBar().maximum() == 0)
    page.resize(1200, 700)
    await bench.until(lambda: page.side.isVisibleTo(page))


async def test_a_hidden_page_wants_nothing(bench: Bench) -> None:
    page = await open_form(bench)
    page.hide()
    await bench.until(lambda: not bench.stores.classes_in_use)
