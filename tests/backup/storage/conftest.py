"""One S3 service for all tests of storages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backup.storage.s3_places import moto_service, new_bucket
from tests.fault_proxy import FaultProxy


@pytest.fixture(scope="session", autouse=True)
def moto_url() -> Iterator[str]:
    """A moto server."""
    with moto_service() as url:
        yield url


@pytest.fixture
def bucket(moto_url: str) -> Iterator[str]:
    """A new bucket in it."""
    with new_bucket(moto_url) as name:
        yield name


@pytest.fixture
def proxy(moto_url: str) -> Iterator[FaultProxy]:
    """A proxy in front of it."""
    with FaultProxy(moto_url) as proxy:
        yield proxy
