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
            "xe vm-param-remove uuid=11111111-vm param-name=other-config param-key=auto_poweron",
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
