"""Where a console is, and the way to it: each host of a pool serves its own VMs only."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from urllib.parse import urlsplit

from xolite_qt.xen_api import XenApi
from xolite_qt.xen_api.address import Address
from xolite_qt.xen_api.consoles import open_console
from xolite_qt.xen_api.errors import TransportError
from xolite_qt.xen_api.members import fingerprint_of_member
from xolite_qt.xen_api.transfers import Door

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Place:
    """One console that is there.

    Attributes:
        console: its reference; another one after each boot and migration.
        location: its URL, as the host tells it.
        host: reference of the host that runs it.
        home: whether that is the host that all calls go to.
    """

    console: str
    location: str
    host: str
    home: bool


async def open_place(api: XenApi, place: Place) -> Streams:
    """Opens the tunnel to a console.

    Raises:
        XenApiError: as `xen_api.consoles.open_console`.
    """
    door = await api.door()
    if not place.home and not _same_host(door, place.location):
        door = await _door_of_member(api, door, place)
    return await open_console(door, place.console)


def _same_host(door: Door, location: str) -> bool:
    return urlsplit(location).hostname == door.host


async def _door_of_member(api: XenApi, door: Door, place: Place) -> Door:
    """The door of another host of the pool.

    What the user accepted for it counts; else what the master, whose certificate is accepted,
    says that this host's certificate is.

    Raises:
        TransportError: nobody can say whether it is the right host.
    """
    try:
        parts = urlsplit(place.location)
        there = Address.parse(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        raise TransportError("the host tells a place for this console that is no address") from None
    if there.scheme != "https":
        raise TransportError(f"the console on {there.host} would have to be opened without TLS")
    accepted = door.pinned(there.host, there.port)
    if not accepted:
        accepted = await fingerprint_of_member(api, host=place.host)
    if not accepted:
        raise TransportError(
            f"another host of the pool, {there.host}, runs it, "
            "and its certificate is not accepted yet"
        )
    return dataclasses.replace(
        door, host=there.host, port=there.port, tls=True, fingerprint=accepted
    )
