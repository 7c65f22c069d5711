"""The plug-in `linstor-manager`: health and network interfaces of the demo's LINSTOR.

Source: peers.md 3.3.
"""

from __future__ import annotations

import json
from typing import Any

from xolite_qt.demo_host.linstor import Linstor
from xolite_qt.demo_host.registry import Call, Failure

PLUGIN = "linstor-manager"


def call_linstor(call: Call, host: str, function: str, args: dict[str, str]) -> str:
    """What the plug-in prints.

    Raises:
        Failure: XENAPI_MISSING_PLUGIN where the packages are not installed (or by fault),
            XENAPI_PLUGIN_FAILURE [status, stdout, stderr].
    """
    linstor, mode = call.host.linstor, call.host.faults.linstor_mode
    if linstor is None or mode == "missing":
        raise Failure("XENAPI_MISSING_PLUGIN", PLUGIN)
    if mode == "failure":
        raise Failure("XENAPI_PLUGIN_FAILURE", "-1", "", "No controller could be reached")
    if function == "healthCheck":
        return _health(call, linstor, mode)
    answer = _INTERFACES.get(function)
    if answer is None:
        raise Failure("XENAPI_PLUGIN_FAILURE", "non-zero exit", "", f"KeyError: {function!r}")
    node = args.get("hostname", "")
    if node not in linstor.interfaces:
        raise Failure("XENAPI_PLUGIN_FAILURE", "-1", "", f"Node {node!r} not found")
    return str(answer(call, linstor, node, args))


def _health(call: Call, linstor: Linstor, mode: str) -> str:
    if mode == "garbage":
        return "Traceback (most recent call last): …"
    found = linstor.health(call.host)
    if mode == "old":
        del found["nodes"], found["resources"]
    elif mode == "unreachable":
        empty: dict[str, Any] = {"nodes": {}, "storage-pools": {}, "resources": {}}
        found |= {"controller-uri": "", **empty, "errors": [{"code": 0x2010001}]}
    elif mode == "bug":
        # It stops at the first resource, and says so beside data that is right.
        found["errors"].append({"code": 0x2010000, "message": "KeyError: 'volumes'"})
    elif mode == "odd":
        found["storage-pools"] = ["not", "a", "table"]
        for resource in found["resources"].values():
            for replica in resource["nodes"].values():
                replica.pop("in-use")
                for volume in replica["volumes"]:
                    volume.pop("disk-state")
    return json.dumps(found)


def _list(call: Call, linstor: Linstor, node: str, args: dict[str, str]) -> str:
    rows = linstor.interfaces[node]
    return json.dumps(
        {name: {"address": ip, "active": name == "default"} for name, ip in rows.items()}
    )


def _named(linstor: Linstor, node: str, name: str) -> str:
    if name not in linstor.interfaces[node]:
        raise Failure("XENAPI_PLUGIN_FAILURE", "-1", "", f"Interface {name!r} not found")
    return name


def _address(call: Call, args: dict[str, str]) -> str:
    return str(call.db.get("PIF", call.db.by_uuid("PIF", args.get("pifUuid", "")))["IP"])


def _create(call: Call, linstor: Linstor, node: str, args: dict[str, str]) -> str:
    name = args.get("name", "")
    if not name or name in linstor.interfaces[node]:
        raise Failure("XENAPI_PLUGIN_FAILURE", "-1", "", f"Interface {name!r} exists already")
    linstor.interfaces[node][name] = _address(call, args)
    return ""


def _modify(call: Call, linstor: Linstor, node: str, args: dict[str, str]) -> str:
    name = _named(linstor, node, args.get("name", ""))
    linstor.interfaces[node][name] = _address(call, args)
    return ""


def _destroy(call: Call, linstor: Linstor, node: str, args: dict[str, str]) -> str:
    name = _named(linstor, node, args.get("name", ""))
    if name == "default":
        raise Failure("XENAPI_PLUGIN_FAILURE", "-1", "", "The default interface stays")
    del linstor.interfaces[node][name]
    if linstor.preferred[node] == name:
        linstor.preferred[node] = "default"
    return ""


def _prefer(call: Call, linstor: Linstor, node: str, args: dict[str, str]) -> str:
    linstor.preferred[node] = _named(linstor, node, args.get("name", ""))
    return ""


def _preferred(call: Call, linstor: Linstor, node: str, args: dict[str, str]) -> str:
    return linstor.preferred[node]


_INTERFACES = {
    "listNodeInterfaces": _list,
    "createNodeInterface": _create,
    "modifyNodeInterface": _modify,
    "destroyNodeInterface": _destroy,
    "setNodePreferredInterface": _prefer,
    "getNodePreferredInterface": _preferred,
}
