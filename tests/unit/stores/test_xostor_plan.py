"""Who may have an XOSTOR, what it would hold, and the exact calls that would make one."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.stores.xostor.capacity import capacity
from xolite_qt.stores.xostor.eligibility import Verdict, as_text, is_eligible, report
from xolite_qt.stores.xostor.hosts import (
    Disk,
    HostProbe,
    read_disks,
    read_linstor_version,
    read_size,
)
from xolite_qt.stores.xostor.plan import CreateForm, make_plan, plan_json
from xolite_qt.stores.xostor.scripts import python_script, xe_script
from xolite_qt.xen_api import MalformedAnswer, XapiError

GIB = 1 << 30


def probe(number: int, size: int = 100 * GIB, **more: object) -> HostProbe:
    fields: dict[str, object] = {
        "ref": f"OpaqueRef:{number}",
        "uuid": f"uuid-{number}",
        "name": f"host-{number}",
        "hostname": f"host-{number}",
        "address": f"10.0.0.{number}",
        "brand": "XCP-ng",
        "version": "8.3.0",
        "is_master": number == 1,
        "asked": True,
        "disks": (Disk("sda", size, "", ("has partitions",)), Disk("sdb", size)),
        "linstor_version": "",
    }
    return HostProbe(**{**fields, **more})  # type: ignore[arg-type]


HOSTS = tuple(probe(number) for number in (1, 2, 3))
DISKS: dict[str, tuple[str, ...]] = {host.ref: ("/dev/sdb",) for host in HOSTS}


def verdict(hosts: tuple[HostProbe, ...], ref: str) -> Verdict:
    return next(rule.verdict for rule in report(hosts, False) if rule.ref == ref)


def test_three_good_hosts_are_eligible() -> None:
    rules = report(HOSTS, False)
    assert is_eligible(rules)
    assert verdict(HOSTS, "host-2/package") is Verdict.NOTE
    assert "[  ok] Pool: 3 to 7 hosts -- 3 hosts\n" in as_text(rules)


def test_every_rule_can_be_broken() -> None:
    one = (probe(1),)
    assert is_eligible(report(one, False)) is False
    assert verdict(one, "Pool/hosts") is Verdict.NO
    assert is_eligible(report(HOSTS, True)) is False
    bad = probe(2, brand="XenServer", version="8.2.0", enabled=False, hostname="host-1", disks=())
    hosts = (HOSTS[0], bad, HOSTS[2])
    for ident in ("brand", "enabled", "hostname", "disks"):
        assert verdict(hosts, f"host-2/{ident}") is Verdict.NO
    assert verdict(hosts, "Pool/same") is Verdict.NO
    assert verdict((probe(1, version="8.2.0"),), "host-1/brand") is Verdict.NO
    assert verdict((probe(1, version="8.10.0"),), "host-1/brand") is Verdict.YES


def test_what_a_host_does_not_tell_is_unknown() -> None:
    error = XapiError("XENAPI_MISSING_PLUGIN", ["lsblk.py"])
    mute = probe(2, disks=None, linstor_version=None, errors={"lsblk.py": error})
    hosts = (HOSTS[0], mute, HOSTS[2])
    assert verdict(hosts, "host-2/disks") is Verdict.UNKNOWN
    assert is_eligible(report(hosts, False)) is None
    assert "XENAPI_MISSING_PLUGIN" in as_text(report(hosts, False))


def test_disks_and_why_some_cannot_be_used() -> None:
    devices = [
        {"name": "sda", "type": "disk", "size": "931.5G", "ro": "0", "mountpoint": ""},
        {"name": "sda1", "type": "part", "pkname": "sda", "size": "18G"},
        {"name": "sdb", "type": "disk", "size": 1000, "ro": False, "children": []},
        {"name": "sdc", "type": "disk", "ro": "1", "mountpoint": "/mnt", "children": [{}]},
        {"name": "tda", "type": "disk"},
        {"name": "sr0", "type": "rom"},
        {"name": "md127", "type": "raid1", "size": "1T"},
    ]
    disks = {d.name: d for d in read_disks(json.dumps({"blockdevices": devices}))}
    assert [name for name, disk in disks.items() if disk.is_usable] == ["sdb", "md127"]
    assert disks["sda"].reasons == ("has partitions",)
    assert disks["sdc"].reasons == ("read-only", "mounted", "has partitions")
    assert disks["sda"].size_bytes == int(931.5 * GIB)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"blockdevices": 3}', None])
def test_answers_about_disks_that_are_none(text: object) -> None:
    with pytest.raises(MalformedAnswer):
        read_disks(text)


def test_the_version_of_the_package() -> None:
    assert read_linstor_version('{"xcp-ng-linstor": "1.2-3"}') == "1.2-3"
    assert read_linstor_version("{}") == ""
    with pytest.raises(MalformedAnswer):
        read_linstor_version("[]")


@given(st.none() | st.integers() | st.text() | st.booleans())
def test_sizes_never_fail(value: object) -> None:
    assert read_size(value) >= 0


def test_capacity_is_the_smallest_hosts_and_a_vdi_fits_on_its_hosts() -> None:
    worth = capacity({"a": 100, "b": 200, "c": 400}, 2)
    assert (worth.raw_bytes, worth.usable_bytes, worth.largest_vdi_bytes) == (700, 150, 200)
    assert capacity({"a": 100, "b": 0}, 2).usable_bytes == 0


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 1 << 50), max_size=7), st.integers(1, 3))
def test_no_capacity_beyond_what_is_there(sizes: dict[str, int], copies: int) -> None:
    worth = capacity(sizes, copies)
    assert worth.usable_bytes * copies <= worth.raw_bytes
    assert worth.largest_vdi_bytes * copies <= worth.raw_bytes


def test_the_exact_calls_in_their_order() -> None:
    form = CreateForm(name="xostor", description="d", redundancy=2, disks=DISKS)
    plan = make_plan("pool", HOSTS, form)
    lines = [call.line() for call in plan.calls]
    assert lines[:3] == [
        "updater.py install(packages=xcp-ng-release-linstor) on host-2",
        "updater.py install(packages=xcp-ng-linstor) on host-2",
        "host.restart_agent() on host-2",
    ]
    # The master restarts last.
    assert [line for line in lines if "restart" in line][-1].endswith("host-1")
    assert lines[9:12] == [
        "lvm.py create_physical_volume(devices=/dev/sdb, ignore_existing_filesystems=false,"
        " force=false) on host-2",
        "lvm.py create_volume_group(vg_name=linstor_group, devices=/dev/sdb) on host-2",
        "lvm.py create_thin_pool(lv_name=thin_device, vg_name=linstor_group) on host-2",
    ]
    assert plan.calls[-1].method == "SR.create"
    assert plan.calls[-1].args["device-config:group-name"] == "linstor_group/thin_device"
    assert plan.calls[-1].args["device-config:redundancy"] == "2"
    assert all(step.rollback for step in plan.steps)
    assert plan.capacity.usable_bytes == 150 * GIB


def test_thick_and_installed_already() -> None:
    hosts = tuple(probe(number, linstor_version="1.2") for number in (1, 2, 3))
    plan = make_plan("pool", hosts, CreateForm(name="x", provisioning="thick", disks=DISKS))
    functions = [call.function for call in plan.calls]
    assert "install" not in functions
    assert "create_thin_pool" not in functions
    assert plan.calls[-1].args["device-config:group-name"] == "linstor_group"


def test_an_interface_is_made_on_every_node_and_can_be_taken_back() -> None:
    form = CreateForm(
        name="x", disks=DISKS, interface="fast", pifs={host.ref: "pif" for host in HOSTS}
    )
    last = make_plan("pool", HOSTS, form).steps[-1]
    names = [call.function for call in last.calls]
    assert names == ["createNodeInterface"] * 3 + ["setNodePreferredInterface"] * 3
    assert last.calls[0].args["groupName"] == "linstor_group/thin_device"
    assert {call.host for call in last.calls} == {"host-1"}
    assert [call.args["name"] for call in last.rollback_calls[:3]] == ["default"] * 3


def test_what_is_missing_leaves_no_steps() -> None:
    plan = make_plan("pool", HOSTS, CreateForm(disks={HOSTS[0].ref: ("/dev/sda",)}))
    assert plan.steps == ()
    assert plan.missing == (
        "a name",
        "disks on at least 2 hosts",
        "other disks on host-1 than /dev/sda",
    )
    bad = CreateForm(name="x", disks=DISKS, interface="default")
    assert len(make_plan("pool", HOSTS, bad).missing) == 2


def test_what_to_think_about() -> None:
    hosts = (probe(1), probe(2, 200 * GIB))
    form = CreateForm(
        name="x",
        redundancy=1,
        ignore_filesystems=True,
        disks={host.ref: ("/dev/sdb",) for host in hosts},
    )
    assert len(make_plan("pool", hosts, form).warnings) == 4


NASTY = "a'b\"c; rm -rf ~ $(x) `y`\n\\"


@pytest.mark.parametrize("name", ["xostor", NASTY])
def test_scripts_are_scripts_whatever_names_hold(name: str) -> None:
    hosts = tuple(probe(number, name=f"{name}{number}") for number in (1, 2, 3))
    plan = make_plan(name, hosts, CreateForm(name=name, description=name, disks=DISKS))
    tree = ast.parse(python_script(plan))
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert name in strings
    shell = xe_script(plan)
    assert "xe host-call-plugin host-uuid=uuid-2 plugin=lvm.py fn=create_volume_group" in shell
    bash = shutil.which("bash")
    if bash is not None:
        done = subprocess.run([bash, "-n"], input=shell.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    table = json.loads(plan_json(plan))
    assert table["simulated"] is True
    assert len(table["steps"]) == len(plan.steps)


def test_scripts_do_nothing_before_the_name_of_the_pool_is_typed() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash on this machine")
    plan = make_plan("pool", HOSTS, CreateForm(name="x", disks=DISKS))
    # The script comes as an argument, so that standard input is what is typed.
    done = subprocess.run(
        [bash, "-c", xe_script(plan)], input=b"other\n", capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"nothing was done" in done.stderr
