"""What is settled before the first call, from records alone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from xolite_qt.ui.models.new_vm import Install, NewVmForm
from xolite_qt.ui.models.new_vm_checks import problems, warnings
from xolite_qt.ui.models.new_vm_plan import plan_of
from xolite_qt.ui.models.new_vm_world import World, limits_of
from xolite_qt.xen_api import PBD, SR, VBD, VDI, VIF, VM, Host, Network, Pool

GIB = 1 << 30


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def world(template: dict[str, Any] | None = None, **more: Any) -> World:
    fields: dict[str, Any] = {
        "ref": "t",
        "uuid": "t",
        "name_label": "Image",
        "is_a_template": True,
        "domain_type": "hvm",
        "hvm_boot_params_json": raw({"firmware": "bios", "order": "cdn"}),
        "vcpus_max": 2,
        "vcpus_at_startup": 2,
        "memory_static_min": GIB,
        "memory_dynamic_max": 2 * GIB,
        "vbds": ("b0", "b3"),
        "vifs": ("c",),
    }
    vm = VM(**{**fields, **(template or {})})
    srs = {
        name: SR(
            ref=name,
            uuid=name,
            name_label=name,
            type="nfs",
            pbds=(f"p{name}",),
            physical_size=100 * GIB,
            allowed_operations=("vdi_clone",),
        )
        for name in ("one", "two")
    }
    pbds = {
        f"p{name}": PBD(ref=f"p{name}", uuid="", sr=name, currently_attached=True) for name in srs
    }
    values: dict[str, Any] = {
        "pool": Pool(ref="pool", uuid="pool", default_sr="two"),
        "templates": {"t": vm},
        "srs": srs,
        "pbds": pbds,
        "vdis": {"d0": VDI(ref="d0", uuid="", name_label="root", sr="one", virtual_size=8 * GIB)},
        "vbds": {
            "b0": VBD(ref="b0", uuid="", vm="t", vdi="d0", type="Disk", userdevice="0"),
            "b3": VBD(ref="b3", uuid="", vm="t", type="CD", userdevice="3", empty=True),
        },
        "vifs": {"c": VIF(ref="c", uuid="", vm="t", network="n", device="0")},
        "networks": {"n": Network(ref="n", uuid="", name_label="net", mtu=1500)},
        "hosts": {"h": Host(ref="h", uuid="", name_label="host")},
    }
    return World(**{**values, **more})


def form_on(pool: World) -> NewVmForm:
    form = NewVmForm()
    form.take_template(pool.templates["t"], pool)
    return form


def test_a_templates_devices_keep_their_places() -> None:
    pool = world()
    form = form_on(pool)
    for _ in range(4):
        form.add_disk("two")
    plan = plan_of(form, pool)
    assert [disk.device for disk in plan.created] == ["1", "2", "4", "5"]
    assert plan.edited == ()
    assert plan.has_cd
    assert [card.network for card in plan.cards] == ["n"]


def test_how_disks_are_copied() -> None:
    pool = world()
    form = form_on(pool)
    assert (plan_of(form, pool).copy, plan_of(form, pool).moved) == (False, ())
    form.full_copy = True
    plan = plan_of(form, pool)
    assert (plan.copy, plan.copy_sr) == (True, "OpaqueRef:NULL")
    form.disks[0].sr = "two"
    plan = plan_of(form, pool)
    assert (plan.copy, plan.copy_sr, plan.moved) == (True, "two", ())


@pytest.mark.parametrize(("vcpus", "first"), [(1, "at_startup"), (2, "max"), (8, "max")])
def test_vcpus_never_pass_their_maximum_on_the_way(vcpus: int, first: str) -> None:
    pool = world()
    form = form_on(pool)
    form.vcpus = form.vcpus_max = vcpus
    calls = [method for method, _params in plan_of(form, pool).calls if "VCPUs" in method]
    assert calls[0] == f"VM.set_VCPUs_{first}"
    assert len(calls) == 2


def test_boot_orders() -> None:
    pool = world()
    form = form_on(pool)
    orders = {}
    for how in (Install.TEMPLATE, Install.ISO, Install.PXE):
        form.install = how
        params = dict(plan_of(form, pool).calls)["VM.set_HVM_boot_params"][0]
        orders[how] = params["order"]
    assert orders == {Install.TEMPLATE: "cdn", Install.ISO: "dcn", Install.PXE: "ncd"}


def test_guests_without_firmware_are_told_of_their_installer() -> None:
    old = {"domain_type": "pv", "hvm_boot_params_json": raw({}), "vbds": (), "vifs": ()}
    wanted = '<provision><disk device="0" size="1073741824" sr="" /></provision>'
    pool = world({**old, "other_config_json": raw({"disks": wanted})})
    form = form_on(pool)
    form.install = Install.ISO
    plan = plan_of(form, pool)
    assert ("VM.add_to_other_config", ("install-repository", "cdrom")) in plan.calls
    assert "VM.set_HVM_boot_params" not in dict(plan.calls)
    assert plan.before == ()
    assert [disk.bootable for disk in plan.created] == [False]
    assert plan.cd_bootable


def test_a_template_with_disks_that_cannot_be_read_asks_for_none() -> None:
    for text in ("<provision>", "no xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'):
        pool = world({"vbds": (), "other_config_json": raw({"disks": text})})
        assert form_on(pool).disks == []


def test_things_that_went_while_the_form_was_open() -> None:
    pool = world()
    form = form_on(pool)
    form.install, form.iso = Install.ISO, "gone"
    bare = World(pool.pool)
    found = problems(form, bare)
    assert found["template"].startswith("This template is gone")
    assert found["iso"].startswith("This ISO is gone")
    assert f"disk:{form.disks[0].key}:sr" in found
    assert f"card:{form.cards[0].key}:network" in found
    assert warnings(form, bare) == []


def test_a_storage_that_nobody_reaches() -> None:
    pool = world(pbds={})
    form = form_on(pool)
    key = form.disks[0].key
    assert problems(form, pool)[f"disk:{key}:sr"] == "No host reaches this storage now."


def test_recommendations() -> None:
    told = limits_of(
        '<restrictions><restriction field="vcpus-max" max="16"/>'
        '<restriction field="supports-uefi" value="no"/></restrictions>',
        {"bios-vendor": "x"},
    )
    assert (told.vcpus_max, told.uefi, told.bios, told.has_bios_strings) == (16, False, None, True)
    assert limits_of("<restrictions", {}).vcpus_max == 0
