"""Which storage repository serves as the pool's default, for suspended VMs and for crash dumps.

The host takes any reference for these roles and checks nothing; so what could not serve is told
apart here, with the reason. Pure: records in, options out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import NULL_REF, PBD, SR, Host, Pool

FULL_BYTES = 256 * 1024**2
"""With less free than this, an SR counts as full: neither memory nor a dump of a VM fits."""

NONE_WORDS = "None"


class Role(StrEnum):
    """What an SR may be chosen for."""

    DEFAULT = "default"
    SUSPEND = "suspend"
    CRASH_DUMP = "crash_dump"


ROLE_WORDS = {
    Role.DEFAULT: "Default SR",
    Role.SUSPEND: "Suspend SR",
    Role.CRASH_DUMP: "Crash dump SR",
}

ROLE_HINTS = {
    Role.DEFAULT: "Where new disks go when nobody says where.",
    Role.SUSPEND: "Where the memory of suspended VMs is kept.",
    Role.CRASH_DUMP: "Where the memory of a crashed VM is kept, if the VM wants it. Recent "
    "versions of XAPI deprecate crash dumps of VMs. Dumps of a host's own kernel stay on the "
    "host's own disk and never use this SR.",
}

POOL_SETTERS = {
    Role.DEFAULT: "pool.set_default_SR",
    Role.SUSPEND: "pool.set_suspend_image_SR",
    Role.CRASH_DUMP: "pool.set_crash_dump_SR",
}

HOST_SETTERS = {
    Role.SUSPEND: "host.set_suspend_image_sr",
    Role.CRASH_DUMP: "host.set_crash_dump_sr",
}


@dataclass(frozen=True)
class SrOption:
    """One entry of a picker.

    Attributes:
        ref: what is set when it is chosen; `NULL_REF` for none.
        text: its name, and its reason where it can't serve.
        reason: why it can't serve, or None.
        warning: what speaks against it though it can serve, or "".
        missing: whether the host does not know this SR any more.
    """

    ref: str
    text: str
    reason: str | None = None
    warning: str = ""
    missing: bool = False


def current_ref(owner: Pool | Host, role: Role) -> str:
    """The SR that has a role now; `NULL_REF` where none has."""
    if role is Role.DEFAULT:
        ref = owner.default_sr if isinstance(owner, Pool) else NULL_REF
    elif role is Role.SUSPEND:
        ref = owner.suspend_image_sr
    else:
        ref = owner.crash_dump_sr
    # Old databases hold "" where newer ones hold the null reference.
    return ref or NULL_REF


def options(
    current: str,
    srs: Mapping[str, SR],
    pbds: Mapping[str, PBD],
    hosts: Mapping[str, Host],
    only_host: str = "",
) -> list[SrOption]:
    """What a picker offers: none, what can serve, what can't, and a dangling reference.

    Args:
        current: the reference that the field holds now.
        srs: of the pool.
        pbds: of the pool.
        hosts: of the pool.
        only_host: for a host's own field: the host that must reach the SR.
    """
    named = sorted(srs.values(), key=lambda sr: (sr.name_label.casefold(), sr.uuid))
    found = [_option(sr, pbds, hosts, only_host) for sr in named]
    usable = [option for option in found if option.reason is None]
    others = [option for option in found if option.reason is not None]
    first = [SrOption(NULL_REF, NONE_WORDS)]
    if current != NULL_REF and current not in srs:
        first.append(missing_option(current))
    return first + usable + others


def missing_option(ref: str) -> SrOption:
    """The entry of a reference that leads nowhere."""
    ident = ref.removeprefix("OpaqueRef:")
    return SrOption(
        ref,
        f"Missing SR ({ident})",
        "The pool does not know this SR any more.",
        missing=True,
    )


def _option(sr: SR, pbds: Mapping[str, PBD], hosts: Mapping[str, Host], only_host: str) -> SrOption:
    name = sr.name_label or sr.uuid
    plugs = [pbd for ref in sr.pbds if (pbd := pbds.get(ref)) is not None]
    reason = why_not(sr, plugs, hosts, only_host)
    if reason is not None:
        return SrOption(sr.ref, f"{name} · {reason}", reason)
    room = f"{fmt.size(free_bytes(sr))} free"
    if sr.shared or only_host or len(hosts) < 2:
        return SrOption(sr.ref, f"{name} · {room}")
    home = _host_name(plugs[0].host, hosts) if plugs else "one host"
    return SrOption(
        sr.ref,
        f"{name} · {room} · local to {home}",
        warning=f"It is local: only {home} reaches it. What the other hosts would put there fails.",
    )


def free_bytes(sr: SR) -> int:
    """What can still be written."""
    return max(sr.physical_size - sr.physical_utilisation, 0)


def why_not(
    sr: SR, plugs: Sequence[PBD], hosts: Mapping[str, Host], only_host: str = ""
) -> str | None:
    """Why an SR can't serve, in words; None where it can.

    Args:
        sr: the repository.
        plugs: its PBDs.
        hosts: of the pool.
        only_host: the host that must reach it; "" for all that should.
    """
    if sr.is_tools_sr:
        return "holds the guest tools only"
    if sr.content_type == "iso" or sr.type == "iso":
        return "holds ISO images only"
    if sr.type == "udev":
        return "removable devices, no room for disks"
    if sr.physical_size == 0:
        return "has no room of its own (size 0)"
    if sr.physical_size < 0:
        return "its driver tells no size"
    if (detached := _detached(sr, plugs, hosts, only_host)) is not None:
        return detached
    free = free_bytes(sr)
    if free < FULL_BYTES:
        return f"full ({fmt.size(free)} free)"
    return None


def _detached(
    sr: SR, plugs: Sequence[PBD], hosts: Mapping[str, Host], only_host: str
) -> str | None:
    attached = {pbd.host for pbd in plugs if pbd.currently_attached}
    if only_host:
        if only_host in attached:
            return None
        known = any(pbd.host == only_host for pbd in plugs)
        name = _host_name(only_host, hosts)
        return f"detached on {name}" if known else f"cannot be seen from {name}"
    if not plugs:
        return "connected to no host"
    wanted = list(hosts) if sr.shared else [pbd.host for pbd in plugs]
    lacking = [_host_name(ref, hosts) for ref in wanted if ref not in attached]
    if not lacking:
        return None
    if len(lacking) > 2:
        return f"detached on {len(lacking)} hosts"
    return f"detached on {' and '.join(lacking)}"


def _host_name(ref: str, hosts: Mapping[str, Host]) -> str:
    host = hosts.get(ref)
    return (host.name_label or host.uuid) if host is not None else "an unknown host"


def option_of(ref: str, among: Sequence[SrOption]) -> SrOption:
    """The option of a reference; a missing one where it is not among them."""
    return next((option for option in among if option.ref == ref), missing_option(ref))


def why_not_for_all(pool: Pool, offered: Sequence[SrOption]) -> str | None:
    """Why the default SR can't take all three roles now, in words; None where it can."""
    ref = current_ref(pool, Role.DEFAULT)
    if ref == NULL_REF:
        return "Choose a default SR first."
    option = option_of(ref, offered)
    if option.reason is not None:
        return f"The default SR can't serve: {option.reason.rstrip('.')}."
    if all(current_ref(pool, role) == ref for role in Role):
        return "All three are the default SR already."
    return None
