"""What the pool's record says about it, read into plain values, and what changes it.

Pure: records in, values and deeds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models import sr_roles
from xolite_qt.ui.models.sr_roles import Role
from xolite_qt.xen_api import NULL_REF, Host, Network, Pool

BACKUP_NETWORK = "xo:backupNetwork"
AUTO_POWER_ON = "auto_poweron"


def truth(text: str | None) -> bool:
    """How XAPI reads a yes in a map of strings."""
    return (text or "").strip().lower() in ("true", "1", "yes", "on")


def auto_power_on(pool: Pool) -> bool:
    """Whether VMs that are marked for it start with their host."""
    return truth(pool.other_config.get(AUTO_POWER_ON))


def backup_network(pool: Pool, networks: Mapping[str, Network]) -> tuple[str, str]:
    """The network that backups should take: its reference, and words for it.

    The setting holds a uuid. The reference is "" where none is set or it is gone; the words are ""
    only where none is set.
    """
    uuid = pool.other_config.get(BACKUP_NETWORK, "")
    if not uuid:
        return "", ""
    for network in networks.values():
        if network.uuid == uuid:
            return network.ref, network.name_label or uuid
    return "", f"Missing network ({uuid})"


def map_deed(record: Pool | Host, field: str, key: str, value: str, label: str, done: str) -> Deed:
    """Sets one key of a map of the pool or a host, or takes it away with "".

    Args:
        record: whose map it is.
        field: of the wire: "other_config".
        key: in the map.
        value: "" takes the key away.
        label: the verb of the deed.
        done: words for its end.
    """
    kind = "pool" if isinstance(record, Pool) else "host"
    held = (
        record.logging if field == "logging" and isinstance(record, Host) else (record.other_config)
    )
    has_key = key in held

    async def work(api: Any) -> None:
        if has_key:
            await api.call(f"{kind}.remove_from_{field}", record.ref, key)
        if value:
            await api.call(f"{kind}.add_to_{field}", record.ref, key, value)

    return Deed(record.name_label, label, done, work)


def field_deed(record: Pool | Host, method: str, value: Any, label: str, done: str) -> Deed:
    """Sets one field by its own setter."""

    async def work(api: Any) -> None:
        await api.call(method, record.ref, value)

    return Deed(record.name_label, label, done, work)


def role_deed(record: Pool | Host, role: Role, sr: str) -> Deed:
    """Gives a role to an SR; `NULL_REF` takes it away from any."""
    setters = sr_roles.POOL_SETTERS if isinstance(record, Pool) else sr_roles.HOST_SETTERS
    words = sr_roles.ROLE_WORDS[role]
    done = f"{words} changed" if sr != NULL_REF else f"it has no {words} any more"
    return field_deed(record, setters[role], sr, f"Set {words}", done)


def one_for_all_deed(pool: Pool) -> Deed:
    """Lets the default SR also keep suspended VMs and crash dumps."""
    ref = sr_roles.current_ref(pool, Role.DEFAULT)

    async def work(api: Any) -> None:
        for role in (Role.SUSPEND, Role.CRASH_DUMP):
            if sr_roles.current_ref(pool, role) != ref:
                await api.call(sr_roles.POOL_SETTERS[role], pool.ref, ref)

    return Deed(pool.name_label, "Use one SR for all", "one SR serves for all three", work)


def hosts_that_differ(pool: Pool, hosts: Mapping[str, Host]) -> list[str]:
    """Names of hosts whose own SRs for suspended VMs or crash dumps are not the pool's."""
    names = []
    for host in hosts.values():
        for role in (Role.SUSPEND, Role.CRASH_DUMP):
            if sr_roles.current_ref(host, role) != sr_roles.current_ref(pool, role):
                names.append(host.name_label or host.uuid)
                break
    return sorted(names, key=str.casefold)
