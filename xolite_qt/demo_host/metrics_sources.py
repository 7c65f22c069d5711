"""Believable measurements as functions of time: nothing is stored, any moment can be asked for.

A load rises in working hours, falls at night, and jitters on several scales. The same seed and
name give the same curve, so that pictures and tests repeat.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .datamodel import NULL_REF
from .registry import Failure
from .values import datetime_s

if TYPE_CHECKING:
    from .host import DemoHost

Floats = NDArray[np.float64]
Seeds = NDArray[np.uint64]
Seed = int | Seeds

KIB = 1024.0
_DAY_S = 86400.0


@dataclass(frozen=True)
class Source:
    """One data source.

    Attributes:
        kind: host, vm or sr.
        uuid: of the object.
        name: such as "cpu0".
        values: one per asked time; NaN where there was nothing to measure.
    """

    kind: str
    uuid: str
    name: str
    values: Floats


@functools.lru_cache(1 << 16)
def seed_of(*parts: object) -> int:
    """A number that depends on the parts alone."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _as_seed(seed: Seed) -> Seeds:
    return np.asarray(seed, dtype=np.uint64)


def _hash01(seed: Seeds, at: NDArray[np.int64]) -> Floats:
    """A number in 0..1 for each whole number: the last steps of splitmix64."""
    with np.errstate(over="ignore"):
        x = at.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + seed
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return x.astype(np.float64) / float(2**64)


def noise(seed: Seed, times: Floats, period_s: float) -> Floats:
    """A smooth curve in 0..1 that changes its mind every `period_s` seconds.

    Args:
        seed: one, or a column of them: then there is a row per seed.
    """
    seed = _as_seed(seed)
    x = times / period_s
    left = np.floor(x)
    part = x - left
    part = part * part * (3 - 2 * part)
    whole = left.astype(np.int64)
    before, after = _hash01(seed, whole), _hash01(seed, whole + 1)
    return before + (after - before) * part


def load(seed: Seed, times: Floats) -> Floats:
    """How busy something is, 0..1, over days, hours and seconds; seeds as in `noise`."""
    seed = _as_seed(seed)
    character = seed % 97 / 97.0
    hour = (times % _DAY_S) / 3600.0
    working = np.exp(-(((hour - 13.0) / 4.5) ** 2))
    weekend = ((times // _DAY_S + 3) % 7) >= 5
    rhythm = working * np.where(weekend, 0.25, 1.0)
    busy = (
        0.04
        + 0.30 * character
        + 0.30 * rhythm * (1 - character)
        + 0.22 * noise(seed + 1, times, 1800.0)
        + 0.12 * noise(seed + 2, times, 120.0)
        + 0.10 * noise(seed + 3, times, 8.0)
    )
    spike = noise(seed + 4, times, 900.0)
    busy = busy + np.where(spike > 0.93, (spike - 0.93) * 6, 0.0)
    return np.clip(busy, 0.002, 0.995)


def vm_sources(host: DemoHost, ref: str, times: Floats) -> list[Source]:
    """What a host measures of one of its VMs."""
    return all_vm_sources(host, [ref], times)


def all_vm_sources(host: DemoHost, refs: list[str], times: Floats) -> list[Source]:
    """What a host measures of its VMs, computed for all of them together.

    A host may have thousands: one curve at a time would keep everybody else waiting.
    """
    if not refs:
        return []
    vms = [host.db.get("VM", ref) for ref in refs]
    metrics = [_of(host, "VM_metrics", vm["metrics"]) for vm in vms]
    seeds = np.array([[seed_of(str(vm["uuid"]))] for vm in vms], dtype=np.uint64)
    started = np.array([[_moment_s(m.get("start_time", ""))] for m in metrics])
    alive = np.where(times >= started, 1.0, np.nan)
    # Who is paused computes nothing.
    awake = np.array([[0.0 if vm["power_state"] == "Paused" else 1.0] for vm in vms])
    busy = load(seeds, times) * alive * awake
    made: list[list[Source]] = [[] for _ in vms]

    def add(name: str, values: Floats, of: Sequence[int]) -> None:
        for row, at in enumerate(of):
            made[at].append(Source("vm", str(vms[at]["uuid"]), name, values[row]))

    everybody = range(len(vms))
    counts = [_vcpus(vm, m) for vm, m in zip(vms, metrics, strict=True)]
    total = np.zeros_like(busy)
    for number in range(max(counts)):
        of = [at for at in everybody if counts[at] > number]
        wave = noise(seeds[of] + np.uint64(50 + number), times, 30.0)
        share = np.clip(busy[of] * (0.6 + 0.8 * wave), 0, 1)
        total[of] += share
        add(f"cpu{number}", share, of)
    add("cpu_usage", total / np.array(counts)[:, None], everybody)
    memory = np.array([[_memory(vm, m)] for vm, m in zip(vms, metrics, strict=True)])
    add("memory", memory * alive, everybody)
    add("memory_target", memory * alive, everybody)
    of = [at for at in everybody if vms[at]["guest_metrics"] != NULL_REF]
    if of:
        used = 0.35 + 0.4 * (seeds[of] % 89 / 89.0) + 0.12 * noise(seeds[of] + 5, times, 3600.0)
        free = memory[of] / KIB * (1 - np.clip(used, 0, 0.97)) * alive[of]
        add("memory_internal_free", free, of)
    cards, disks = _devices(host, vms)
    for device, of in cards.items():
        own = seeds[of] + np.uint64(zlib.crc32(device.encode()))
        flow = busy[of] ** 2 * (2e5 + seeds[of] % 9 * 4e5)
        add(f"vif_{device}_rx", flow * (0.4 + noise(own + 6, times, 20.0)), of)
        add(f"vif_{device}_tx", flow * (0.2 + 0.9 * noise(own + 7, times, 20.0)), of)
    for device, of in disks.items():
        own = seeds[of] + np.uint64(zlib.crc32(device.encode()))
        flow = busy[of] * (1e5 + seeds[of] % 7 * 6e5)
        add(f"vbd_{device}_read", flow * noise(own + 8, times, 15.0) ** 2, of)
        add(f"vbd_{device}_write", flow * 1.4 * noise(own + 9, times, 15.0) ** 2, of)
    return [source for sources in made for source in sources]


def _vcpus(vm: dict[str, Any], metrics: dict[str, Any]) -> int:
    return max(1, min(64, int(metrics.get("VCPUs_number") or vm["VCPUs_at_startup"] or 1)))


def _memory(vm: dict[str, Any], metrics: dict[str, Any]) -> float:
    return float(metrics.get("memory_actual") or vm["memory_dynamic_max"] or 2**30)


def _devices(
    host: DemoHost, vms: list[dict[str, Any]]
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Names of network cards and of disks, each with the numbers of the VMs that have one."""
    cards: dict[str, list[int]] = {}
    disks: dict[str, list[int]] = {}
    for at, vm in enumerate(vms):
        for ref in vm["VIFs"]:
            cards.setdefault(_of(host, "VIF", ref).get("device", "0"), []).append(at)
        for ref in vm["VBDs"]:
            vbd = _of(host, "VBD", ref)
            if vbd.get("type") == "Disk" and vbd.get("device"):
                disks.setdefault(vbd["device"], []).append(at)
    return cards, disks


def host_sources(host: DemoHost, ref: str, times: Floats) -> list[Source]:
    """What a host measures of itself."""
    record = host.db.get("host", ref)
    uuid = str(record["uuid"])
    seed = seed_of(uuid)
    metrics = _of(host, "host_metrics", record["metrics"])
    booted = record["other_config"].get("boot_time", "0").rstrip(".") or "0"
    alive = np.where(times >= _number(booted), 1.0, np.nan)
    made: list[Source] = []

    def add(name: str, values: Floats) -> None:
        made.append(Source("host", uuid, name, values * alive))

    cores = max(1, min(512, int(_number(record["cpu_info"].get("cpu_count", "4")) or 4)))
    busy = 0.05 + 0.75 * load(seed, times)
    mean = np.zeros_like(times)
    for number in range(cores):
        share = np.clip(busy * (0.5 + noise(seed + 100 + number, times, 25.0)), 0, 1)
        mean = mean + share
        add(f"cpu{number}", share)
    mean = mean / cores
    add("cpu_avg", mean)
    add("loadavg", mean * cores * 0.35 + 0.1)
    total_kib = float(metrics.get("memory_total", 0)) / KIB
    free_kib = float(metrics.get("memory_free", 0)) / KIB
    still = np.ones_like(times)
    add("memory_total_kib", still * total_kib)
    wobble = 1 + 0.01 * (noise(seed + 11, times, 600.0) - 0.5)
    add("memory_free_kib", np.minimum(still * total_kib, free_kib * wobble))
    add("memory_reclaimed", still * 0)
    flows: list[tuple[Floats, Floats]] = []
    for pif_ref in record["PIFs"]:
        pif = _of(host, "PIF", pif_ref)
        if not pif.get("physical", True) or not pif.get("device"):
            continue
        own = seed_of(uuid, pif["device"])
        rx = busy * 4e6 * (0.2 + noise(own, times, 20.0))
        tx = busy * 3e6 * (0.2 + noise(own + 1, times, 20.0))
        if not pif.get("currently_attached", True):
            rx, tx = rx * 0, tx * 0
        flows.append((rx, tx))
        add(f"pif_{pif['device']}_rx", rx)
        add(f"pif_{pif['device']}_tx", tx)
    if flows:
        add("pif_aggr_rx", np.sum([rx for rx, _ in flows], axis=0))
        add("pif_aggr_tx", np.sum([tx for _, tx in flows], axis=0))
    add("xapi_memory_usage_kib", 180_000 + 20_000 * noise(seed + 12, times, 1800.0))
    add("running_domains", still * (1 + len(record["resident_VMs"])))
    add("pool_task_count", np.floor(3 * noise(seed + 13, times, 60.0)))
    add("pool_session_count", 4 + np.floor(4 * noise(seed + 14, times, 600.0)))
    for pbd_ref in record["PBDs"]:
        sr = _of(host, "SR", _of(host, "PBD", pbd_ref).get("SR", NULL_REF))
        if sr.get("content_type") == "iso" or "uuid" not in sr:
            continue
        short = str(sr["uuid"])[:8]
        own = seed_of(uuid, short)
        add(f"io_throughput_read_{short}", 8 * busy * noise(own, times, 20.0) ** 2)
        add(f"io_throughput_write_{short}", 6 * busy * noise(own + 1, times, 20.0) ** 2)
        add(f"iops_read_{short}", np.floor(300 * busy * noise(own + 2, times, 20.0)))
        add(f"iops_write_{short}", np.floor(220 * busy * noise(own + 3, times, 20.0)))
    return made


def sr_sources(host: DemoHost, ref: str, times: Floats) -> list[Source]:
    """What is measured of a storage repository."""
    sr = host.db.get("SR", ref)
    still = np.ones_like(times)
    return [
        Source("sr", str(sr["uuid"]), "physical_utilisation", still * sr["physical_utilisation"]),
        Source("sr", str(sr["uuid"]), "size", still * sr["physical_size"]),
    ]


def _of(host: DemoHost, cls: str, ref: str) -> dict[str, Any]:
    return host.db.get(cls, ref) if host.db.exists(cls, ref) else {}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@functools.lru_cache(1 << 16)
def _moment_s(text: str) -> float:
    """A wire datetime; real databases hold empty and odd ones, which count as long ago."""
    try:
        return datetime_s(text)
    except Failure:
        return 0.0
