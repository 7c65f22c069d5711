"""A recording of a session on one demo host is played by another: the same world, read-only."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from xolite_qt.demo_host import WorldError, start_demo_host
from xolite_qt.demo_host.replay import read_recording
from xolite_qt.recorder import FlightRecorder, write_bundle
from xolite_qt.stores import Stores
from xolite_qt.xen_api import MemoryPins, PermissionDenied, XapiError, XenApi


async def record(path: Path) -> tuple[dict[str, str], list[str]]:
    """Some minutes of work; names of the VMs at the end, and calls that were made."""
    async with start_demo_host(plain_http=True, speed=0.01) as running:
        api = XenApi(running.url, pins=MemoryPins())
        recorder = FlightRecorder()
        await api.login(running.user, running.password)
        api.witness(recorder.heard)
        api.events.start()
        stores = Stores(api, linger_s=0.0)
        rows, hosts, srs = (
            stores.vm_rows.subscribe(),
            stores.host_rows.subscribe(),
            stores.sr.subscribe(),
        )
        await stores.vm_rows.settled()
        await stores.sr.settled()
        vms = list(stores.vm.records.values())
        await api.call("VM.set_name_label", vms[0].ref, "renamed on the way")
        halted = next(vm for vm in vms if vm.power_state == "Halted")
        await api.run("VM.clone", halted.ref, "made on the way")
        names: dict[str, str] = {}
        for _turn in range(200):
            names = {vm.ref: vm.name_label for vm in stores.vm.records.values()}
            if {"renamed on the way", "made on the way"} <= set(names.values()):
                break
            await asyncio.sleep(0.02)
        rows.close()
        hosts.close()
        srs.close()
        await asyncio.to_thread(write_bundle, path, recorder.take())
        calls = [call.method for call in recorder.calls()]
        await stores.close()
        await api.events.stop()
        await api.close()
        return names, calls


async def test_a_session_is_played_again(tmp_path: Path) -> None:
    path = tmp_path / "a.flight.zip"
    names, calls = await record(path)
    assert "VM.set_name_label" in calls
    assert "Async.VM.clone" in calls
    async with start_demo_host(plain_http=True, world=path, speed=0.05) as running:
        api = XenApi(running.url, pins=MemoryPins())
        await api.login(running.user, running.password)
        api.events.start()
        stores = Stores(api, linger_s=0.0)
        hold = stores.vm_rows.subscribe()
        await stores.vm_rows.settled()
        shown: dict[str, str] = {}
        for _turn in range(300):
            shown = {vm.ref: vm.name_label for vm in stores.vm.records.values()}
            if shown == names:
                break
            await asyncio.sleep(0.02)
        assert shown == names
        ref = next(iter(names))
        with pytest.raises((PermissionDenied, XapiError)) as caught:
            await api.call("VM.set_name_label", ref, "not allowed")
        assert "RBAC_PERMISSION_DENIED" in str(caught.value)
        hold.close()
        await stores.close()
        await api.events.stop()
        await api.close()


@pytest.mark.parametrize("spoil", ["cut", "format", "no world", "bomb"])
async def test_what_is_no_whole_recording_is_refused(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        known = "xolite-flight" if spoil != "format" else "other"
        bundle.writestr("meta.json", f'{{"format": "{known}", "version": 1}}')
        bundle.writestr("world.json", "[]" if spoil == "no world" else '{"host": {"a": {}}}')
        if spoil == "bomb":
            # Claims far more than it holds.
            bundle.writestr("timeline.jsonl", b"\n" * (1 << 20))
            bundle.infolist()[-1].file_size = 1 << 40
        else:
            bundle.writestr("timeline.jsonl", "{}")
    if spoil == "cut":
        body = path.read_bytes()
        path.write_bytes(body[: len(body) // 2])
        with pytest.raises(WorldError):
            async with start_demo_host(plain_http=True, world=path):
                pass
        return
    with pytest.raises(WorldError):
        read_recording(path)
