"""Options that several commands share: which host to speak to, and how it is trusted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xolite_qt.xen_api import XenApi


@dataclass(frozen=True)
class HostOptions:
    """Where a command's host is, as given on the command line.

    Attributes:
        url: `https://host[:port]`, or a bare host name.
        user: the name to sign in with.
        password_file: a file whose first line is the password: never an argument, which every user
            of the machine could read in the process list.
        fingerprint: SHA-256 of the host's certificate; None only for a plain loopback URL.
    """

    url: str
    user: str
    password_file: Path | None
    fingerprint: str | None

    def password(self) -> str:
        """The password, from the file.

        Raises:
            click.UsageError: no file was given, or it cannot be read.
        """
        if self.password_file is None:
            raise click.UsageError("--password-file is missing")
        try:
            return self.password_file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{self.password_file} cannot be read: {error}") from error

    async def sign_in(self) -> XenApi:
        """A signed-in connection; the caller closes it.

        Raises:
            click.ClickException: with a sentence, whatever went wrong.
        """
        from xolite_qt.xen_api import (
            AddressInvalid,
            CertificateUnknown,
            MemoryPins,
            XapiError,
            XenApi,
            XenApiError,
        )

        pins = MemoryPins()
        try:
            api = XenApi(self.url, pins=pins, originator="xolite-qt")
        except AddressInvalid as error:
            raise click.ClickException(str(error)) from error
        if self.fingerprint:
            host, port = api.address
            pins.accept(host, port, self.fingerprint)
        try:
            await api.login(self.user, self.password())
        except CertificateUnknown as error:
            await api.close()
            raise click.ClickException(
                f"the certificate of {error.host}:{error.port} is not known; if this is its "
                f"fingerprint, add: --fingerprint {error.certificate.fingerprint}"
            ) from error
        except XenApiError as error:
            await api.close()
            said = str(error)
            if isinstance(error, XapiError) and error.code == "SESSION_AUTHENTICATION_FAILED":
                said = f"the host does not accept the password of {self.user}"
            raise click.ClickException(said) from error
        except asyncio.CancelledError:
            await api.close()
            raise
        return api


class World(click.Path):
    """A file of records, or the name of a built world such as xostor3."""

    name = "world"

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Override click.Path.convert."""
        from xolite_qt.demo_host import WORLDS

        return Path(value) if str(value) in WORLDS else super().convert(value, param, ctx)


def host_options(required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds --host, --user, --password-file and --fingerprint to a command."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--fingerprint", metavar="SHA256", help="The host certificate's SHA-256."),
            click.option(
                "--password-file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="A file whose first line is the password.",
            ),
            click.option("--user", default="root", show_default=True),
            click.option("--host", "url", metavar="URL", required=required, help="https://host"),
        ):
            command = option(command)
        return command

    return decorate
