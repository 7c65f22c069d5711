"""What S3 services and the network answer, in terms of trying again."""

from __future__ import annotations

import time

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from xolite_qt.backup.errors import AccessDenied, NoSpace, StorageError, Unreachable

from .retry import Again, retry_after_s

# Whatever a call of the client may raise that is not a mistake of ours.
FAILURES = (ClientError, BotoCoreError, ResponseParserError, HTTPError)

_LOGIN = {
    "InvalidAccessKeyId": "the storage does not know this access key",
    "SignatureDoesNotMatch": "the storage does not accept this secret key",
    "RequestTimeTooSkewed": "the clocks of this machine and of the storage differ too much",
    "AuthorizationHeaderMalformed": "the storage does not accept the login, perhaps for its region",
    "ExpiredToken": "the login has expired",
    "InvalidToken": "the login is not valid",
}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "StorageFull", "InsufficientStorage"}
_UPLOAD_LOST = {"NoSuchUpload", "InvalidPart"}


def status_of(error: ClientError) -> int:
    """The HTTP status of an answer; 0 where there is none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def code_of(error: ClientError) -> str:
    """The code in the body of an answer, such as `NoSuchKey`; digits where it had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_no_such_key(error: ClientError) -> bool:
    """Whether an answer says beyond doubt that the object is not there."""
    return status_of(error) == 404 and code_of(error) == "NoSuchKey"


def is_condition_failed(error: ClientError) -> bool:
    """Whether an answer says that `If-Match` or `If-None-Match` did not hold."""
    return status_of(error) == 412 or code_of(error) == "PreconditionFailed"


def is_not_implemented(error: ClientError) -> bool:
    """Whether the service says that it has no such function."""
    return status_of(error) == 501 and code_of(error) in ("NotImplemented", "501")


def as_again(error: Exception, bucket: str, path: str) -> Again:
    """What a failure of the client means for the next try.

    Raises:
        StorageError: the request can never succeed.
    """
    if isinstance(error, ClientError):
        return _answered(error, bucket)
    if isinstance(error, ParamValidationError):
        raise StorageError(path, "is a name that S3 does not allow") from error
    if isinstance(error, SSLError):
        what = f"the storage's certificate is not accepted: {_short(error)}"
        return Again(what, refusal=Unreachable, for_all=True)
    if isinstance(error, (ReadTimeoutError, ConnectTimeoutError)):
        return Again("the storage did not answer in time")
    return Again(_short(error))


def _answered(error: ClientError, bucket: str) -> Again:
    status, code = status_of(error), code_of(error)
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    after_s = retry_after_s(headers.get("retry-after"), time.time())
    what = f"the storage answered {status}" + (f" {code}" if code not in ("", str(status)) else "")
    if code == "NoSuchBucket":
        gone = f"the bucket {bucket} does not exist"
        return Again(gone, retry_after_s=after_s, refusal=Unreachable, for_all=True)
    if code in _FULL or status == 507:
        return Again(f"the storage is full ({code or status})", refusal=NoSpace)
    if code in _UPLOAD_LOST:
        return Again(what, retry_after_s=after_s, refusal=StorageError)
    if code in _LOGIN or status in (401, 403):
        refused = _LOGIN.get(code, "the storage refuses access")
        return Again(
            f"{refused} ({what})", retry_after_s=after_s, refusal=AccessDenied, for_all=True
        )
    return Again(what, retry_after_s=after_s)


def _short(error: Exception) -> str:
    """An error of the network in one line; it may name hosts and objects, never a login."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"
