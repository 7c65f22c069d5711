"""Where a repository lies, as a form has it, and the URL that it is.

Source: backup-repository.md (URLs as Xen Orchestra writes them).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote

Kind = Literal["folder", "s3"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor of S3 storage.

    Attributes:
        ident: stable name.
        label: as people know it.
        endpoint: host name, with `{region}` where it has one; "" where it is one's own machine.
        region: the one offered first.
        hint: what is particular to it.
    """

    ident: str
    label: str
    endpoint: str
    region: str = ""
    hint: str = ""


PROVIDERS: tuple[Provider, ...] = (
    Provider("aws", "Amazon S3", "s3.{region}.amazonaws.com", "eu-central-1"),
    Provider("wasabi", "Wasabi", "s3.{region}.wasabisys.com", "eu-central-2"),
    Provider(
        "backblaze",
        "Backblaze B2",
        "s3.{region}.backblazeb2.com",
        "eu-central-003",
        "The key must be an application key; the region is the one in the bucket's endpoint",
    ),
    Provider("r2", "Cloudflare R2", "<account id>.r2.cloudflarestorage.com", "auto"),
    Provider("scaleway", "Scaleway", "s3.{region}.scw.cloud", "fr-par"),
    Provider("ovh", "OVHcloud", "s3.{region}.io.cloud.ovh.net", "gra"),
    Provider("hetzner", "Hetzner", "{region}.your-objectstorage.com", "fsn1"),
    Provider("minio", "MinIO", "", "us-east-1", "The address of your server, with its port"),
    Provider("ceph", "Ceph", "", "", "The address of your object gateway, with its port"),
    Provider("other", "Another S3 storage", "", ""),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository's place.

    Attributes:
        kind: folder or S3.
        folder: absolute path, for folders.
        endpoint: host name or address, with `:port` where it is not the usual one.
        plain: http instead of https.
        bucket, directory: in S3; the directory may be empty.
        region: may be empty.
        trust_any: take any certificate.
        key, secret: of S3.
    """

    kind: Kind = "folder"
    folder: str = ""
    endpoint: str = ""
    plain: bool = False
    bucket: str = ""
    directory: str = ""
    region: str = ""
    trust_any: bool = False
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    def url(self, *, with_secrets: bool) -> str:
        """As Xen Orchestra writes it."""
        if self.kind == "folder":
            return f"file://{self.folder}"
        scheme = "s3+http" if self.plain else "s3"
        login = ""
        if with_secrets:
            login = f"{quote(self.key, safe='')}:{quote(self.secret, safe='')}@"
        path = quote("/".join(filter(None, (self.bucket, self.directory.strip("/")))), safe="/")
        tail = "?allowUnauthorized=true" if self.trust_any else ""
        if self.region:
            tail += f"#{quote(self.region, safe='')}"
        return f"{scheme}://{login}{self.endpoint}/{path}{tail}"


def place(url: str) -> Place:
    """The parts of a URL; a secret in it is taken over."""
    scheme, _, rest = url.partition("://")
    if scheme == "file":
        return Place("folder", folder=rest)
    rest, _, region = rest.partition("#")
    rest, _, query = rest.partition("?")
    login, _, there = rest.rpartition("@")
    key, _, secret = login.partition(":")
    endpoint, _, path = there.partition("/")
    bucket, _, directory = unquote(path).partition("/")
    options = dict(parse_qsl(query))
    return Place(
        "s3",
        endpoint=endpoint,
        plain=scheme == "s3+http",
        bucket=bucket,
        directory=directory,
        region=unquote(region),
        trust_any=options.get("allowUnauthorized") == "true",
        key=unquote(key),
        secret=unquote(secret),
    )


def problem(where: Place) -> tuple[str, str]:
    """(field, what is wrong with it); two empty strings where nothing is."""
    if where.kind == "folder":
        if not where.folder:
            return "folder", "Choose a folder."
        if not where.folder.startswith("/") and ":" not in where.folder[:3]:
            return "folder", "Give the whole path, from the root."
        return "", ""
    for name, value, sentence in (
        ("endpoint", where.endpoint, "Give the storage's address."),
        ("bucket", where.bucket, "Give the bucket's name."),
        ("key", where.key, "Give the access key."),
        ("secret", where.secret, "Give the secret."),
    ):
        if not value:
            return name, sentence
    if any(sign in where.endpoint for sign in "/@ <>"):
        return "endpoint", "Only a host name, and :port where it is needed."
    if "/" in where.bucket:
        return "bucket", "The bucket's name alone; a path goes into the folder."
    return "", ""


def provider_of(where: Place) -> Provider:
    """The provider that an endpoint belongs to."""
    for provider in PROVIDERS:
        head, sign, tail = provider.endpoint.partition("{region}")
        if provider.ident == "r2":
            head, sign, tail = "", "x", ".r2.cloudflarestorage.com"
        if sign and where.endpoint.startswith(head) and where.endpoint.endswith(tail):
            return provider
    return PROVIDERS[-1]


def new_key() -> str:
    """A fresh encryption key: 32 characters, as Xen Orchestra wants them."""
    # No letters and digits that look like one another: the key is written down.
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "".join(secrets.choice(letters) for _ in range(32))


def key_problem(key: str) -> str:
    """Why an encryption key cannot be used; empty where it can."""
    length = len(key.encode())
    if length != 32:
        return f"A key is 32 characters long; this one has {length}."
    return ""
