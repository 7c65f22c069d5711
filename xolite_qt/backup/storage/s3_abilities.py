"""What an S3 service can do, found out by asking it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .base import Abilities
from .s3_bucket import PARALLEL, PROBE, Bucket, base64_of, md5_of
from .s3_errors import code_of, is_condition_failed, is_not_implemented, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

# So many times "not implemented" is believed; a single one may be a fault on the way.
_TRIES_TO_BELIEVE = 3
# The answers of services that have no such function, or of logins that may not ask.
_NO_ANSWER = {400, 403, 404, 405, 501}


def ask(bucket: Bucket) -> Abilities:
    """Asks for everything; puts and removes an object.

    Raises:
        StorageError: the service does not answer.
    """
    return Abilities(
        conditional_writes=_has_conditional_writes(bucket),
        in_place=False,
        rename_is_cheap=False,
        links=False,
        versioned_or_locked=_keeps_versions(bucket) or _locks(bucket),
        parallel=PARALLEL,
    )


def _has_conditional_writes(bucket: Bucket) -> bool:
    refused = 0

    def one_try() -> bool:
        nonlocal refused
        with bucket.probe_key() as key:
            try:
                return _try_conditions(bucket, key)
            except ClientError as error:
                if is_not_implemented(error):
                    refused += 1
                    if refused >= _TRIES_TO_BELIEVE:
                        return False
                raise

    return bucket.run("a test for conditional writes", "", one_try)


def _try_conditions(bucket: Bucket, key: str) -> bool:
    """Whether a new key can be told from a used one, and one content from another."""
    md5 = base64_of(md5_of(PROBE))

    def put(if_none_match: str = "", if_match: str = "") -> bool:
        request: PutObjectRequestTypeDef = {"Bucket": bucket.name, "Key": key, "Body": PROBE}
        request["ContentMD5"] = md5
        if if_none_match:
            request["IfNoneMatch"] = if_none_match
        else:
            request["IfMatch"] = if_match
        try:
            bucket.client.put_object(**request)
        except ClientError as error:
            if is_condition_failed(error):
                return False
            raise
        return True

    if not put(if_none_match="*") or put(if_none_match="*"):
        return False
    tag = bucket.client.head_object(Bucket=bucket.name, Key=key)["ETag"]
    if put(if_match=f'"{"0" * 32}"') or put(if_match="0" * 32):
        return False
    # Ceph takes the quotes for a part of the tag when it writes, and only then.
    bucket.quotes_tags = put(if_match=tag)
    return bucket.quotes_tags or put(if_match=bucket.tag_to_match(tag))


def _keeps_versions(bucket: Bucket) -> bool:
    def one_try() -> bool:
        try:
            reply = bucket.client.get_bucket_versioning(Bucket=bucket.name)
        except ClientError as error:
            if _is_no(error):
                return False
            raise
        # Once suspended, old versions stay all the same.
        return reply.get("Status") in ("Enabled", "Suspended")

    return bucket.run("a test for versions", "", one_try)


def _locks(bucket: Bucket) -> bool:
    def one_try() -> bool:
        try:
            reply = bucket.client.get_object_lock_configuration(Bucket=bucket.name)
        except ClientError as error:
            if _is_no(error):
                return False
            raise
        configuration = reply.get("ObjectLockConfiguration", {})
        return configuration.get("ObjectLockEnabled") == "Enabled"

    return bucket.run("a test for Object Lock", "", one_try)


def _is_no(error: ClientError) -> bool:
    return status_of(error) in _NO_ANSWER and code_of(error) != "NoSuchBucket"
