"""Removing objects: one, thousands, and those that are locked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from xolite_qt.backup.errors import Locked

from .parallel import for_each
from .s3_bucket import Bucket
from .s3_errors import is_no_such_key, status_of

PAGE = 1000
_PAGES_AT_ONCE = 4
_SINGLE_AT_ONCE = 16
# So many refusals of a whole page, and its objects are removed one by one.
_TRIES_OF_A_PAGE = 9
_UNKNOWN_FUNCTION = {400, 403, 404, 405, 501}


class _NoPages(Exception):  # noqa: N818 - says what happened
    """The service does not remove many at once."""


def delete_one(bucket: Bucket, path: str) -> None:
    """Removes an object; gone already is fine.

    Raises:
        Locked: it may not be removed yet.
        StorageError: it is still there.
    """
    key = bucket.key(path)

    def one_try() -> None:
        try:
            bucket.client.delete_object(Bucket=bucket.name, Key=key)
        except ClientError as error:
            if status_of(error) == 403:
                _check_lock(bucket, path, key)
            if is_no_such_key(error) and bucket.head(key) is None:
                return
            raise

    bucket.run("delete", path, one_try)


def delete_many(bucket: Bucket, paths: Iterable[str]) -> None:
    """Removes objects in pages; those that a page leaves are tried one by one.

    Raises:
        Locked: one may not be removed yet.
        StorageError: one is still there.
    """
    for_each(_pages(paths), lambda page: _delete_page(bucket, page), workers=_PAGES_AT_ONCE)


def _delete_page(bucket: Bucket, page: list[str]) -> None:
    paths = {bucket.key(path): path for path in page}
    tries = 0

    def one_try() -> list[str]:
        nonlocal tries
        tries += 1
        try:
            reply = bucket.client.delete_objects(
                Bucket=bucket.name,
                Delete={"Objects": [{"Key": key} for key in paths], "Quiet": True},
            )
        except ClientError as error:
            if status_of(error) in _UNKNOWN_FUNCTION and tries >= _TRIES_OF_A_PAGE:
                raise _NoPages from error
            raise
        errors = reply.get("Errors", [])
        return [e["Key"] for e in errors if e.get("Code") != "NoSuchKey" and e.get("Key") in paths]

    if len(paths) == 1:
        left = list(paths)
    else:
        try:
            left = bucket.run("delete", page[0], one_try)
        except _NoPages:
            left = list(paths)
    if left:
        for_each(
            left,
            lambda key: delete_one(bucket, paths[key]),
            workers=min(_SINGLE_AT_ONCE, len(left)),
        )


def _check_lock(bucket: Bucket, path: str, key: str) -> None:
    try:
        head = bucket.head(key)
    except ClientError:
        return
    if head is None:
        return
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        raise Locked(path, "is under a legal hold (Object Lock)")
    if head.get("ObjectLockMode"):
        until = head["ObjectLockRetainUntilDate"]
        raise Locked(path, f"is locked until {until:%Y-%m-%d %H:%M} UTC (Object Lock)")


def _pages(paths: Iterable[str]) -> Iterator[list[str]]:
    several = iter(paths)
    while page := list(itertools.islice(several, PAGE)):
        yield page
