"""A bucket and how one talks to it: the client, retried calls, and what the service can do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from urllib3.exceptions import InsecureRequestWarning

from xolite_qt.backup.errors import StorageError

from .paths import clean, file_path
from .retry import Again, Breaker, RetryPolicy
from .s3_errors import (
    FAILURES,
    as_again,
    is_no_such_key,
    status_of,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Reading the description of S3's functions takes longest; once is enough.
_LOADER = create_loader()

PARALLEL = 16
NONCE = "xolite-nonce"
_CONNECT_TIMEOUT_S = 15.0
_MAX_KEY_BYTES = 1024
_TRIES_TO_DOUBT = 3
PROBE = b"xolite_qt asks what this bucket can do; this object is removed at once\n"


def md5_of(data: bytes) -> bytes:
    """The MD5 of a body, as S3 wants it for integrity."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def base64_of(digest: bytes) -> str:
    """A digest as it stands in a `Content-MD5` header."""
    return base64.b64encode(digest).decode("ascii")


class Bucket:
    """A folder in a bucket; safe to use from many threads."""

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
        """Args: see `S3Storage`."""
        self.name = bucket
        self.prefix = clean(prefix)
        self.policy = policy
        self.breaker = Breaker()
        parts = urlsplit(endpoint_url or "https://s3.amazonaws.com")
        place = "/".join(filter(None, (parts.netloc.rpartition("@")[2], bucket, self.prefix)))
        self.shown = f"{'s3+http' if parts.scheme == 'http' else 's3'}://{place}"
        self._login = (access_key, secret_key)
        self._endpoint_url, self._verify = endpoint_url, verify
        self._region = region or "us-east-1"
        self._lock = threading.Lock()
        self._signs_payload = False
        self.quotes_tags = True
        self._doubts = 0
        self._tags_are_md5: bool | None = None
        self.client: S3Client = self._new_client()

    def _new_client(self) -> S3Client:
        access_key, secret_key = self._login
        config = Config(
            region_name=self._region,
            signature_version=None if access_key else UNSIGNED,
            connect_timeout=min(_CONNECT_TIMEOUT_S, self.policy.idle_timeout_s),
            read_timeout=self.policy.idle_timeout_s,
            # All trying again is the policy's.
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=PARALLEL + 8,
            tcp_keepalive=True,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # The body is covered by the Content-MD5 header, which is signed: hashing it a second
            # time with SHA-256 would be the largest cost of a write.
            s3={"addressing_style": "path", "payload_signing_enabled": self._signs_payload},
        )
        if not self._verify:
            # Whoever turns verification off has been told once, where it is turned off.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        session = botocore.session.Session()
        session.register_component("data_loader", _LOADER)
        # Nobody's ~/.aws has a say in where backups go.
        session.set_config_variable("config_file", os.devnull)
        session.set_config_variable("credentials_file", os.devnull)
        client: S3Client = boto3.session.Session(botocore_session=session).client(
            "s3",
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            endpoint_url=self._endpoint_url,
            verify=None if self._verify else False,
            config=config,
        )
        # Asking first whether a body is welcome costs every write a round trip.
        client.meta.events.register_last("before-call.s3", _without_question)
        # Older services know no other checksum for a request that must have one.
        client.meta.events.register("before-call.s3.DeleteObjects", _with_md5)
        return client

    def close(self) -> None:
        """Frees connections."""
        self.client.close()

    # Names

    def key(self, path: str) -> str:
        """The object's key of a file.

        Raises:
            StorageError: no object can be called so.
        """
        name = file_path(path)
        key = f"{self.prefix}/{name}" if self.prefix else name
        if len(key.encode()) > _MAX_KEY_BYTES:
            raise StorageError(path, f"is longer than the {_MAX_KEY_BYTES} bytes that S3 allows")
        return key

    def folder_key(self, path: str) -> str:
        """What the keys of all files below a folder begin with."""
        parts = [part for part in (self.prefix, clean(path)) if part]
        return "/".join(parts) + "/" if parts else ""

    def path(self, key: str) -> str:
        """The file's path of a key."""
        return key[len(self.prefix) + 1 :] if self.prefix else key

    # Calls

    def run(
        self, what: str, path: str, work: Callable[[], T], *, policy: RetryPolicy | None = None
    ) -> T:
        """Runs `work` as the policy says; failures of the client are no definite answers.

        Raises:
            StorageError: what `work` raised, or that patience is at its end.
        """

        def one_try() -> T:
            try:
                done = work()
            except FAILURES as error:
                self._doubt(error)
                raise as_again(error, self.name, path) from error
            self._doubts = 0
            return done

        return (policy or self.policy).run(what, path, one_try, breaker=self.breaker)

    def _doubt(self, error: Exception) -> None:
        """Some services want the body signed: told by nothing but one refusal after another."""
        if self._signs_payload or not isinstance(error, ClientError):
            return
        if status_of(error) not in (400, 401, 403, 501):
            return
        with self._lock:
            self._doubts += 1
            if self._doubts > _TRIES_TO_DOUBT and not self._signs_payload:
                _log.info("%s refuses what is not signed as a whole; it will be", self.shown)
                self._signs_payload = True
                self.client = self._new_client()

    # One try each, to be called inside `run`

    def head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """What is known of an object; None where it is beyond doubt that there is none."""
        try:
            return self.client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if status_of(error) != 404:
                raise
        # A HEAD's answer has no body: only a GET says what it is that was not found.
        try:
            reply = self.client.get_object(Bucket=self.name, Key=key, Range="bytes=0-0")
        except ClientError as error:
            if is_no_such_key(error):
                return None
            raise
        reply["Body"].read()
        raise Again("the storage finds an object and does not find it")

    def is_ours(self, head: HeadObjectOutputTypeDef | None, nonce: str) -> bool:
        """Whether an object was put there by the write with this nonce."""
        if head is None:
            return False
        return any(k.lower() == NONCE and v == nonce for k, v in head["Metadata"].items())

    def tag_to_match(self, tag: str) -> str:
        """A tag as this service wants it in the `If-Match` of a write."""
        bare = tag.strip('"')
        return f'"{bare}"' if self.quotes_tags else bare

    def check_tag(self, tag: str, digest: bytes) -> None:
        """Compares the tag that a write returned with the MD5 of what was sent.

        Raises:
            Again: something else was stored, or the answer belongs to another request.
        """
        if tag.strip('"').lower() == digest.hex():
            return
        if not tag:
            raise Again("the storage did not say what it stored")
        if self.tags_are_md5():
            raise Again("the storage stored something else than was sent (wrong ETag)")

    def tags_are_md5(self) -> bool:
        """Whether ETags are MD5s here, which they are not with some kinds of encryption."""
        if self._tags_are_md5 is None:
            with self.probe_key() as key:
                body_md5 = md5_of(PROBE)
                self.client.put_object(
                    Bucket=self.name, Key=key, Body=PROBE, ContentMD5=base64_of(body_md5)
                )
                tag = self.client.head_object(Bucket=self.name, Key=key)["ETag"]
            self._tags_are_md5 = tag.strip('"').lower() == body_md5.hex()
        return self._tags_are_md5

    @contextmanager
    def probe_key(self) -> Iterator[str]:
        """A key for an object that is removed afterwards."""
        key = self.key(f".xolite-probe-{uuid.uuid4()}")
        try:
            yield key
        finally:
            with contextlib.suppress(*FAILURES):
                self.client.delete_object(Bucket=self.name, Key=key)


def _without_question(params: dict[str, Any], **_: object) -> None:
    params["headers"].pop("Expect", None)


def _with_md5(params: dict[str, Any], **_: object) -> None:
    params["headers"]["Content-MD5"] = base64_of(md5_of(params["body"]))
    params.get("context", {}).get("checksum", {}).pop("request_algorithm", None)
    params["headers"].pop("x-amz-sdk-checksum-algorithm", None)
