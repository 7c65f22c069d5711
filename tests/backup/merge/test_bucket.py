"""Merging in a bucket, where a rename is a copy and a removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.backup.merge.backups import Chains, assert_clean, four, settle
from tests.backup.storage.s3_places import moto_service, new_bucket, storage_at
from tests.fault_proxy import FaultProxy
from xolite_qt.backup.disks import Kind
from xolite_qt.backup.merge import merge_chain
from xolite_qt.backup.repository import Repository, forget_locked


@pytest.fixture
def place() -> Iterator[tuple[Chains, FaultProxy]]:
    """Four backups in a bucket, the two oldest forgotten, and the proxy that sees requests."""
    with moto_service() as url, new_bucket(url) as bucket, FaultProxy(url) as proxy:
        storage = storage_at(proxy.url, bucket)
        try:
            chains = four(Repository.create(storage), Kind.DIRECTORY)
            forget_locked(chains.repository, chains.vm, chains.ids[:2])
            yield chains, proxy
        finally:
            storage.close()


def test_blocks_are_removed_with_one_request(place: tuple[Chains, FaultProxy]) -> None:
    chains, proxy = place
    before = len(proxy.requests)
    merge_chain(chains.repository.storage, chains.paths[:3])
    asked = proxy.requests[before:]
    blocks = [(method, path) for method, path in asked if "/blocks/" in path]
    copies = [path for method, path in blocks if method == "PUT"]
    assert sorted(int(PurePosixPath(path).name) for path in copies) == [1, 2, 5, 6, 11]
    assert not [path for method, path in blocks if method == "DELETE"]
    settle(chains.repository)
    chains.assert_reads(2)
    chains.assert_reads(3)
    assert_clean(chains.repository)
