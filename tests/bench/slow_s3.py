"""A bucket at the end of a long line, as a process: moto, and a proxy that waits."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from typing import IO, cast
from urllib.parse import urlsplit

import boto3

from tests.fault_proxy import Fault, FaultProxy


def serve_moto() -> None:
    """Serves until it is ended; says its URL first."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    signal.pause()


def main() -> None:
    """Says `s3+http://KEY:SECRET@HOST`; it has a bucket called "bucket"."""
    if sys.argv[1:] == ["moto"]:
        serve_moto()
        return
    latency_s = float(sys.argv[1])
    moto = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.slow_s3", "moto"], stdout=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        url = cast("IO[str]", moto.stdout).readline().strip()
        client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id="KEY",
            aws_secret_access_key="SECRET",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="bucket")
        slow = Fault("slow", times=sys.maxsize, latency_s=latency_s)
        with FaultProxy(url) as proxy, proxy.failing(slow):
            sys.stdout.write(f"s3+http://KEY:SECRET@{urlsplit(proxy.url).netloc}\n")
            sys.stdout.flush()
            signal.pause()
    finally:
        moto.terminate()
        moto.wait()


if __name__ == "__main__":
    main()
