"""Nothing that opens a door is in a saved recording, wherever a host or a call put it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from xolite_qt.recorder import CallItem, Flight, SetItem, write_bundle

SESSION = "OpaqueRef:5e551011-5e55-5e55-5e55-5e5551011515"
CANARY = "c4n4ry-f00"


def saved(tmp_path: Path, *items: CallItem | SetItem) -> str:
    path = tmp_path / "a.zip"
    write_bundle(path, Flight(0.0, 10.0, {}, list(items)))
    with zipfile.ZipFile(path) as bundle:
        return "\n".join(bundle.read(name).decode() for name in bundle.namelist())


def called(method: str, *params: Any) -> CallItem:
    return CallItem(1.0, method, params, 0.1)


@pytest.mark.parametrize(
    "call",
    [
        called(
            "Async.VM.migrate_send",
            "OpaqueRef:vm",
            {
                "session_id": SESSION,
                "SM": f"http://10.0.0.2/services/SM?session_id={SESSION}",
                "xenops": f"http://10.0.0.2/services/xenops?session_id={SESSION}",
                "host": "OpaqueRef:host",
            },
            True,
        ),
        called("VM.recover", "OpaqueRef:vm", SESSION, True),
        called("Async.VM.import", f"https://h/export?session_id={SESSION}&ref=x", "OpaqueRef:sr"),
        called("pool.sync_trusted_certificates_from", "x", {"session": SESSION}),
    ],
)
def test_sessions_stay_out_of_calls(tmp_path: Path, call: CallItem) -> None:
    text = saved(tmp_path, call)
    assert SESSION not in text
    assert call.method in text


@pytest.mark.parametrize(
    "call",
    [
        called("Async.secret.create", {"value": CANARY, "other_config": {}}),
        called("Async.pool.join", "10.0.0.1", "root", CANARY),
        called("pool.configure_repository_proxy", "OpaqueRef:p", "http://p", "me", CANARY),
        called("Async.pool.sync_updates", "OpaqueRef:p", False, CANARY, "id", "me", CANARY),
        called("VM.import_convert", "t", "me", CANARY, "OpaqueRef:sr", {}),
        called("VM.add_to_xenstore_data", "OpaqueRef:vm", "vm-data/admin", CANARY),
        called("VM.set_xenstore_data", "OpaqueRef:vm", {"vm-data/admin": CANARY}),
        called("host.set_other_config", "OpaqueRef:h", {"x": f'{{"password": "{CANARY}"}}'}),
        called("SR.probe", "OpaqueRef:h", {"options": f"username=me,password={CANARY},vers=3"}),
        called("SR.create", "OpaqueRef:h", {"x": f"<config><password>{CANARY}</password>"}),
        called("host.call_plugin", "h", "p", "f", {"admin_pwd": CANARY}),
    ],
)
def test_passwords_stay_out_of_calls(tmp_path: Path, call: CallItem) -> None:
    text = saved(tmp_path, call)
    assert CANARY not in text
    assert call.method in text


@pytest.mark.parametrize(
    ("cls", "record"),
    [
        ("task", {"result": f"<value>session_id</value><value>{SESSION}</value>"}),
        ("task", {"error_info": ["SESSION_INVALID", f"session_id={SESSION}"]}),
        ("Cluster", {"cluster_token": SESSION}),
        ("VM", {"xenstore_data": {"vm-data/system-account": CANARY}}),
        ("VM", {"xenstore_data": {"vm-data/admin": f'{{"email": "a", "password":"{SESSION}"}}'}}),
        ("pool", {"other_config": {"x": f'{{"authToken" : "{SESSION}"}}'}}),
    ],
)
def test_secrets_stay_out_of_records(tmp_path: Path, cls: str, record: dict[str, Any]) -> None:
    text = saved(tmp_path, SetItem(1.0, cls, "OpaqueRef:x", record))
    assert SESSION not in text
    assert CANARY not in text


def test_innocent_text_stays(tmp_path: Path) -> None:
    notes = {"mode": "eth0", "note": "a=b, c", "json": '{"a": "b"}'}
    params = ["OpaqueRef:vm", "Password server = good", notes]
    text = saved(tmp_path, called("VM.set_x", *params))
    line = json.loads(text.strip().splitlines()[-1])
    assert line["params"] == params
