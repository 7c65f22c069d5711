"""Reading an object: a body that is cut off goes on where it broke."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xolite_qt.backup.errors import Changed, NotFound

from .retry import Again
from .s3_bucket import Bucket
from .s3_errors import is_condition_failed, is_no_such_key, status_of

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

# What a cut loses at most.
_PIECE_BYTES = 256 * 1024


class ObjectReader:
    """A part of an object from its beginning to its end; one thread at a time."""

    def __init__(
        self, bucket: Bucket, path: str, *, offset_bytes: int = 0, size_bytes: int | None = None
    ) -> None:
        """Args:
        bucket: where.
        path: the file.
        offset_bytes: where to begin.
        size_bytes: how much at most; everything for None.
        """
        self._bucket, self._path = bucket, path
        self._key = bucket.key(path)
        self._at = offset_bytes
        self._wanted_end = None if size_bytes is None else offset_bytes + size_bytes
        self._end: int | None = None
        self._tag: str | None = None
        self._body: StreamingBody | None = None

    def open(self) -> None:
        """Asks for the object.

        Raises:
            NotFound, StorageError: it cannot be read.
        """
        self._bucket.run("read", self._path, self._open_once)

    def read(self, size: int = -1, /) -> bytes:
        """As `StreamReader.read`.

        Raises:
            Changed: the object is another now; what was read so far belongs to the old one.
            NotFound, StorageError: it cannot be read on.
        """
        parts: list[bytes] = []
        left = size if size >= 0 else -1
        while left:
            piece = _PIECE_BYTES if left < 0 else min(left, _PIECE_BYTES)
            data = self._bucket.run("read", self._path, functools.partial(self._read_once, piece))
            if not data:
                break
            parts.append(data)
            if left > 0:
                left -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Stops reading."""
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _read_once(self, size: int) -> bytes:
        if self._end is not None and self._at >= self._end:
            return b""
        if self._body is None:
            self._open_once()
        if self._end is None or self._body is None:
            return b""
        try:
            data = self._body.read(min(size, self._end - self._at))
        except BaseException:
            self.close()
            raise
        if not data and self._at < self._end:
            self.close()
            raise Again("the storage sent less than it had announced")
        self._at += len(data)
        return data

    def _open_once(self) -> None:
        request: GetObjectRequestTypeDef = {"Bucket": self._bucket.name, "Key": self._key}
        ranged = self._at > 0 or self._wanted_end is not None
        if ranged:
            last = "" if self._wanted_end is None else str(self._wanted_end - 1)
            request["Range"] = f"bytes={self._at}-{last}"
        if self._tag is not None:
            request["IfMatch"] = self._tag
        try:
            reply = self._bucket.client.get_object(**request)
        except ClientError as error:
            if is_no_such_key(error):
                raise NotFound(self._path) from error
            if self._tag is not None and is_condition_failed(error):
                raise Changed(self._path, "was changed while it was read") from error
            if ranged and status_of(error) == 416:
                self._end = self._at
                return
            raise
        self._body = reply["Body"]
        if self._tag is not None and reply["ETag"] != self._tag:
            self.close()
            raise Changed(self._path, "was changed while it was read")
        self._tag = reply["ETag"]
        begin, end = self._at, self._at + reply["ContentLength"]
        if ranged and reply["ResponseMetadata"]["HTTPStatusCode"] == 200:
            # A service that knows no ranges sends it all.
            begin, end = 0, reply["ContentLength"]
        if self._end is None:
            self._end = end if self._wanted_end is None else min(end, self._wanted_end)
        self._skip(self._at - begin)

    def _skip(self, size: int) -> None:
        try:
            while size > 0 and self._body is not None:
                skipped = len(self._body.read(min(size, _PIECE_BYTES)))
                if not skipped:
                    break
                size -= skipped
        except BaseException:
            self.close()
            raise
