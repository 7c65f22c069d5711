"""Servers with a disk behind them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from tests.unit.nbd.servers import MIB, Certificates, make_certificates, nbdkit

SIZE_BYTES = 21 * MIB + 5 * 512


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """An image that ends in the middle of a block, and its bytes."""
    data = bytearray(random.Random(3).randbytes(SIZE_BYTES))
    data[4 * MIB : 8 * MIB] = bytes(4 * MIB)
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    path.write_bytes(data)
    return path, bytes(data)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Of a server named host.test."""
    needs("certtool")
    return make_certificates(tmp_path_factory.mktemp("tls") / "right")


@pytest.fixture
def server(disk: tuple[Path, bytes], tmp_path: Path) -> Iterator[str]:
    """nbdkit with the disk, without TLS."""
    needs("nbdkit")
    # With threads, nbdkit 1.32 dies of clients that hang up while it writes.
    with nbdkit(tmp_path, "--threads=1", "file", str(disk[0])) as path:
        yield path
