"""What S3 storages survive: each failure eight times in a row, on each operation."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.backup.storage.s3_places import QUICK, new_bucket, plain_client, storage_at
from tests.fault_proxy import Fault, FaultProxy, Kind
from xolite_qt.backup.errors import (
    AccessDenied,
    AlreadyExists,
    Changed,
    Locked,
    NotFound,
    StorageError,
    Unreachable,
)
from xolite_qt.backup.storage import s3_copy, s3_upload
from xolite_qt.backup.storage.retry import RetryPolicy
from xolite_qt.backup.storage.s3 import S3Storage

MIB = 1024 * 1024
TIMES = 8
KINDS_OF_CUTS: tuple[Kind, ...] = ("reset", "truncate")
BIG = os.urandom(6 * MIB)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest parts that S3 allows, so that little has to be sent."""
    monkeypatch.setattr(s3_upload, "LEAST_PART_BYTES", 5 * MIB)


def put(storage: S3Storage) -> None:
    storage.write("put", b"content")
    assert storage.read("put") == b"content"


def put_if_absent(storage: S3Storage) -> None:
    storage.write("put", b"content", if_absent=True)
    assert storage.read("put") == b"content"


def get(storage: S3Storage) -> None:
    assert storage.read("there") == b"some bytes that are there"


def stat(storage: S3Storage) -> None:
    about = storage.stat("there")
    assert about is not None
    assert about.size_bytes == 25


def list_(storage: S3Storage) -> None:
    assert [entry.name for entry in storage.list("")] == ["other", "there"]


def delete(storage: S3Storage) -> None:
    storage.delete("there")
    assert storage.stat("there") is None


def delete_many(storage: S3Storage) -> None:
    storage.delete_many(["there", "other"])
    assert storage.list("") == []


def copy(storage: S3Storage) -> None:
    storage.copy("there", "copied")
    assert storage.read("copied") == b"some bytes that are there"


def stream(storage: S3Storage) -> None:
    with storage.open_write("big") as writer:
        writer.write(BIG)
    assert storage.read("big") == BIG


# What is done, and which of its requests fails: method and path.
OPERATIONS: dict[str, tuple[Callable[[S3Storage], None], str, str]] = {
    "put": (put, "PUT", "/put$"),
    "put if absent": (put_if_absent, "PUT", "/put$"),
    "get": (get, "GET", "/there"),
    "stat": (stat, "HEAD", "/there"),
    "list": (list_, "GET", "list-type"),
    "delete": (delete, "DELETE", "/there"),
    "delete many": (delete_many, "POST", r"\?delete"),
    "copy": (copy, "PUT", "/copied"),
    "create upload": (stream, "POST", r"\?uploads"),
    "part": (stream, "PUT", "partNumber=1"),
    "complete": (stream, "POST", "uploadId="),
}
ANSWERS = [
    (400, "InvalidRequest"),
    (400, "RequestTimeout"),
    (401, "Unauthorized"),
    (403, "AccessDenied"),
    (404, "NoSuchKey"),
    (405, "MethodNotAllowed"),
    (409, "OperationAborted"),
    (500, "InternalError"),
    (501, "NotImplemented"),
    (502, "BadGateway"),
    (503, "SlowDown"),
    (429, "TooManyRequests"),
]


def fill(storage: S3Storage) -> None:
    storage.delete_tree("")
    storage.write("there", b"some bytes that are there")
    storage.write("other", b"x")


@contextmanager
def filled(proxy: FaultProxy, bucket: str, policy: RetryPolicy = QUICK) -> Iterator[S3Storage]:
    """A storage behind the proxy with two files in it, already asked what it can do."""
    storage = storage_at(proxy.url, bucket, policy=policy)
    try:
        fill(storage)
        assert storage.abilities.conditional_writes
        yield storage
    finally:
        storage.close()


def survives(proxy: FaultProxy, storage: S3Storage, operation: str, fault: Fault) -> None:
    work, fault.method, fault.path = OPERATIONS[operation]
    fill(storage)
    with proxy.failing(fault):
        work(storage)
    assert fault.seen == fault.times, operation


@pytest.mark.parametrize(("status", "code"), ANSWERS, ids=lambda value: str(value))
def test_any_answer_is_survived(proxy: FaultProxy, bucket: str, status: int, code: str) -> None:
    with filled(proxy, bucket) as storage:
        for operation in OPERATIONS:
            # To a read, NoSuchKey is a definite answer; any other 404 is not.
            said = "NotFound" if (operation, code) == ("get", "NoSuchKey") else code
            fault = Fault("status", times=TIMES, status=status, code=said)
            survives(proxy, storage, operation, fault)


def test_a_cut_connection_is_survived(proxy: FaultProxy, bucket: str) -> None:
    with filled(proxy, bucket) as storage:
        for operation in OPERATIONS:
            survives(proxy, storage, operation, Fault("reset", times=TIMES))


def test_a_reply_that_is_cut_is_survived(proxy: FaultProxy, bucket: str) -> None:
    with filled(proxy, bucket) as storage:
        for operation, (work, method, path) in OPERATIONS.items():
            for kind in KINDS_OF_CUTS:
                # What was deleted or completed cannot be so again.
                times = 1 if operation in ("delete many", "complete") else TIMES
                times = 2 if operation in ("create upload", "part") else times
                fill(storage)
                fault = Fault(kind, method, path, times=times, after=True, keep_bytes=10)
                with proxy.failing(fault):
                    work(storage)
                assert fault.seen


@pytest.mark.parametrize("operation", ["put", "put if absent", "part", "copy", "complete"])
def test_a_wrong_etag_is_survived(proxy: FaultProxy, bucket: str, operation: str) -> None:
    # A conditional write that was stored is found by looking, and is not written again.
    times = TIMES if operation in ("put", "part") else 1
    with filled(proxy, bucket) as storage:
        survives(proxy, storage, operation, Fault("wrong_etag", times=times))


@pytest.mark.parametrize("operation", ["put", "get", "list", "part", "complete"])
def test_a_silent_connection_is_survived(proxy: FaultProxy, bucket: str, operation: str) -> None:
    policy = dataclasses.replace(QUICK, idle_timeout_s=0.1)
    work, method, path = OPERATIONS[operation]
    with filled(proxy, bucket, policy) as storage:
        fault = Fault("hang", method, path, times=TIMES)
        with proxy.failing(fault):
            work(storage)
        assert fault.seen == TIMES


@pytest.mark.parametrize("after", ["status", "reset"])
def test_a_lost_reply_to_a_conditional_write_counts(
    proxy: FaultProxy, bucket: str, after: str
) -> None:
    with filled(proxy, bucket) as storage:
        kind: dict[str, Fault] = {
            "status": Fault("status", "PUT", "/lock", status=503, after=True),
            "reset": Fault("reset", "PUT", "/lock", after=True),
        }
        with proxy.failing(kind[after]):
            tag = storage.write("lock", b"mine", if_absent=True)
        with pytest.raises(AlreadyExists):
            storage.write("lock", b"other", if_absent=True)
        kind = {
            "status": Fault("status", "PUT", "/lock", status=503, after=True),
            "reset": Fault("reset", "PUT", "/lock", after=True),
        }
        with proxy.failing(kind[after]):
            storage.write("lock", b"mine too", if_tag=tag)
        with pytest.raises(Changed):
            storage.write("lock", b"other", if_tag=tag)
        assert storage.read("lock") == b"mine too"


def test_a_lost_reply_does_not_hide_anothers_file(proxy: FaultProxy, bucket: str) -> None:
    with filled(proxy, bucket) as storage:
        storage.write("lock", b"theirs")
        fault = Fault("status", "PUT", "/lock", status=503, after=True)
        with proxy.failing(fault), pytest.raises(AlreadyExists):
            storage.write("lock", b"mine", if_absent=True)
        assert storage.read("lock") == b"theirs"


@pytest.mark.parametrize("kind", ["status", "reset"])
def test_a_lost_reply_to_the_end_of_an_upload_counts(
    proxy: FaultProxy, bucket: str, kind: str
) -> None:
    work, method, path = OPERATIONS["complete"]
    fault = Fault("reset", method, path, after=True)
    if kind == "status":
        fault = Fault("status", method, path, status=500, after=True)
    with filled(proxy, bucket) as storage, proxy.failing(fault):
        work(storage)


def test_a_cut_body_goes_on_where_it_broke(proxy: FaultProxy, bucket: str) -> None:
    with filled(proxy, bucket) as storage:
        storage.write("big", BIG)
        before = len(proxy.requests)
        with proxy.failing(Fault("truncate", "GET", "/big", times=TIMES, keep_bytes=600_000)):
            assert storage.read("big") == BIG
        assert len(proxy.requests) - before == TIMES + 1
        with (
            proxy.failing(Fault("truncate", "GET", "/big", times=3, keep_bytes=MIB)),
            storage.open_read("big") as reader,
        ):
            assert b"".join(iter(lambda: reader.read(700_000), b"")) == BIG
        with proxy.failing(Fault("truncate", "GET", "/big", times=3, keep_bytes=300_000)):
            assert storage.read_range("big", 5, MIB) == BIG[5 : MIB + 5]


def test_a_file_that_changes_while_it_is_read_is_read_anew(
    proxy: FaultProxy, bucket: str, moto_url: str
) -> None:
    with filled(proxy, bucket) as storage:
        storage.write("big", BIG)
        with storage.open_read("big") as reader:
            assert reader.read(MIB) == BIG[:MIB]
            plain_client(moto_url).put_object(
                Bucket=bucket, Key="some/where/big", Body=bytes(len(BIG))
            )
            reader._body.close()  # type: ignore[union-attr]
            with pytest.raises(Changed):
                reader.read()
        assert storage.read("big") == bytes(len(BIG))


def test_a_refused_login_is_said_once_and_asked_no_more(proxy: FaultProxy, bucket: str) -> None:
    with filled(proxy, bucket) as storage:
        fault = Fault("status", "PUT", times=12, status=403, code="InvalidAccessKeyId")
        with proxy.failing(fault):
            with pytest.raises(AccessDenied, match="does not know this access key") as caught:
                storage.write("a", b"x")
            assert fault.seen == 9
            before = len(proxy.requests)
            with pytest.raises(AccessDenied) as again:
                storage.write("b", b"x")
            with pytest.raises(AccessDenied):
                storage.list("")
            assert str(again.value) == str(caught.value)
            assert len(proxy.requests) == before
        assert "SECRET" not in str(caught.value)


def test_a_bucket_that_vanished_is_no_empty_one(proxy: FaultProxy, moto_url: str) -> None:
    with new_bucket(moto_url) as bucket:
        storage = storage_at(proxy.url, bucket)
        storage.write("a", b"x")
        storage.delete("a")
        plain_client(moto_url).delete_bucket(Bucket=bucket)
    for ask in (lambda: storage.read("a"), lambda: storage.stat("a"), lambda: storage.list("")):
        with pytest.raises(Unreachable, match=f"bucket {bucket} does not exist") as caught:
            ask()
        assert not isinstance(caught.value, NotFound)
    storage.close()


def test_a_storage_that_is_gone_says_so_within_the_budget(bucket: str, moto_url: str) -> None:
    with FaultProxy(moto_url) as gone:
        pass
    storage = storage_at(gone.url, bucket, policy=dataclasses.replace(QUICK, budget_s=0.5))
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"a/b: write did not work in \d+ tries"):
        storage.write("a/b", b"x")
    assert time.monotonic() - began < 3
    storage.close()


def test_retry_after_is_heard(proxy: FaultProxy, bucket: str) -> None:
    slept: list[float] = []
    storage = storage_at(proxy.url, bucket, policy=dataclasses.replace(QUICK, sleep=slept.append))
    with proxy.failing(Fault("status", times=2, status=503, code="SlowDown", retry_after="7")):
        storage.write("a", b"x")
    assert len(slept) == 2
    assert min(slept) >= 7
    storage.close()


def test_a_service_without_conditional_writes_is_found_out(proxy: FaultProxy, bucket: str) -> None:
    storage = storage_at(proxy.url, bucket)
    fault = Fault("status", "PUT", "xolite-probe", times=99, status=501, code="NotImplemented")
    with proxy.failing(fault):
        assert not storage.abilities.conditional_writes
    assert fault.seen == 3
    tag = storage.write("a", b"one", if_absent=True)
    with pytest.raises(AlreadyExists):
        storage.write("a", b"two", if_absent=True)
    with proxy.failing(Fault("reset", "PUT", "/a$", after=True)):
        storage.write("a", b"two", if_tag=tag)
    with pytest.raises(Changed):
        storage.write("a", b"three", if_tag=tag)
    storage.close()


def test_a_locked_file_is_no_refused_login(proxy: FaultProxy, moto_url: str) -> None:
    with new_bucket(moto_url, locks=True) as bucket:
        storage = storage_at(proxy.url, bucket)
        assert storage.abilities.versioned_or_locked
        storage.write("a", b"x")
        plain_client(moto_url).put_object_retention(
            Bucket=bucket,
            Key="some/where/a",
            Retention={
                "Mode": "GOVERNANCE",
                "RetainUntilDate": datetime.now(UTC) + timedelta(days=1),
            },
        )
        fault = Fault("status", "DELETE", "/a$", times=99, status=403, code="AccessDenied")
        with proxy.failing(fault), pytest.raises(Locked, match="locked until"):
            storage.delete("a")
        assert fault.seen == 1
        assert storage.read("a") == b"x"
        storage.close()


def test_pages_that_the_service_does_not_know_are_removed_singly(
    proxy: FaultProxy, bucket: str
) -> None:
    with filled(proxy, bucket) as storage:
        fault = Fault("status", "POST", r"\?delete", times=99, status=501, code="NotImplemented")
        with proxy.failing(fault):
            storage.delete_many(["there", "other"])
        assert list(storage.walk("")) == []


def test_a_large_file_is_copied_in_parts(
    proxy: FaultProxy, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_copy, "MOST_COPY_BYTES", MIB)
    monkeypatch.setattr(s3_copy, "PART_BYTES", 5 * MIB)
    with filled(proxy, bucket) as storage:
        storage.write("big", BIG)
        too_large = Fault("status", "PUT", "/copied$", status=400, code="InvalidRequest")
        lost = Fault("status", "PUT", "/copied.*partNumber=2", times=TIMES)
        with proxy.failing(too_large, lost):
            storage.rename("big", "copied")
        assert storage.read("copied") == BIG
        assert storage.stat("big") is None


def test_an_upload_that_failed_leaves_no_parts(
    proxy: FaultProxy, bucket: str, moto_url: str
) -> None:
    policy = dataclasses.replace(QUICK, budget_s=0.3)
    storage = storage_at(proxy.url, bucket, policy=policy)

    def upload() -> None:
        with storage.open_write("big") as writer:
            writer.write(BIG)

    with (
        proxy.failing(Fault("status", "PUT", "partNumber", times=10**6)),
        pytest.raises(StorageError, match="big: write of part"),
    ):
        upload()
    assert storage.stat("big") is None
    assert "Uploads" not in plain_client(moto_url).list_multipart_uploads(Bucket=bucket)
    storage.close()
