"""Calls as scripts: every object by its UUID, nothing foreign reaches a shell or an interpreter."""

from __future__ import annotations

import ast
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.rehearsal import PLANNED, PlannedCall
from xolite_qt.ui.scripts import Known, as_python, as_xe
from xolite_qt.ui.scripts.names import classes_of, fields_of, one_line, references

VM, HOST, SR = "OpaqueRef:vm", "OpaqueRef:host", "OpaqueRef:sr"
NAMES = {
    VM: Known("VM", "11111111-vm", "web-1"),
    HOST: Known("host", "22222222-host", "xcp1"),
    SR: Known("SR", "33333333-sr", "Local"),
    "OpaqueRef:snap": Known("VM", "44444444-snap", "before", "snapshot"),
}


def xe(*calls: PlannedCall) -> list[str]:
    lines = as_xe(calls, NAMES).splitlines()[2:]
    return [line for line in lines if not line.startswith("# ") or "no command" in line]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (("VM.start", VM, False, False), "xe vm-start uuid=11111111-vm"),
        (("VM.start", VM, True, False), "xe vm-start uuid=11111111-vm paused=true"),
        (("VM.start_on", VM, HOST, False, False), "xe vm-start uuid=11111111-vm on=22222222-host"),
        (("VM.hard_shutdown", VM), "xe vm-shutdown uuid=11111111-vm force=true"),
        (
            ("VM.pool_migrate", VM, HOST, {"live": "true"}),
            "xe vm-migrate uuid=11111111-vm host-uuid=22222222-host live=true",
        ),
        (
            ("VM.snapshot", VM, "it's mine"),
            "xe vm-snapshot uuid=11111111-vm 'new-name-label=it'\"'\"'s mine'",
        ),
        (("VM.revert", "OpaqueRef:snap"), "xe snapshot-revert snapshot-uuid=44444444-snap"),
        (
            ("VM.set_name_label", "OpaqueRef:snap", "x"),
            "xe snapshot-param-set uuid=44444444-snap name-label=x",
        ),
        (
            ("VM.add_to_other_config", VM, "auto_poweron", "true"),
            "xe vm-param-set uuid=11111111-vm other-config:auto_poweron=true",
        ),
        (
            ("VM.remove_from_other_config", VM, "auto_poweron"),
            "xe vm-param-remove uuid=11111111-vm param-name=other-config param-key=auto_poweron"
            " || true",
        ),
        (
            ("VM.set_affinity", VM, HOST),
            "xe vm-param-set uuid=11111111-vm affinity=22222222-host",
        ),
        (
            ("VM.set_affinity", VM, "OpaqueRef:NULL"),
            "xe vm-param-set uuid=11111111-vm affinity=",
        ),
        (
            ("VM.add_tags", VM, "a b"),
            "xe vm-param-add uuid=11111111-vm param-name=tags 'param-key=a b'",
        ),
        (
            (
                "SR.create",
                HOST,
                {"server": "nas", "password": "pw"},
                0,
                "N",
                "",
                "smb",
                "",
                True,
                {},
            ),
            "xe sr-create host-uuid=22222222-host name-label=N type=smb content-type= shared=true"
            " device-config:server=nas device-config:password=FILL_IN",
        ),
        (
            ("host.call_plugin", HOST, "updater.py", "update", {"packages": "a,b"}),
            "xe host-call-plugin host-uuid=22222222-host plugin=updater.py fn=update"
            " args:packages=a,b",
        ),
    ],
)
def test_calls_as_xe(call: tuple[Any, ...], line: str) -> None:
    assert xe(PlannedCall(call[0], call[1:])) == [line]


def test_what_a_call_made_is_used_by_the_next() -> None:
    calls = (
        PlannedCall("VDI.create", ({"SR": SR, "name_label": "d", "virtual_size": 1 << 30},)),
        PlannedCall("VBD.create", ({"VM": VM, "VDI": f"{PLANNED}0", "userdevice": "1"},)),
    )
    assert xe(*calls) == [
        "made_0=$(xe vdi-create sr-uuid=33333333-sr name-label=d virtual-size=1073741824)",
        'xe vbd-create vm-uuid=11111111-vm vdi-uuid="$made_0" device=1',
    ]
    text = as_python(calls, NAMES)
    assert "made_0 = api.VDI.create({'SR': api.SR.get_by_uuid('33333333-sr')" in text
    assert "'virtual_size': '1073741824'" in text
    assert "'VDI': made_0" in text


def test_what_xe_cannot_do_is_said() -> None:
    (line,) = xe(PlannedCall("VM.provision", (VM,)))
    assert line == "# xe has no command for VM.provision(11111111-vm)"


def test_the_table_knows_parameters_and_fields() -> None:
    assert classes_of("VM.pool_migrate") == ["VM", "host", ""]
    assert fields_of("VBD.create")["VDI"] == "VDI"
    call = PlannedCall("VBD.create", ({"VM": VM, "VDI": "OpaqueRef:NULL"},))
    assert list(references(call)) == [(VM, "VM")]


text = st.text(max_size=30)


@given(text, text, text)
def test_foreign_text_is_only_ever_an_argument(name: str, key: str, value: str) -> None:
    names = {VM: Known("VM", "11111111-vm", one_line(name))}
    calls = (
        PlannedCall("VM.set_name_label", (VM, name)),
        PlannedCall("VM.add_to_other_config", (VM, key, value)),
        PlannedCall("VM.unheard_of", (VM, value)),
    )
    script = as_python(calls, names)
    tree = ast.parse(script)
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert len(made) == len(
        [n for n in ast.walk(ast.parse(as_python(calls, names))) if isinstance(n, ast.Call)]
    )
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert name in constants
    shell = as_xe(calls, names)
    if "\0" in shell:
        return
    words = shlex.split(shell, comments=True)
    assert f"name-label={name}" in words


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    "evil", ["$(touch {})", "`touch {}`", "a\ntouch {}\n", "'; touch {} #", '"; touch {} #']
)
def test_a_shell_runs_nothing_foreign(evil: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    word = evil.format(mark)
    names = {VM: Known("VM", "11111111-vm", one_line(word))}
    calls = (
        PlannedCall("VM.set_name_label", (VM, word)),
        PlannedCall("VM.add_to_other_config", (VM, word, f"{PLANNED}0")),
        PlannedCall("VM.unheard_of", (VM, word)),
    )
    script = tmp_path / "script.sh"
    script.write_text("xe() { :; }\n" + as_xe(calls, names))
    subprocess.run(["bash", str(script)], check=True, timeout=10, cwd=tmp_path)
    assert not mark.exists()


def test_what_replaces_a_whole_map_or_set_clears_it_first() -> None:
    assert xe(
        PlannedCall("VM.set_tags", (VM, ["a", "b c"])),
        PlannedCall("VM.set_HVM_boot_params", (VM, {"order": "cd"})),
        PlannedCall("VM.set_platform", (VM, {})),
    ) == [
        "xe vm-param-clear uuid=11111111-vm param-name=tags",
        "xe vm-param-add uuid=11111111-vm param-name=tags param-key=a",
        "xe vm-param-add uuid=11111111-vm param-name=tags 'param-key=b c'",
        "xe vm-param-clear uuid=11111111-vm param-name=HVM-boot-params",
        "xe vm-param-set uuid=11111111-vm HVM-boot-params:order=cd",
        "xe vm-param-clear uuid=11111111-vm param-name=platform",
    ]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (("VM.resume_on", VM, HOST, False, False), "vm-resume uuid=11111111-vm on=22222222-host"),
        (
            ("VM.start_on", VM, HOST, True, False),
            "vm-start uuid=11111111-vm on=22222222-host paused=true",
        ),
        (("VM.set_VCPUs_number_live", VM, 4), "vm-vcpu-hotplug uuid=11111111-vm new-vcpus=4"),
        (
            ("host.set_crash_dump_sr", HOST, SR),
            "host-param-set uuid=22222222-host crash-dump-sr-uuid=33333333-sr",
        ),
        (
            ("host.set_iscsi_iqn", HOST, "iqn.x"),
            "host-param-set uuid=22222222-host iscsi_iqn=iqn.x",
        ),
        (
            ("host.set_power_on_mode", HOST, "wake-on-lan", {}),
            "host-set-power-on-mode uuid=22222222-host power-on-mode=wake-on-lan",
        ),
        (("pool.enable_ha", [SR], {}), "pool-ha-enable heartbeat-sr-uuids=33333333-sr"),
    ],
)
def test_commands_that_are_named_otherwise(call: tuple[Any, ...], line: str) -> None:
    assert xe(PlannedCall(call[0], call[1:])) == [f"xe {line}"]


def test_what_xe_leaves_out_is_said() -> None:
    record = {"SR": SR, "name_label": "d", "virtual_size": 1, "name_description": "mine"}
    script = as_xe([PlannedCall("VDI.create", (record,))], NAMES)
    assert "# Left out, as xe has no word for it: name_description\n" in script


@pytest.mark.parametrize(
    "call",
    [
        ("secret.create", {"value": "s3cr3t", "other_config": {}}),
        ("host.install_server_certificate", HOST, "cert", "s3cr3t", "chain"),
        ("VM.add_to_xenstore_data", VM, "vm-data/password", "s3cr3t"),
        ("host.call_plugin", HOST, "p", "f", {"admin_pwd": "s3cr3t"}),
        ("pool.unheard_of", {"credentials": {"user": "s3cr3t", "password": "s3cr3t"}}),
        ("pool.join", "10.0.0.1", "root", "s3cr3t"),
    ],
)
def test_secrets_are_left_to_the_reader(call: tuple[Any, ...]) -> None:
    calls = [PlannedCall(call[0], call[1:])]
    for script in (as_xe(calls, NAMES), as_python(calls, NAMES)):
        assert "FILL_IN" in script
        if call[0] != "pool.unheard_of":
            assert "s3cr3t" not in script


def test_a_secret_made_before_stays_what_it_is() -> None:
    calls = [
        PlannedCall("secret.create", ({"value": "x"},)),
        PlannedCall("host.set_power_on_mode", (HOST, "DRAC", {"password_secret": f"{PLANNED}0"})),
    ]
    assert xe(*calls)[1].endswith('power-on-config:password_secret="$made_0"')
    assert "api.secret.get_uuid(made_0)" in as_python(calls, NAMES)
