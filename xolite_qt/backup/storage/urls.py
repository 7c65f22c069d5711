"""Where a repository lies, as a URL that Xen Orchestra would write.

    file:///mnt/backups
    s3://KEY:SECRET@HOST/BUCKET/DIR[?allowUnauthorized=true][#REGION]
    s3+http://…                      the same without TLS

KEY and SECRET are percent-encoded. A plain absolute path stands for a folder too.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from urllib.request import url2pathname

from xolite_qt.backup.errors import BackupError


class BadUrl(BackupError):  # noqa: N818 - it is what it says
    """It is no address of a repository; the text says why, and holds no secret."""


@dataclass(frozen=True)
class FolderPlace:
    """A folder of this machine.

    Attributes:
        path: absolute.
    """

    path: Path

    @property
    def shown(self) -> str:
        """As a URL."""
        return self.path.as_uri()


@dataclass(frozen=True)
class S3Place:
    """A folder in a bucket.

    Attributes:
        host: name or address, with `:port` where it is not the usual one.
        tls: https.
        bucket: its name.
        prefix: the folder inside, without slashes at its ends; may be empty.
        region: may be empty.
        verify: whether the certificate is looked at.
        access_key, secret_key: the login.
    """

    host: str
    tls: bool
    bucket: str
    prefix: str = ""
    region: str = ""
    verify: bool = True
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)

    @property
    def endpoint_url(self) -> str:
        """The service's own address."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def shown(self) -> str:
        """The URL without secrets."""
        path = quote("/".join(filter(None, (self.bucket, self.prefix))), safe="/")
        return f"{'s3' if self.tls else 's3+http'}://{self.host}/{path}"


Place = FolderPlace | S3Place


def parse(url: str) -> Place:
    """What a URL says.

    Raises:
        BadUrl: it cannot be understood.
    """
    if os.path.isabs(url):
        return FolderPlace(Path(url))
    scheme, colon, _ = url.partition("://")
    if not colon:
        raise BadUrl("a repository is file:///path, s3://KEY:SECRET@HOST/BUCKET/DIR or s3+http://…")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadUrl("the repository's address cannot be understood") from None
    if scheme == "file":
        path = Path(url2pathname(parts.path))
        if parts.netloc or not path.is_absolute():
            raise BadUrl("a folder is file:// and its whole path from the root: file:///mnt/backup")
        return FolderPlace(path)
    if scheme in ("s3", "s3+http"):
        return _s3(url, scheme)
    # Only the scheme is repeated: the rest may hold a secret.
    raise BadUrl(f"no repository can lie at {scheme}://: it is file://, s3:// or s3+http://")


def _s3(url: str, scheme: str) -> S3Place:
    # By hand: a secret may hold any sign, and errors of the library would repeat it.
    rest = url.partition("://")[2]
    rest, _, region = rest.partition("#")
    rest, _, query = rest.partition("?")
    login, at, there = rest.rpartition("@")
    host, _, path = there.partition("/")
    bucket, _, prefix = unquote(path).strip("/").partition("/")
    key, _, secret = login.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", host):
        raise BadUrl("the address of an S3 repository has no proper host name")
    if not bucket:
        raise BadUrl("the address of an S3 repository names no bucket")
    if at and not (key and secret):
        raise BadUrl("the address of an S3 repository has half a login: KEY:SECRET@ is wanted")
    options = dict(parse_qsl(query))
    return S3Place(
        host=host,
        tls=scheme == "s3",
        bucket=bucket,
        prefix=prefix.strip("/"),
        region=unquote(region) or options.get("region", ""),
        verify=options.get("allowUnauthorized", "").lower() not in ("true", "1"),
        access_key=unquote(key),
        secret_key=unquote(secret),
    )


def without_secrets(url: str) -> str:
    """A URL that may be shown and logged.

    Raises:
        BadUrl: it cannot be understood.
    """
    return parse(url).shown


def key_in(url: str) -> str | None:
    """The encryption key that Xen Orchestra keeps in a remote's URL, where one is there."""
    query = dict(parse_qsl(url.partition("#")[0].partition("?")[2]))
    key = query.get("encryptionKey", "").strip('"')
    return key or None
