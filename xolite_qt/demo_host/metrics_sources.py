"""Believable measurements as functions of time: nothing is stored, any moment can be asked for.

A load rises in working hours, falls at night, and jitters on several scales. The same seed and
name give the same curve, so that pictures and tests repeat.
"""

from __future__ import annotations

import hashlib
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


def seed_of(*parts: object) -> int:
    """A number that depends on the parts alone."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _hash01(seed: int, at: NDArray[np.int64]) -> Floats:
    """A number in 0..1 for each whole number: the last steps of splitmix64."""
    with np.errstate(over="ignore"):
        x = at.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return x.astype(np.float64) / float(2**64)


def noise(seed: int, times: Floats, period_s: float) -> Floats:
    """A smooth curve in 0..1 that changes its mind every `period_s` seconds."""
    x = times / period_s
    left = np.floor(x)
    part = x - left
    part = part * part * (3 - 2 * part)
    whole = left.astype(np.int64)
    before, after = _hash01(seed, whole), _hash01(seed, whole + 1)
    return before + (after - before) * part


def load(seed: int, times: Floats) -> Floats:
    """How busy something is, 0..1, over days, hours and seconds."""
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
    db = host.db
    vm = db.get("VM", ref)
    uuid = str(vm["uuid"])
    seed = seed_of(uuid)
    metrics = _of(host, "VM_metrics", vm["metrics"])
    started_s = _moment_s(metrics.get("start_time", ""))
    alive = np.where(times >= started_s, 1.0, np.nan)
    busy = load(seed, times) * alive * (0.0 if vm["power_state"] == "Paused" else 1.0)
    made: list[Source] = []

    def add(name: str, values: Floats) -> None:
        made.append(Source("vm", uuid, name, values))

    vcpus = max(1, min(64, int(metrics.get("VCPUs_number") or vm["VCPUs_at_startup"] or 1)))
    total = np.zeros_like(times)
    for number in range(vcpus):
        share = np.clip(busy * (0.6 + 0.8 * noise(seed + 50 + number, times, 30.0)), 0, 1)
        total = total + share
        add(f"cpu{number}", share)
    add("cpu_usage", total / vcpus)
    memory = float(metrics.get("memory_actual") or vm["memory_dynamic_max"] or 2**30)
    add("memory", memory * alive)
    add("memory_target", memory * alive)
    if vm["guest_metrics"] != NULL_REF:
        used = 0.35 + 0.4 * (seed % 89 / 89.0) + 0.12 * noise(seed + 5, times, 3600.0)
        add("memory_internal_free", memory / KIB * (1 - np.clip(used, 0, 0.97)) * alive)
    for vif_ref in vm["VIFs"]:
        device = _of(host, "VIF", vif_ref).get("device", "0")
        flow = busy**2 * (2e5 + seed % 9 * 4e5)
        add(f"vif_{device}_rx", flow * (0.4 + noise(seed + 6, times, 20.0)))
        add(f"vif_{device}_tx", flow * (0.2 + 0.9 * noise(seed + 7, times, 20.0)))
    for vbd_ref in vm["VBDs"]:
        vbd = _of(host, "VBD", vbd_ref)
        if vbd.get("type") != "Disk" or not vbd.get("device"):
            continue
        flow = busy * (1e5 + seed % 7 * 6e5)
        add(f"vbd_{vbd['device']}_read", flow * noise(seed + 8, times, 15.0) ** 2)
        add(f"vbd_{vbd['device']}_write", flow * 1.4 * noise(seed + 9, times, 15.0) ** 2)
    return made


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


def _moment_s(text: str) -> float:
    """A wire datetime; real databases hold empty and odd ones, which count as long ago."""
    try:
        return datetime_s(text)
    except Failure:
        return 0.0
