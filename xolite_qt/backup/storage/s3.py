"""A bucket as a storage, spoken to so that it survives what S3 services do at their worst."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from xolite_qt.backup.errors import Changed, NotFound, StorageError

from . import s3_abilities
from .base import Abilities, Entry, Stat, UpdateFile
from .parallel import for_each
from .retry import RetryPolicy
from .s3_bucket import PARALLEL, Bucket
from .s3_copy import copy_object
from .s3_delete import delete_many, delete_one
from .s3_read import ObjectReader
from .s3_upload import ObjectWriter, put_object
from .s3_write import ConditionalPut

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestTypeDef,
    )

_READS_ANEW = 3
# As many as one request removes.
_RENAMED_AT_ONCE = 1000


class S3Storage:
    """Objects below a prefix; see `Storage` for what each method does.

    Where a service has no conditional writes, `if_absent` and `if_tag` are looked at before the
    write and not with it: two machines at the very same moment may both succeed.
    """

    def __init__(
        self,
        *,
        endpoint_url: str | None,
        bucket: str,
        prefix: str,
        access_key: str,
        secret_key: str,
        region: str,
        verify: bool,
        policy: RetryPolicy,
    ) -> None:
        """Nothing is asked of the service yet.

        Args:
            endpoint_url: the service; Amazon's own for None.
            bucket: its name.
            prefix: the folder inside; may be empty.
            access_key: the login; nobody's for an empty one.
            secret_key: its secret.
            region: may be empty.
            verify: whether the certificate is looked at.
            policy: how long an operation is tried again.
        """
        self._bucket = Bucket(
            endpoint_url=endpoint_url,
            bucket=bucket,
            prefix=prefix,
            access_key=access_key,
            secret_key=secret_key,
            region=region,
            verify=verify,
            policy=policy,
        )
        self.name = self._bucket.shown
        self._asking = threading.Lock()
        self._abilities: Abilities | None = None

    @property
    def abilities(self) -> Abilities:
        """What the service can do; asked the first time.

        Raises:
            StorageError: it does not answer.
        """
        with self._asking:
            if self._abilities is None:
                self._abilities = s3_abilities.ask(self._bucket)
            return self._abilities

    # Reading

    def read(self, path: str) -> bytes:
        for _ in range(_READS_ANEW):
            try:
                return self._read(path, 0, None)
            except Changed:
                continue
        return self._read(path, 0, None)

    def read_range(self, path: str, offset_bytes: int, size_bytes: int) -> bytes:
        if size_bytes <= 0:
            if self.stat(path) is None:
                raise NotFound(path)
            return b""
        return self._read(path, offset_bytes, size_bytes)

    def _read(self, path: str, offset_bytes: int, size_bytes: int | None) -> bytes:
        reader = ObjectReader(self._bucket, path, offset_bytes=offset_bytes, size_bytes=size_bytes)
        try:
            reader.open()
            return reader.read()
        finally:
            reader.close()

    @contextmanager
    def open_read(self, path: str) -> Iterator[ObjectReader]:
        reader = ObjectReader(self._bucket, path)
        try:
            reader.open()
            yield reader
        finally:
            reader.close()

    def stat(self, path: str) -> Stat | None:
        key = self._bucket.key(path)
        head = self._bucket.run("stat", path, lambda: self._bucket.head(key))
        if head is None:
            return None
        return Stat(head["ContentLength"], head["LastModified"].timestamp(), head["ETag"])

    # Writing

    def write(
        self, path: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None
    ) -> str:
        if not if_absent and if_tag is None:
            return put_object(self._bucket, path, data)
        if if_absent and if_tag is not None:
            raise Changed(path)
        atomic = self.abilities.conditional_writes
        return ConditionalPut(self._bucket, path, data, if_tag=if_tag, atomic=atomic).run()

    def open_write(self, path: str, *, size_hint_bytes: int | None = None) -> ObjectWriter:
        return ObjectWriter(self._bucket, path, size_hint_bytes)

    def open_update(self, path: str, *, create: bool = False) -> AbstractContextManager[UpdateFile]:
        raise StorageError(path, "cannot be changed in place in a bucket")

    # Folders

    def list(self, path: str) -> list[Entry]:
        under = self._bucket.folder_key(path)
        found: dict[str, Entry] = {}
        for page in self._pages(path, under, delimiter="/"):
            for thing in page.get("Contents", []):
                name = thing["Key"][len(under) :]
                if name and not name.endswith("/"):
                    modified_s = thing["LastModified"].timestamp()
                    found[name] = Entry(name, False, thing["Size"], modified_s)
            for folder in page.get("CommonPrefixes", []):
                name = folder["Prefix"][len(under) :].rstrip("/")
                if name:
                    found[name] = Entry(name, True)
        return [found[name] for name in sorted(found)]

    def walk(self, path: str) -> Iterator[tuple[str, int]]:
        for page in self._pages(path, self._bucket.folder_key(path)):
            for thing in page.get("Contents", []):
                # A key that ends so is a folder that some browser made, and no file.
                if not thing["Key"].endswith("/"):
                    yield self._bucket.path(thing["Key"]), thing["Size"]

    def _pages(
        self, path: str, under: str, *, delimiter: str = ""
    ) -> Iterator[ListObjectsV2OutputTypeDef]:
        request: ListObjectsV2RequestTypeDef = {"Bucket": self._bucket.name, "Prefix": under}
        if delimiter:
            request["Delimiter"] = delimiter
        while True:
            page = self._bucket.run(
                "list", path, lambda: self._bucket.client.list_objects_v2(**request)
            )
            yield page
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token:
                return
            request["ContinuationToken"] = token

    # Copying and moving

    def copy(self, source: str, target: str) -> None:
        copy_object(self._bucket, source, target)

    def rename(self, source: str, target: str) -> None:
        copy_object(self._bucket, source, target)
        if self._bucket.key(source) != self._bucket.key(target):
            delete_one(self._bucket, source)

    def rename_many(
        self, pairs: Iterable[tuple[str, str]], *, stop: threading.Event | None = None
    ) -> None:
        """Copies a thousand, then removes their sources with one request."""
        left = iter(pairs)
        while page := list(itertools.islice(left, _RENAMED_AT_ONCE)):
            copied: list[str] = []

            def copy(pair: tuple[str, str], copied: list[str] = copied) -> None:
                source, target = pair
                try:
                    copy_object(self._bucket, source, target)
                except NotFound:
                    # An earlier run that was broken off has moved it already.
                    if self.stat(target) is None:
                        raise
                else:
                    if self._bucket.key(source) != self._bucket.key(target):
                        copied.append(source)

            try:
                for_each(page, copy, workers=PARALLEL, stop=stop)
            finally:
                # Also after an error: what is copied is moved, and nothing is there twice.
                delete_many(self._bucket, copied)

    def link(self, source: str, target: str) -> None:
        raise StorageError(target, "cannot share its content with another in a bucket")

    # Removing

    def delete(self, path: str) -> None:
        delete_one(self._bucket, path)

    def delete_many(self, paths: Iterable[str]) -> None:
        delete_many(self._bucket, paths)

    def delete_tree(self, path: str) -> None:
        delete_many(self._bucket, (name for name, _ in self.walk(path)))

    def close(self) -> None:
        self._bucket.close()
