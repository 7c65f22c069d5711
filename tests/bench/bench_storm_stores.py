"""What 2,000 changes a second over 10,000 VMs cost in the stores, against a plain dict.

The changes come as answers of 100, as a host coalesces them. No wire, no decoding, no window: just
the base store, the joined rows, the tree, and a subscriber of each that only counts.
"""

from __future__ import annotations

import asyncio
import random
import time

import msgspec

from tests.bench.report import Finding, percentile, say
from tests.unit.stores.fake_host import FakeHost, turns
from xolite_qt.stores import Change, Stores
from xolite_qt.xen_api import VM, Host, HostMetrics, Message, Pool, VMGuestMetrics, VMMetrics

VMS = 10_000
HOSTS = 100
CHANGES_PER_S = 2_000
ANSWER = 100
SECONDS = 5


def build(host: FakeHost) -> None:
    host.put(Pool(ref="OpaqueRef:pool", master="OpaqueRef:host 0"))
    for number in range(HOSTS):
        host.put(
            Host(ref=f"OpaqueRef:host {number}", metrics=f"OpaqueRef:hm {number}"),
            HostMetrics(ref=f"OpaqueRef:hm {number}", live=True),
        )
    for number in range(VMS):
        host.put(
            VM(
                ref=f"OpaqueRef:vm {number}",
                uuid=f"{number}",
                name_label=f"vm {number}",
                power_state="Running",
                resident_on=f"OpaqueRef:host {number % HOSTS}",
                metrics=f"OpaqueRef:m {number}",
                guest_metrics=f"OpaqueRef:g {number}",
            ),
            VMMetrics(ref=f"OpaqueRef:m {number}"),
            VMGuestMetrics(ref=f"OpaqueRef:g {number}"),
        )


def changes_of(host: FakeHost, seed: int) -> list[list[VM | VMMetrics]]:
    """Answers of changed records; a third of them metrics."""
    choice = random.Random(seed)
    answers: list[list[VM | VMMetrics]] = []
    for at in range(CHANGES_PER_S * SECONDS // ANSWER):
        answer: list[VM | VMMetrics] = []
        for number in choice.sample(range(VMS), ANSWER):
            if number % 3:
                vm = host.truth["vm"][f"OpaqueRef:vm {number}"]
                assert isinstance(vm, VM)
                answer.append(msgspec.structs.replace(vm, name_description=f"change {at}"))
            else:
                answer.append(VMMetrics(ref=f"OpaqueRef:m {number}", memory_actual=at + 1))
        answers.append(answer)
    return answers


async def storm() -> list[Finding]:
    host = FakeHost()
    build(host)
    stores = Stores(host.client(), linger_s=0.0)
    told = 0

    def count(change: Change[object]) -> None:
        nonlocal told
        told += len(change.changed)

    start = time.perf_counter()
    stores.vm_rows.subscribe(count)
    stores.vm_tree.subscribe(count)
    await stores.vm_rows.settled()
    await stores.vm_tree.settled()
    load_s = time.perf_counter() - start

    plain: dict[str, VM | VMMetrics] = {}
    answers = changes_of(host, 1)
    start = time.perf_counter()
    for answer in answers:
        for record in answer:
            if plain.get(record.ref) != record:
                plain[record.ref] = record
    plain_s = time.perf_counter() - start

    took: list[float] = []
    told = 0
    for answer in answers:
        host.put(*answer)
        start = time.perf_counter()
        host.events.answer()
        await turns(4)
        took.append(time.perf_counter() - start)
    store_s = sum(took)
    await stores.close()
    return [
        Finding(
            "stores, share of a second spent on a second of storm",
            store_s / SECONDS,
            "ratio",
            0.1,
            f"{told} rows told; an answer of {ANSWER}: median {percentile(took, 0.5) * 1e3:.2f} ms,"
            f" p95 {percentile(took, 0.95) * 1e3:.2f} ms; first load of all {load_s * 1e3:.0f} ms",
        ),
        Finding(
            "stores against a plain dict update",
            store_s / plain_s,
            "ratio",
            None,
            f"{store_s * 1e3:.1f} ms against {plain_s * 1e3:.1f} ms for {len(answers) * ANSWER}"
            " changes (three stores and two joins against one dict)",
        ),
    ]


async def alarms() -> Finding:
    host = FakeHost()
    body = 'value: 0.9\nconfig:\n<variable>\n\t<name value="cpu_usage"/>\n</variable>\n'
    host.put(
        *(
            Message(
                ref=f"OpaqueRef:{n}",
                name="ALARM",
                obj_uuid=str(n % 500),
                body=body,
                timestamp="20260821T12:00:00Z",
            )
            for n in range(10_000)
        )
    )
    stores = Stores(host.client(), linger_s=0.0)
    longest_s = 0.0
    start = time.perf_counter()
    stores.alarm_groups.subscribe()
    while not stores.alarm_groups.is_ready:
        before = time.perf_counter()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.perf_counter() - before)
    whole_s = time.perf_counter() - start
    groups = len(stores.alarm_groups.records)
    await stores.close()
    return Finding(
        "10,000 alarms read and grouped",
        whole_s * 1e3,
        "ms",
        500,
        f"{groups} groups; the loop was held {longest_s * 1e3:.1f} ms at most",
    )


def main() -> None:
    for finding in asyncio.run(storm()):
        say(finding.line())
    say(asyncio.run(alarms()).line())


if __name__ == "__main__":
    main()
