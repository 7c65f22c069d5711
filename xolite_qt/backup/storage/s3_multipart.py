"""One upload in parts: its beginning, its end, and its abort."""

from __future__ import annotations

import dataclasses
import logging
import uuid

from botocore.exceptions import ClientError

from xolite_qt.backup.errors import StorageError

from .s3_bucket import NONCE, Bucket
from .s3_errors import code_of

_log = logging.getLogger(__name__)

_ABORT_BUDGET_S = 20.0


class MultipartUpload:
    """An object that comes into being in parts, and all at once.

    Attributes:
        upload_id: the service's name for it.
        tags: the tag of each part that is there, by its number from 1.
    """

    def __init__(self, bucket: Bucket, path: str) -> None:
        """Begins it.

        Raises:
            StorageError: the service does not let us.
        """
        self._bucket, self._path = bucket, path
        self._key = bucket.key(path)
        self._nonce = str(uuid.uuid4())
        self.tags: dict[int, str] = {}
        self.upload_id = bucket.run("write", path, self._create)

    def _create(self) -> str:
        reply = self._bucket.client.create_multipart_upload(
            Bucket=self._bucket.name, Key=self._key, Metadata={NONCE: self._nonce}
        )
        return reply["UploadId"]

    def complete(self) -> None:
        """Makes the object of the parts in `tags`.

        Raises:
            StorageError: it did not come into being.
        """
        tries = 0

        def one_try() -> None:
            nonlocal tries
            tries += 1
            # The reply to an earlier try may have been lost with the object in its place.
            if tries == 1 or not self._is_there():
                self._complete_once()

        self._bucket.run("the end of the write", self._path, one_try)

    def _complete_once(self) -> None:
        try:
            self._bucket.client.complete_multipart_upload(
                Bucket=self._bucket.name,
                Key=self._key,
                UploadId=self.upload_id,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": n, "ETag": tag} for n, tag in sorted(self.tags.items())
                    ]
                },
            )
        except ClientError as error:
            if code_of(error) != "NoSuchUpload" or not self._is_there():
                raise

    def _is_there(self) -> bool:
        return self._bucket.is_ours(self._bucket.head(self._key), self._nonce)

    def abort(self) -> None:
        """Frees the parts. Where the storage is gone they stay, and no error is raised."""
        short = dataclasses.replace(self._bucket.policy, budget_s=_ABORT_BUDGET_S)
        try:
            self._bucket.run("the abort of the write", self._path, self._abort_once, policy=short)
        except StorageError as error:
            _log.info("parts of an unfinished write stay behind: %s", error)

    def _abort_once(self) -> None:
        try:
            self._bucket.client.abort_multipart_upload(
                Bucket=self._bucket.name, Key=self._key, UploadId=self.upload_id
            )
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise
