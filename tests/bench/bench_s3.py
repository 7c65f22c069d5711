"""Blocks of 2 MiB onto S3: ours against rclone, onto the same service, turn by turn.

`RGW_URL` names a real gateway (`RGW_ACCESS_KEY`, `RGW_SECRET_KEY`); moto in a process of its own
stands in where there is none.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3

from tests.bench.report import Finding, median, say
from xolite_qt.backup.storage.retry import RetryPolicy
from xolite_qt.backup.storage.s3 import S3Storage

MIB = 1024 * 1024
BLOCK_BYTES = 2 * MIB
BLOCKS = int(os.environ.get("BENCH_S3_BLOCKS", "200"))
ROUNDS = int(os.environ.get("BENCH_S3_ROUNDS", "5"))
THREADS = 8
ACCESS_KEY = os.environ.get("RGW_ACCESS_KEY", "XOLITETESTKEY")
SECRET_KEY = os.environ.get("RGW_SECRET_KEY", "XOLITETESTSECRET")


@contextmanager
def service() -> Iterator[tuple[str, str]]:
    """The URL of an S3 service, and what it is."""
    url = os.environ.get("RGW_URL", "")
    if url:
        yield url, "a gateway"
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", "moto"
    finally:
        process.terminate()
        process.wait()


def ours(url: str, bucket: str, folder: Path, prefix: str) -> None:
    """Every file of the folder, read and written from as many threads as rclone has."""
    storage = S3Storage(
        endpoint_url=url,
        bucket=bucket,
        prefix=prefix,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region="",
        verify=True,
        policy=RetryPolicy(),
    )
    with ThreadPoolExecutor(THREADS) as pool:
        files = sorted(folder.iterdir())
        list(pool.map(lambda file: storage.write(file.name, file.read_bytes()), files))
    storage.close()


def rclone(url: str, bucket: str, folder: Path, prefix: str, *more: str) -> None:
    """The same files by rclone, without its looks at what is there already."""
    # The machine's own settings for Amazon's tools are not rclone's.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = plain | {
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_S3_PROVIDER": "Other",
        "RCLONE_S3_ENDPOINT": url,
        "RCLONE_S3_ACCESS_KEY_ID": ACCESS_KEY,
        "RCLONE_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        "RCLONE_S3_NO_CHECK_BUCKET": "true",
    }
    command = ["rclone", "copy", "--no-traverse", "--transfers", str(THREADS)]
    command += ["--checkers", str(THREADS), str(folder), f":s3:{bucket}/{prefix}", *more]
    subprocess.run(command, env=environment, check=True)


def rclone_without_looking(url: str, bucket: str, folder: Path, prefix: str) -> None:
    """The same, and it does not ask either whether what it wrote is there, as we do not."""
    rclone(url, bucket, folder, prefix, "--s3-no-head")


def timed(way: Callable[[str, str, Path, str], None], *arguments: object) -> float:
    began = time.monotonic()
    way(*arguments)  # type: ignore[arg-type]
    return time.monotonic() - began


def main() -> None:
    if shutil.which("rclone") is None:
        raise SystemExit("rclone is not installed")
    with tempfile.TemporaryDirectory(prefix="xolite-bench-") as place, service() as (url, what):
        folder = Path(place)
        for number in range(BLOCKS):
            (folder / f"{number:04}").write_bytes(os.urandom(BLOCK_BYTES))
        client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
        )
        bucket = f"bench-{uuid.uuid4()}"
        client.create_bucket(Bucket=bucket)
        ways = {"ours": ours, "rclone": rclone, "rclone --s3-no-head": rclone_without_looking}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(ROUNDS + 1):
            for name, way in ways.items():
                seconds = timed(way, url, bucket, folder, name.split()[0])
                # The first turn warms the service and the page cache.
                if turn:
                    taken[name].append(seconds)
                page = client.list_objects_v2(Bucket=bucket)["Contents"]
                if len(page) != BLOCKS:
                    raise SystemExit(f"{name} wrote {len(page)} blocks of {BLOCKS}")
                keys = [{"Key": thing["Key"]} for thing in page]
                client.delete_objects(Bucket=bucket, Delete={"Objects": keys})
        client.delete_bucket(Bucket=bucket)
    size_mib = BLOCKS * BLOCK_BYTES / MIB
    pace = {name: size_mib / median(seconds) for name, seconds in taken.items()}
    for name, least in (("rclone", 1.2), ("rclone --s3-no-head", None)):
        detail = f"{pace['ours']:.0f} MiB/s against {pace[name]:.0f} MiB/s onto {what}"
        title = f"writes of 2 MiB blocks onto S3, {THREADS} at once / {name}"
        say(Finding(title, pace["ours"] / pace[name], "ratio", None, detail, least).line())


if __name__ == "__main__":
    main()
