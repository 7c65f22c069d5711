"""S3 services for tests: moto in this process and, where one runs, a real Ceph gateway."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3

from xolite_qt.backup.storage.retry import RetryPolicy
from xolite_qt.backup.storage.s3 import S3Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCESS_KEY = "XOLITETESTKEY"
SECRET_KEY = "XOLITETESTSECRET"
RGW_URL = os.environ.get("RGW_URL", "")

# Tries follow each other at once; the budget is of real seconds, more than any test takes.
QUICK = RetryPolicy(budget_s=60.0, idle_timeout_s=10.0, sleep=lambda _: None)


def storage_at(
    url: str,
    bucket: str,
    prefix: str = "some/where",
    policy: RetryPolicy = QUICK,
    secret_key: str = SECRET_KEY,
) -> S3Storage:
    """A storage in a bucket that is there."""
    return S3Storage(
        endpoint_url=url,
        bucket=bucket,
        prefix=prefix,
        access_key=ACCESS_KEY,
        secret_key=secret_key,
        region="",
        verify=True,
        policy=policy,
    )


@functools.cache
def plain_client(url: str) -> S3Client:
    """A client that shares nothing with the code under test."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )
    return client


@contextmanager
def new_bucket(url: str, *, locks: bool = False) -> Iterator[str]:
    """A bucket that is emptied and removed afterwards."""
    client = plain_client(url)
    name = f"test-{uuid.uuid4()}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locks)
    try:
        yield name
    finally:
        with contextlib.suppress(client.exceptions.NoSuchBucket):
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
                for thing in page.get("Contents", []):
                    client.delete_object(Bucket=name, Key=thing["Key"])
            if not locks:
                client.delete_bucket(Bucket=name)


@contextmanager
def moto_service() -> Iterator[str]:
    """The URL of a moto server in this process."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Short pages, so that a few hundred objects fill several.
    os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "100"
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
