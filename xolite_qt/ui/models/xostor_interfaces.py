"""What is done to the interfaces of LINSTOR's nodes, call by call.

Source: peers.md 3.3 (`linstor-manager`; every argument is a text), asked of the pool's master.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from xolite_qt.stores.xostor.answers import PLUGIN
from xolite_qt.ui.deeds import Deed
from xolite_qt.xen_api import XapiError, XenApiError

_log = logging.getLogger(__name__)

DEFAULT = "default"
"""Every node has it; it is the management network's."""


def name_problem(name: str, taken: frozenset[str]) -> str:
    """Why an interface cannot be called so; "" where it can."""
    if not name:
        return "Give it a name."
    if any(char.isspace() for char in name):
        return "LINSTOR allows no spaces in it."
    if name == DEFAULT or name in taken:
        return "There is one of this name already."
    return ""


def create_deed(master: str, group: str, name: str, pifs: Mapping[str, str]) -> Deed:
    """Gives every node an interface, or none of them.

    Args:
        master: reference of the pool's master.
        group: name of LINSTOR's room on the hosts.
        name: of the interface.
        pifs: by name of the node the UUID of its PIF.
    """

    async def work(api: Any) -> None:
        made: list[str] = []
        for node, pif in pifs.items():
            try:
                await _ask(api, master, "createNodeInterface", group, node, name, pifUuid=pif)
            except XapiError as error:
                left = await _take_back(api, master, group, made, name)
                where = f"on {node}"
                if left:
                    where += f"; it stays on {', '.join(left)}"
                raise XapiError.from_wire(error.code, (*error.params, where)) from error
            made.append(node)

    return Deed(name, "Create interface", "interface created", work)


async def _take_back(api: Any, master: str, group: str, nodes: list[str], name: str) -> list[str]:
    left = []
    for node in nodes:
        try:
            await _ask(api, master, "destroyNodeInterface", group, node, name)
        except XenApiError as error:
            _log.debug("interface %s of %s: %s", name, node, error)
            left.append(node)
    return left


def prefer_deed(master: str, group: str, node: str, name: str) -> Deed:
    """Lets replication of one node take this way."""
    work = partial(_named, master, "setNodePreferredInterface", group, node, name)
    return Deed(f"{name} of {node}", "Prefer interface", "interface preferred", work)


def delete_deed(master: str, group: str, node: str, name: str) -> Deed:
    """Takes an interface from one node."""
    work = partial(_named, master, "destroyNodeInterface", group, node, name)
    return Deed(f"{name} of {node}", "Delete interface", "interface deleted", work)


async def _named(master: str, function: str, group: str, node: str, name: str, api: Any) -> None:
    await _ask(api, master, function, group, node, name)


async def _ask(
    api: Any, master: str, function: str, group: str, node: str, name: str, **more: str
) -> None:
    args = {"groupName": group, "hostname": node, "name": name, **more}
    await api.run("host.call_plugin", master, PLUGIN, function, args)
