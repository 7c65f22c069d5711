"""Copies inside the service: no bytes pass through us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xolite_qt.backup.errors import NotFound

from .parallel import for_each
from .s3_bucket import Bucket
from .s3_errors import status_of
from .s3_multipart import MultipartUpload

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, HeadObjectOutputTypeDef

# The most that one copy may hold, and the pieces of larger ones.
MOST_COPY_BYTES = 5 * 1024**3
PART_BYTES = 1024**3
_PARTS_AT_ONCE = 4


def copy_object(bucket: Bucket, source: str, target: str) -> None:
    """Copies an object over whatever is at the target.

    Raises:
        NotFound: no source.
        StorageError: it was not copied.
    """
    source_key, target_key = bucket.key(source), bucket.key(target)

    def one_try() -> HeadObjectOutputTypeDef | None:
        """Returns: what is known of a source that is too large for this."""
        if source_key != target_key:
            try:
                bucket.client.copy_object(
                    Bucket=bucket.name,
                    Key=target_key,
                    CopySource={"Bucket": bucket.name, "Key": source_key},
                )
            except ClientError as error:
                if status_of(error) not in (400, 404):
                    raise
                head = bucket.head(source_key)
                if head is None:
                    raise NotFound(source) from error
                if head["ContentLength"] <= MOST_COPY_BYTES:
                    raise
                return head
        elif bucket.head(source_key) is None:
            raise NotFound(source)
        return None

    large = bucket.run("copy", source, one_try)
    if large is not None:
        _copy_in_parts(bucket, source, target, large)


def _copy_in_parts(
    bucket: Bucket, source: str, target: str, about: HeadObjectOutputTypeDef
) -> None:
    origin: CopySourceTypeDef = {"Bucket": bucket.name, "Key": bucket.key(source)}
    target_key, size_bytes = bucket.key(target), about["ContentLength"]
    upload = MultipartUpload(bucket, target)

    def copy_part(number: int) -> None:
        first = (number - 1) * PART_BYTES
        last = min(first + PART_BYTES, size_bytes) - 1

        def one_try() -> str:
            reply = bucket.client.upload_part_copy(
                Bucket=bucket.name,
                Key=target_key,
                UploadId=upload.upload_id,
                PartNumber=number,
                CopySource=origin,
                CopySourceIfMatch=about["ETag"],
                CopySourceRange=f"bytes={first}-{last}",
            )
            return reply["CopyPartResult"]["ETag"]

        upload.tags[number] = bucket.run(f"copy of part {number}", source, one_try)

    try:
        for_each(range(1, -(-size_bytes // PART_BYTES) + 1), copy_part, workers=_PARTS_AT_ONCE)
        upload.complete()
    except BaseException:
        upload.abort()
        raise
