"""What is done to storages, call by call.

Source: xapi.md 1.12: SRs are unplugged everywhere before they are forgotten or destroyed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xolite_qt.xen_api import PBD, SR


async def scan(api: Any, sr: SR) -> None:
    """Looks at what is on it."""
    await api.run("SR.scan", sr.ref)


async def plug(api: Any, pbds: Sequence[PBD]) -> None:
    """Connects hosts."""
    for pbd in pbds:
        if not pbd.currently_attached:
            await api.run("PBD.plug", pbd.ref)


async def unplug(api: Any, pbds: Sequence[PBD]) -> None:
    """Disconnects hosts."""
    for pbd in pbds:
        if pbd.currently_attached:
            await api.run("PBD.unplug", pbd.ref)


async def repair(api: Any, sr: SR, pbds: Sequence[PBD], missing: Sequence[str]) -> None:
    """Gives hosts that have none a way to a shared storage, then connects what is not."""
    config = dict(pbds[0].device_config) if pbds else {}
    for host in missing:
        made = await api.run(
            "PBD.create",
            {"host": host, "SR": sr.ref, "device_config": config, "other_config": {}},
        )
        await api.run("PBD.plug", made)
    await plug(api, pbds)


async def forget(api: Any, sr: SR, pbds: Sequence[PBD]) -> None:
    """The pool knows it no longer; what is on it stays."""
    await unplug(api, pbds)
    await api.run("SR.forget", sr.ref)


async def destroy(api: Any, sr: SR, pbds: Sequence[PBD], vdis: Sequence[str]) -> None:
    """Deletes every disk, then the storage itself."""
    for vdi in vdis:
        await api.run("VDI.destroy", vdi)
    await unplug(api, pbds)
    await api.run("SR.destroy", sr.ref)


async def edit(api: Any, sr: SR, name: str, text: str, tags: Sequence[str]) -> None:
    """Changes what differs."""
    if name != sr.name_label:
        await api.call("SR.set_name_label", sr.ref, name)
    if text != sr.name_description:
        await api.call("SR.set_name_description", sr.ref, text)
    for tag in set(tags) - set(sr.tags):
        await api.call("SR.add_tags", sr.ref, tag)
    for tag in set(sr.tags) - set(tags):
        await api.call("SR.remove_tags", sr.ref, tag)


async def create(api: Any, host: str, wish: Mapping[str, Any], config: Mapping[str, str]) -> Any:
    """A new storage, on one host or, where it is shared, on all.

    Args:
        api: the connection.
        host: that makes it.
        wish: name, description, type, content_type, shared.
        config: of the device.
    """
    return await api.run(
        "SR.create",
        host,
        dict(config),
        0,
        wish["name"],
        wish["description"],
        wish["type"],
        wish["content_type"],
        wish["shared"],
        {},
    )


async def attach(
    api: Any, uuid: str, hosts: Sequence[str], wish: Mapping[str, Any], config: Mapping[str, str]
) -> None:
    """A storage that exists already: introduced, and connected to hosts."""
    sr = await api.run(
        "SR.introduce",
        uuid,
        wish["name"],
        wish["description"],
        wish["type"],
        wish["content_type"],
        wish["shared"],
        {},
    )
    for host in hosts:
        made = await api.run(
            "PBD.create",
            {"host": host, "SR": sr, "device_config": dict(config), "other_config": {}},
        )
        await api.run("PBD.plug", made)
