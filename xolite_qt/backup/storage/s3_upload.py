"""Writing an object of any length: parts go up in threads and are kept until they are there."""

from __future__ import annotations

import math
import uuid
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from xolite_qt.backup.errors import StorageError

from .s3_bucket import NONCE, Bucket, base64_of, md5_of
from .s3_multipart import MultipartUpload

MIB = 1024 * 1024
LEAST_PART_BYTES = 8 * MIB
MOST_PART_BYTES = 5 * 1024 * MIB
MOST_PARTS = 10_000
# With a hint, a tenth of the parts stays in reserve for what goes beyond it.
_HINTED_PARTS = 9000
# From 8 MiB on, 10 000 parts that each are so much larger than the last hold more than 5 TiB.
_GROWTH = 1.00061
_IN_FLIGHT = 4
_IN_FLIGHT_BYTES = 256 * MIB


def part_size_bytes(number: int, size_hint_bytes: int | None) -> int:
    """How large a part should be so that the whole fits into 10 000 of them.

    Args:
        number: of the part, from 1.
        size_hint_bytes: the most that the whole may be, where known.
    """
    growing = min(int(LEAST_PART_BYTES * _GROWTH**number) // MIB * MIB, MOST_PART_BYTES)
    if size_hint_bytes is None:
        return max(growing, LEAST_PART_BYTES)
    if number > _HINTED_PARTS:
        return MOST_PART_BYTES
    even = math.ceil(size_hint_bytes / _HINTED_PARTS)
    return min(max(even, LEAST_PART_BYTES), MOST_PART_BYTES)


class ObjectWriter:
    """A context manager: a new object, visible once its block has ended well.

    What fits into one part is put as a whole.
    """

    def __init__(self, bucket: Bucket, path: str, size_hint_bytes: int | None) -> None:
        """Args:
        bucket: where.
        path: the file.
        size_hint_bytes: the most that it may be, where known.
        """
        self._bucket, self._path, self._hint = bucket, path, size_hint_bytes
        self._key = bucket.key(path)
        self._pieces: list[bytes] = []
        self._held = 0
        self._upload: MultipartUpload | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._flying: dict[Future[str], int] = {}
        self._number = 1
        self._room = part_size_bytes(1, size_hint_bytes)
        self._failed: StorageError | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As `StreamWriter.write`.

        Raises:
            StorageError: a part could not be written; nothing more is taken.
        """
        if self._failed is not None:
            raise self._failed
        view = memoryview(data).cast("B")
        while view:
            if self._held >= self._room:
                self._send()
            piece = bytes(view[: self._room - self._held])
            self._pieces.append(piece)
            self._held += len(piece)
            view = view[len(piece) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = False
        try:
            if kind is None:
                self._finish()
                done = True
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
            if not done and self._upload is not None:
                self._upload.abort()

    def _take(self) -> bytes:
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._held = [], 0
        return body

    def _send(self) -> None:
        if self._upload is None or self._pool is None:
            self._upload = MultipartUpload(self._bucket, self._path)
            self._pool = ThreadPoolExecutor(_IN_FLIGHT)
        if self._number > MOST_PARTS:
            self._fail(StorageError(self._path, "is longer than S3 allows"))
        body = self._take()
        self._await(max(1, min(_IN_FLIGHT, _IN_FLIGHT_BYTES // len(body))) - 1)
        flying = self._pool.submit(self._put_part, self._upload, self._number, body)
        self._flying[flying] = self._number
        self._number += 1
        self._room = part_size_bytes(self._number, self._hint)

    def _put_part(self, upload: MultipartUpload, number: int, body: bytes) -> str:
        digest = md5_of(body)
        md5 = base64_of(digest)

        def one_try() -> str:
            reply = self._bucket.client.upload_part(
                Bucket=self._bucket.name,
                Key=self._key,
                UploadId=upload.upload_id,
                PartNumber=number,
                Body=body,
                ContentMD5=md5,
            )
            tag = reply["ETag"]
            self._bucket.check_tag(tag, digest)
            return tag

        return self._bucket.run(f"write of part {number}", self._path, one_try)

    def _await(self, most: int) -> None:
        """Waits until at most so many parts are on their way."""
        while self._upload is not None and len(self._flying) > most:
            done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
            for one in done:
                number = self._flying.pop(one)
                try:
                    self._upload.tags[number] = one.result()
                except StorageError as error:
                    self._fail(error)

    def _fail(self, error: StorageError) -> None:
        self._failed = error
        raise error

    def _finish(self) -> None:
        if self._failed is not None:
            raise self._failed
        if self._upload is None:
            put_object(self._bucket, self._path, self._take())
            return
        if self._held:
            self._send()
        self._await(0)
        self._upload.complete()


def put_object(bucket: Bucket, path: str, data: bytes) -> str:
    """Puts a whole object, over whatever is there; repeated until it is there.

    Returns:
        Its tag.

    Raises:
        StorageError: it was not written.
    """
    key, digest = bucket.key(path), md5_of(data)
    md5 = base64_of(digest)
    metadata = {NONCE: str(uuid.uuid4())}

    def one_try() -> str:
        reply = bucket.client.put_object(
            Bucket=bucket.name, Key=key, Body=data, ContentMD5=md5, Metadata=metadata
        )
        tag = reply["ETag"]
        bucket.check_tag(tag, digest)
        return tag

    return bucket.run("write", path, one_try)
