"""What is found in records, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.models.health import Grade, Kind, Seen, chains, find
from xolite_qt.xen_api import PBD, SR, VDI, VM, Host, Pool, VMGuestMetrics

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GIB = 1 << 30


def vdi(ref: str, parent: str = "", **fields: object) -> VDI:
    config = {"vhd-parent": parent} if parent else {}
    made = {"uuid": ref, "sr": "S", "managed": True, "type": "user", "name_label": ref}
    return VDI(ref=ref, sm_config=config, **{**made, **fields})  # type: ignore[arg-type]


STORAGE = SR(ref="S", name_label="store", type="ext", physical_size=100 * GIB)


def kinds(seen: Seen) -> dict[Kind, list[str]]:
    return {finding.kind: [case.ref for case in finding.cases] for finding in find(seen)}


def test_a_healthy_pool_has_nothing() -> None:
    seen = Seen(
        NOW,
        pool=Pool(ref="P", default_sr="S"),
        host={"H": Host(ref="H", name_label="h")},
        vm={"V": VM(ref="V", power_state="Running", guest_metrics="G")},
        guest={"G": VMGuestMetrics(ref="G", pv_drivers_detected=True)},
        sr={"S": STORAGE},
        vdi={"D": vdi("D", vbds=("B",))},
        certificates=(("h", "H", NOW + timedelta(days=400)),),
        skew_s={"H": 1.0},
        unprotected={},
    )
    assert find(seen) == []


@pytest.mark.parametrize(
    ("used", "grade"), [(0.84, None), (0.86, Grade.WARNING), (0.96, Grade.DANGER)]
)
def test_how_full_is_full(used: float, grade: Grade | None) -> None:
    sr = msgspec.structs.replace(STORAGE, physical_utilisation=int(used * 100 * GIB))
    found = find(Seen(NOW, sr={"S": sr}))
    assert [finding.grade for finding in found] == ([grade] if grade else [])


def test_isos_and_what_services_keep_is_no_orphan() -> None:
    isos = SR(ref="I", type="iso", content_type="iso", physical_size=GIB)
    disks = [
        vdi("iso", sr="I"),
        vdi("OpaqueRef:used", vbds=("B",)),
        vdi("base", managed=False),
        vdi("heartbeat", type="ha_statefile"),
        vdi("of-a-disk", is_a_snapshot=True, snapshot_of="OpaqueRef:used"),
        vdi("left"),
        vdi("lost", is_a_snapshot=True, snapshot_of="nobody"),
    ]
    seen = Seen(NOW, sr={"S": STORAGE, "I": isos}, vdi={disk.ref: disk for disk in disks})
    assert sorted(kinds(seen)[Kind.ORPHAN_DISK]) == ["left", "lost"]


def test_a_certificate_that_has_ended_is_the_worst() -> None:
    hosts = {"H": Host(ref="H", name_label="h")}
    seen = Seen(NOW, host=hosts, certificates=(("h", "H", NOW - timedelta(days=1)),))
    (finding,) = find(seen)
    assert finding.grade is Grade.DANGER
    assert "ended" in finding.cases[0].note


def test_a_role_without_its_storage() -> None:
    pool = Pool(ref="P", crash_dump_sr="OpaqueRef:gone", default_sr="S")
    (finding,) = find(Seen(NOW, pool=pool, sr={"S": STORAGE}))
    assert finding.kind is Kind.SR_MISSING
    assert [case.name for case in finding.cases] == ["Crash dump storage"]


def test_a_plug_that_is_out() -> None:
    sr = msgspec.structs.replace(STORAGE, pbds=("B",))
    pbd = PBD(ref="B", host="H", sr="S", currently_attached=False)
    seen = Seen(NOW, host={"H": Host(ref="H", name_label="h")}, sr={"S": sr}, pbd={"B": pbd})
    assert find(seen)[0].cases[0].note == "not connected to h"


def test_chains_count_copies_and_end_in_circles() -> None:
    line = [vdi("a", "b"), vdi("b", "c", managed=False), vdi("c", managed=False)]
    assert chains(line) == {"a": 2, "b": 1}
    assert chains([vdi("a", "b"), vdi("b", "a")]) == {"a": 1, "b": 1}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"), max_size=8))
def test_any_metadata_ends(parents: dict[str, str]) -> None:
    disks = [vdi(name, parents.get(name, "")) for name in "abcdefgh"]
    depths = chains(disks)
    assert all(0 < depth < 8 for depth in depths.values())


def test_old_snapshots_and_those_of_nobody() -> None:
    def snapshot(ref: str, of: str, days: int) -> VM:
        at = (NOW - timedelta(days=days)).strftime("%Y%m%dT%H:%M:%SZ")
        return VM(ref=ref, name_label=ref, is_a_snapshot=True, snapshot_of=of, snapshot_time=at)

    seen = Seen(
        NOW,
        vm={"V": VM(ref="V", name_label="web", power_state="Halted")},
        snapshot={
            "new": snapshot("new", "V", 1),
            "old": snapshot("old", "V", 30),
            "lost": snapshot("lost", "gone", 1),
        },
    )
    assert kinds(seen) == {Kind.OLD_SNAPSHOT: ["old"], Kind.ORPHAN_SNAPSHOT: ["lost"]}


def test_the_worst_comes_first() -> None:
    sr = msgspec.structs.replace(STORAGE, physical_utilisation=99 * GIB)
    seen = Seen(
        NOW,
        host={"H": Host(ref="H", name_label="h", crashdumps=("C",))},
        sr={"S": sr},
        skew_s={"H": -90.0},
    )
    assert [finding.grade for finding in find(seen)] == ["danger", "warning", "info"]


@pytest.mark.parametrize(
    ("config", "waits"),
    [
        ({"boot_time": "1000.", "rpm_patch_installation_time": "2000"}, True),
        ({"boot_time": "3000.", "rpm_patch_installation_time": "2000.5"}, False),
        ({"boot_time": "1000."}, False),
        ({"rpm_patch_installation_time": "x", "boot_time": "1"}, False),
    ],
)
def test_what_was_installed_after_the_boot_waits_for_the_next(
    config: dict[str, str], waits: bool
) -> None:
    host = Host(ref="H", name_label="h", other_config=config)
    assert (Kind.REBOOT in kinds(Seen(NOW, host={"H": host}))) is waits
