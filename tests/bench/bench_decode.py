"""10,000 VM records from bytes to typed records, against node's JSON.parse of the same bytes."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from tests.bench.report import Finding, median, say
from xolite_qt.demo_host import start_demo_host
from xolite_qt.xen_api import decode_records

ROUNDS = 6
PARSES = 3
NODE = """
const fs = require('fs');
const text = fs.readFileSync(process.argv[1], 'utf8');
const times = [];
for (let i = 0; i < %d; i++) {
  const start = process.hrtime.bigint();
  const answer = JSON.parse(text);
  times.push(Number(process.hrtime.bigint() - start) / 1e6);
  if (Object.keys(answer.result).length !== 10000) throw new Error('short');
}
console.log(JSON.stringify(times));
"""


async def answer_of_10_000() -> bytes:
    """The bytes of a VM.get_all_records answer with 10,000 records."""
    async with start_demo_host(generate=(1, 10_000), seed=1, plain_http=True) as running:
        db = running.host.db
        records = {ref: db.get("VM", ref) for ref in db.refs("VM")}
    kept = dict(list(records.items())[-10_000:])
    return msgspec.json.encode({"jsonrpc": "2.0", "result": kept, "id": 1})


def rounds_of_node(node: str, file: str) -> list[float]:
    """Milliseconds of each JSON.parse in a fresh node."""
    output = subprocess.run(
        [node, "-e", NODE % PARSES, file], capture_output=True, check=True
    ).stdout
    times: list[float] = json.loads(output)
    return times


def rounds_of_ours(body: bytes) -> list[float]:
    """Milliseconds of each decoding into typed records."""
    times: list[float] = []
    for _ in range(PARSES):
        gc.collect()
        start = time.perf_counter()
        records = decode_records("vm", body)
        times.append((time.perf_counter() - start) * 1000)
        assert len(records) == 10_000
        del records
    return times


def main() -> None:
    import asyncio

    body = asyncio.run(answer_of_10_000())
    say(f"body: {len(body) / 2**20:.1f} MiB, {len(body) / 10_000:.0f} bytes a record")
    node = shutil.which("node")
    if node is None:
        say(f"node is missing: decoded in {median(rounds_of_ours(body)):.0f} ms")
        return
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        Path(file.name).write_bytes(body)
        # In turns: the machine is faster at one moment than at another.
        for _ in range(ROUNDS):
            theirs += rounds_of_node(node, file.name)
            ours += rounds_of_ours(body)
    start = time.perf_counter()
    json.loads(body)
    plain = (time.perf_counter() - start) * 1000
    say(
        Finding(
            "decode 10,000 VMs / node JSON.parse",
            median(ours) / median(theirs),
            "ratio",
            0.5,
            f"{median(ours):.0f} ms typed records ({min(ours):.0f} to {max(ours):.0f}), node "
            f"{median(theirs):.0f} ms ({min(theirs):.0f} to {max(theirs):.0f}), json.loads "
            f"{plain:.0f} ms; {ROUNDS} turns of {PARSES}",
        ).line()
    )


if __name__ == "__main__":
    main()
