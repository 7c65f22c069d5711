"""Conditional writes: only where nothing is, or only over what was read before."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xolite_qt.backup.errors import AlreadyExists, Changed, StorageError

from .s3_bucket import NONCE, Bucket, base64_of, md5_of
from .s3_errors import code_of, is_condition_failed, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, PutObjectRequestTypeDef


class ConditionalPut:
    """One write that must not overwrite what it does not know.

    A reply may be lost after the object was written; its repetition would then be refused because
    of ourselves. So each such write carries a nonce, by which it knows its own object again.
    """

    def __init__(
        self, bucket: Bucket, path: str, data: bytes, *, if_tag: str | None, atomic: bool
    ) -> None:
        """Args:
        bucket: where.
        path: the file.
        data: its content.
        if_tag: the tag that the file must have; None where it must not be there.
        atomic: whether the service checks the condition; else it is looked at before, and
            two writers at the very same time both succeed.
        """
        self._bucket, self._path, self._data = bucket, path, data
        self._key = bucket.key(path)
        self._if_tag, self._atomic = if_tag, atomic
        self._digest = md5_of(data)
        self._nonce = str(uuid.uuid4())
        self._tries = 0

    def run(self) -> str:
        """Writes; returns the tag.

        Raises:
            AlreadyExists, Changed: the condition does not hold.
            StorageError: it was not written.
        """
        return self._bucket.run("write", self._path, self._one_try)

    def _one_try(self) -> str:
        self._tries += 1
        over = self._if_tag
        if self._tries > 1 or not self._atomic:
            head = self._bucket.head(self._key)
            if self._bucket.is_ours(head, self._nonce):
                assert head is not None
                if self._is_whole(head):
                    return head["ETag"]
                # Ours, but not what was sent: this one may be overwritten.
                over = head["ETag"]
            elif not self._atomic:
                self._check(head)
        try:
            tag = self._put(over)
        except ClientError as error:
            if is_condition_failed(error) or status_of(error) == 409:
                return self._after_refusal(error)
            if self._if_tag is not None and code_of(error) == "NoSuchKey":
                return self._after_refusal(error)
            raise
        self._bucket.check_tag(tag, self._digest)
        return tag

    def _put(self, over: str | None) -> str:
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket.name,
            "Key": self._key,
            "Body": self._data,
            "ContentMD5": base64_of(self._digest),
            "Metadata": {NONCE: self._nonce},
        }
        if self._atomic:
            if over is None:
                request["IfNoneMatch"] = "*"
            else:
                request["IfMatch"] = self._bucket.tag_to_match(over)
        return self._bucket.client.put_object(**request)["ETag"]

    def _after_refusal(self, error: ClientError) -> str:
        """The service says that the condition does not hold: because of us, or of another?"""
        head = self._bucket.head(self._key)
        if self._bucket.is_ours(head, self._nonce):
            assert head is not None
            if self._is_whole(head):
                return head["ETag"]
        elif is_condition_failed(error):
            raise self._lost() from error
        else:
            self._check(head)
        # A conflict of two writes at once that is not decided yet, or a wrong answer.
        raise error

    def _check(self, head: HeadObjectOutputTypeDef | None) -> None:
        tag = None if head is None else head["ETag"]
        if tag != self._if_tag:
            raise self._lost()

    def _lost(self) -> StorageError:
        return AlreadyExists(self._path) if self._if_tag is None else Changed(self._path)

    def _is_whole(self, head: HeadObjectOutputTypeDef) -> bool:
        if head["ContentLength"] != len(self._data):
            return False
        return head["ETag"].strip('"').lower() == self._digest.hex() or (
            not self._bucket.tags_are_md5()
        )
