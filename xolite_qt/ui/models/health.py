"""What an administrator should look at, found in what the host says of itself.

Pure: records go in, findings come out, worst first. Nothing here changes anything; each finding
names the remedy that `ui.views.pool.health` offers.

Source: `vhd-parent` in a VDI's `sm_config` is what the storage managers of VHD keep there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import (
    PBD,
    SR,
    VDI,
    VM,
    Host,
    PerfmonError,
    Pool,
    PowerState,
    VMGuestMetrics,
    is_null,
    read_perfmon,
    to_datetime,
)


class Grade(StrEnum):
    """How much a finding matters; also the accent of its card."""

    DANGER = "danger"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """What was found."""

    SR_FULL = "sr-full"
    SR_DETACHED = "sr-detached"
    SR_MISSING = "sr-missing"
    DOM0_DISK = "dom0-disk"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    REBOOT = "reboot"
    NO_BACKUP = "no-backup"
    CHAIN = "chain"
    NO_TOOLS = "no-tools"
    OLD_SNAPSHOT = "old-snapshot"
    ORPHAN_DISK = "orphan-disk"
    ORPHAN_SNAPSHOT = "orphan-snapshot"
    CRASH_DUMP = "crash-dump"
    DOM0_UNWATCHED = "dom0-unwatched"


@dataclass(frozen=True)
class Case:
    """One object that a finding is about.

    Attributes:
        cls: its class as XAPI spells it: "VDI".
        ref: of it.
        name: of it.
        note: what is the matter with this one: "94% of 2 TiB".
        size_bytes: that would be free without it; 0 where that means nothing.
        open: page to look at it, as (kind, reference, tab); None where there is none.
    """

    cls: str
    ref: str
    name: str
    note: str = ""
    size_bytes: int = 0
    open: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Finding:
    """Something found, with all objects that it was found on."""

    kind: Kind
    grade: Grade
    title: str
    why: str
    cases: tuple[Case, ...]

    @property
    def size_bytes(self) -> int:
        """Of all its objects."""
        return sum(case.size_bytes for case in self.cases)


@dataclass(frozen=True)
class Seen:
    """What the host says, by reference; and what the program knows beside it.

    Attributes:
        vm: real VMs; `snapshot`: their snapshots.
        certificates: host's name, host's reference, and when its certificate ends.
        skew_s: by host's reference, how far its clock is before ours.
        unprotected: UUIDs of VMs without a job, or whose jobs did not go well lately, each with
            the reason in words; None where nobody looked.
        full_disks: host's reference, name of the disk in words, and how full it was when the host
            raised an alarm lately.
        now: by the host's clock.
    """

    now: datetime
    pool: Pool | None = None
    host: Mapping[str, Host] = field(default_factory=dict)
    vm: Mapping[str, VM] = field(default_factory=dict)
    guest: Mapping[str, VMGuestMetrics] = field(default_factory=dict)
    snapshot: Mapping[str, VM] = field(default_factory=dict)
    domain: Mapping[str, VM] = field(default_factory=dict)
    sr: Mapping[str, SR] = field(default_factory=dict)
    pbd: Mapping[str, PBD] = field(default_factory=dict)
    vdi: Mapping[str, VDI] = field(default_factory=dict)
    certificates: Sequence[tuple[str, str, datetime]] = ()
    skew_s: Mapping[str, float] = field(default_factory=dict)
    unprotected: Mapping[str, str] | None = None
    full_disks: Sequence[tuple[str, str, float]] = ()


FULL, VERY_FULL = 0.85, 0.95
"""From where an SR counts as full: coalescing needs room."""
LONG_CHAIN, MOST_CHAIN = 5, 20
"""Copies below a disk; storage managers refuse snapshots at about 30."""
OLD = timedelta(days=7)
SOON, VERY_SOON = timedelta(days=30), timedelta(days=7)
SKEW_S = 5.0
INSTALLED_AT = "rpm_patch_installation_time"
"""Key in a host's `other_config`: when patches were installed last, seconds since 1970."""
_USER_TYPES = ("user", "system", "")


def find(seen: Seen) -> list[Finding]:
    """Everything that was found, worst first."""
    found = [
        *_storages(seen),
        *_roles(seen),
        *_hosts(seen),
        *_control_domains(seen),
        *_guests(seen),
        *_snapshots(seen),
        *_disks(seen),
    ]
    order = {grade: number for number, grade in enumerate(Grade)}
    kinds = {kind: number for number, kind in enumerate(Kind)}
    return sorted(found, key=lambda finding: (order[finding.grade], kinds[finding.kind]))


def _made(kind: Kind, grade: Grade, title: str, why: str, cases: Iterable[Case]) -> list[Finding]:
    listed = tuple(sorted(cases, key=lambda case: (-case.size_bytes, case.name.casefold())))
    return [Finding(kind, grade, title, why, listed)] if listed else []


def holds_disks(sr: SR) -> bool:
    """Whether an SR is for VMs' disks: no library of ISOs, no host's drive, no tools."""
    return sr.content_type != "iso" and not sr.is_tools_sr and sr.type not in ("iso", "udev")


def _storages(seen: Seen) -> list[Finding]:
    full: list[Case] = []
    worst = 0.0
    for sr in seen.sr.values():
        if not holds_disks(sr) or sr.physical_size <= 0:
            continue
        used = sr.physical_utilisation / sr.physical_size
        if used >= FULL:
            worst = max(worst, used)
            note = f"{fmt.percent(used)} of {fmt.size(sr.physical_size)}"
            full.append(Case("SR", sr.ref, sr.name_label, note, open=("pool", "", "storage")))
    detached = [
        Case(
            "SR",
            sr.ref,
            sr.name_label,
            "not connected to " + ", ".join(sorted(away)),
            open=("pool", "", "storage"),
        )
        for sr in seen.sr.values()
        if (away := _away(sr, seen))
    ]
    return [
        *_made(
            Kind.SR_FULL,
            Grade.DANGER if worst >= VERY_FULL else Grade.WARNING,
            "Storage is nearly full",
            "Snapshots and backups need room, and so does merging old snapshots away. "
            "VMs on a full storage stop.",
            full,
        ),
        *_made(
            Kind.SR_DETACHED,
            Grade.DANGER,
            "Storage is not connected",
            "VMs with disks on it cannot start on these hosts.",
            detached,
        ),
    ]


def _away(sr: SR, seen: Seen) -> list[str]:
    found = []
    for ref in sr.pbds:
        pbd = seen.pbd.get(ref)
        host = seen.host.get(pbd.host) if pbd is not None else None
        if pbd is not None and host is not None and not pbd.currently_attached:
            found.append(host.name_label)
    return found


def _roles(seen: Seen) -> list[Finding]:
    pool = seen.pool
    if pool is None or not seen.sr:
        return []
    roles = (
        ("Default storage", pool.default_sr),
        ("Suspend storage", pool.suspend_image_sr),
        ("Crash dump storage", pool.crash_dump_sr),
    )
    cases = [
        Case(
            "pool", pool.ref, name, "points to a storage that is gone", open=("pool", "", "system")
        )
        for name, ref in roles
        if not is_null(ref) and ref not in seen.sr
    ]
    why = "New disks, suspended VMs or crash dumps have no place to go to."
    return _made(Kind.SR_MISSING, Grade.WARNING, "A storage role points to nothing", why, cases)


def _hosts(seen: Seen) -> list[Finding]:
    ending = [
        Case("host", ref, name, _ends(end - seen.now), open=("host", ref, "system"))
        for name, ref, end in seen.certificates
        if end - seen.now < SOON
    ]
    soonest = min((end - seen.now for _n, _r, end in seen.certificates), default=SOON)
    skewed = [
        Case(
            "host",
            ref,
            host.name_label,
            f"{fmt.duration(abs(skew))} {'ahead' if skew > 0 else 'behind'}",
            open=("host", ref, "system"),
        )
        for ref, skew in seen.skew_s.items()
        if abs(skew) > SKEW_S and (host := seen.host.get(ref)) is not None
    ]
    reboot = [
        Case(
            "host", host.ref, host.name_label, "after an update", open=("host", host.ref, "system")
        )
        for host in seen.host.values()
        if waits_for_reboot(host)
    ]
    dumps = [
        Case(
            "host",
            host.ref,
            host.name_label,
            fmt.plural(len(host.crashdumps), "crash dump", "crash dumps"),
            open=("host", host.ref, "system"),
        )
        for host in seen.host.values()
        if host.crashdumps
    ]
    return [
        *_made(
            Kind.CERTIFICATE,
            Grade.DANGER if soonest < VERY_SOON else Grade.WARNING,
            "A certificate ends soon",
            "Hosts of a pool refuse each other once it has ended, and programs refuse the host.",
            ending,
        ),
        *_made(
            Kind.CLOCK,
            Grade.WARNING,
            "A host's clock is wrong",
            "Schedules, alarms, statistics and logins at other services go by it. "
            "Set its time servers (chrony on the host). Where every host of the pool is listed "
            "with the same difference, it is this computer's clock that is wrong.",
            skewed,
        ),
        *_made(
            Kind.REBOOT,
            Grade.WARNING,
            "A host waits for its reboot",
            "Patches are installed, and take effect with the next boot only.",
            reboot,
        ),
        *_made(
            Kind.CRASH_DUMP,
            Grade.INFO,
            "A host has crashed once",
            "Its crash dumps take room on the system disk. Keep them for support, or delete them.",
            dumps,
        ),
    ]


def waits_for_reboot(host: Host) -> bool:
    """Whether patches are installed that only a boot puts to work."""
    if "reboot_host" in host.pending_guidances or host.updates_requiring_reboot:
        return True
    try:
        # XCP-ng's own packages leave no mark: whoever installs them notes the time.
        installed_s = float(host.other_config.get(INSTALLED_AT, ""))
        return installed_s > float(host.other_config.get("boot_time", ""))
    except ValueError:
        return False


def _watches_disk(domain: VM) -> bool:
    try:
        watched = read_perfmon(domain.other_config.get("perfmon", ""))
    except PerfmonError:
        return False
    return any(watch.name == "fs_usage" for watch in watched)


def _control_domains(seen: Seen) -> list[Finding]:
    full = [
        Case(
            "host",
            ref,
            seen.host[ref].name_label,
            f"{disk}: {fmt.percent(used)} used",
            open=("host", ref, "console"),
        )
        for ref, disk, used in seen.full_disks
        if ref in seen.host
    ]
    blind = [
        Case("host", ref, seen.host[ref].name_label, "not watched", open=("host", ref, "alarms"))
        for domain in seen.domain.values()
        if (ref := domain.resident_on) in seen.host and not _watches_disk(domain)
    ]
    return [
        *_made(
            Kind.DOM0_DISK,
            Grade.DANGER,
            "A host's system disk is full",
            "The toolstack stops when it cannot write, and patches are refused. Old logs, ISOs and "
            "crash dumps are what fills it mostly.",
            full,
        ),
        *_made(
            Kind.DOM0_UNWATCHED,
            Grade.INFO,
            "Hosts whose system disk nobody watches",
            "How full it is, a host tells in alarms only, and only where it was asked to.",
            blind,
        ),
    ]


def _ends(left: timedelta) -> str:
    if left < timedelta():
        return f"ended {fmt.duration(-left.total_seconds())} ago"
    return f"ends in {fmt.duration(left.total_seconds())}"


def _guests(seen: Seen) -> list[Finding]:
    bare = []
    for vm in seen.vm.values():
        if vm.power_state != PowerState.RUNNING:
            continue
        guest = seen.guest.get(vm.guest_metrics)
        if guest is None or not (guest.pv_drivers_detected or guest.pv_drivers_version):
            open_ = ("vm", vm.ref, "dashboard")
            bare.append(Case("VM", vm.ref, vm.name_label, "no tools seen", open=open_))
    unprotected = [
        Case("VM", vm.ref, vm.name_label, reason, open=("vm", vm.ref, "backups"))
        for vm in seen.vm.values()
        if seen.unprotected is not None and (reason := seen.unprotected.get(vm.uuid, ""))
    ]
    return [
        *_made(
            Kind.NO_BACKUP,
            Grade.WARNING,
            "VMs without a recent backup",
            "What is on them is lost with the storage.",
            unprotected,
        ),
        *_made(
            Kind.NO_TOOLS,
            Grade.INFO,
            "VMs without guest tools",
            "They cannot be shut down cleanly, suspended or moved, and tell no addresses.",
            bare,
        ),
    ]


def _snapshots(seen: Seen) -> list[Finding]:
    old = []
    for snapshot in seen.snapshot.values():
        at = to_datetime(snapshot.snapshot_time)
        if at is None or at.year < 1990 or seen.now - at < OLD:
            continue
        parent = seen.vm.get(snapshot.snapshot_of)
        if parent is None:
            continue
        age = fmt.duration((seen.now - at).total_seconds())
        note = f"of {parent.name_label}, {age} old"
        open_ = ("vm", parent.ref, "snapshots")
        old.append(Case("VM", snapshot.ref, snapshot.name_label, note, open=open_))
    lost = [
        Case("VM", snapshot.ref, snapshot.name_label, "its VM is gone")
        for snapshot in seen.snapshot.values()
        if snapshot.snapshot_of not in seen.vm
        and not _of_template(snapshot)
        and (is_null(snapshot.snapshot_of) or seen.vm)
    ]
    return [
        *_made(
            Kind.OLD_SNAPSHOT,
            Grade.INFO,
            "Old snapshots",
            "Each keeps what was changed since, and makes its VM's disks slower. "
            "A snapshot is no backup: it lives on the same storage.",
            old,
        ),
        *_made(
            Kind.ORPHAN_SNAPSHOT,
            Grade.INFO,
            "Snapshots of VMs that are gone",
            "Nobody reverts to them any more; make a VM of what you want to keep.",
            lost,
        ),
    ]


def _of_template(snapshot: VM) -> bool:
    # A job of another program keeps its marks there; it knows better.
    return any(key.startswith("xo:backup") for key in snapshot.other_config)


def chains(vdis: Iterable[VDI]) -> dict[str, int]:
    """How many copies a disk stands on, by its reference; only where there are any."""
    by_uuid = {vdi.uuid: vdi for vdi in vdis}
    depths: dict[str, int] = {}
    for vdi in by_uuid.values():
        depth, below, passed = 0, vdi, {vdi.uuid}
        while (parent := by_uuid.get(below.sm_config.get("vhd-parent", ""))) is not None:
            # Spoilt metadata may run in a circle.
            if parent.uuid in passed:
                break
            passed.add(parent.uuid)
            depth, below = depth + 1, parent
        if depth:
            depths[vdi.ref] = depth
    return depths


def _disks(seen: Seen) -> list[Finding]:
    depths = chains(seen.vdi.values())
    long = []
    for ref, depth in depths.items():
        vdi = seen.vdi[ref]
        waiting = depth - len(vdi.snapshots)
        if not vdi.managed or vdi.is_a_snapshot or (depth < MOST_CHAIN and waiting < LONG_CHAIN):
            continue
        snapshots = fmt.plural(len(vdi.snapshots), "snapshot", "snapshots")
        note = f"{depth} copies deep with {snapshots}"
        long.append(Case("VDI", ref, vdi.name_label or vdi.uuid, note))
    orphans = [
        Case(
            "VDI",
            vdi.ref,
            vdi.name_label or vdi.uuid,
            f"on {seen.sr[vdi.sr].name_label}",
            max(vdi.physical_utilisation, 0) or vdi.virtual_size,
            ("pool", "", "storage"),
        )
        for vdi in seen.vdi.values()
        if is_orphan(vdi, seen)
    ]
    return [
        *_made(
            Kind.CHAIN,
            Grade.WARNING,
            "Disks with long chains of copies",
            "The host merges them by itself when it finds time and room; a scan of the storage "
            "sets it going. Backups of such disks are refused in the end.",
            long,
        ),
        *_made(
            Kind.ORPHAN_DISK,
            Grade.INFO,
            "Disks that no VM uses",
            "They take room. Attach what you need, delete the rest.",
            orphans,
        ),
    ]


def is_orphan(vdi: VDI, seen: Seen) -> bool:
    """Whether a disk belongs to nobody: no VM, no snapshot, no service of the pool."""
    sr = seen.sr.get(vdi.sr)
    if sr is None or not holds_disks(sr) or (sr.type == "linstor" and not vdi.name_label):
        return False
    if vdi.vbds or not vdi.managed or vdi.missing or vdi.type.lower() not in _USER_TYPES:
        return False
    if vdi.is_a_snapshot:
        # Of a disk that is there, it is part of a backup's chain.
        return is_null(vdi.snapshot_of) or vdi.snapshot_of not in seen.vdi
    return True


def utc_now() -> datetime:
    """The time by this computer."""
    return datetime.now(UTC)
