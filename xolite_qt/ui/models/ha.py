"""High availability of a pool: what may carry its heartbeat, and what changes it.

Pure: records in, options, words, reasons and deeds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models.sr_roles import SrOption
from xolite_qt.xen_api import PBD, SM, SR, Host, Pool

_OFFLINE = ("VDI_GENERATE_CONFIG", "VDI_ATTACH_OFFLINE")
"""A driver needs one of these: hosts open the state file before their toolstack runs."""

_UNKNOWN = "The pool is not known yet."
_IS_ON = "High availability is on already."
_IS_OFF = "High availability is off."


def licence_reason(hosts: Iterable[Host]) -> str | None:
    """Why the licence of a host does not allow it; None where it does, as in XCP-ng."""
    for host in hosts:
        if host.license_params.get("restrict_ha", "").lower() == "true":
            edition = f" ({host.edition})" if host.edition else ""
            return f"The licence of {host.name_label}{edition} does not include high availability."
    return None


def enable_reason(pool: Pool | None, hosts: Iterable[Host]) -> str | None:
    """Why it cannot be switched on now."""
    if pool is None:
        return _UNKNOWN
    if pool.ha_enabled:
        return _IS_ON
    return licence_reason(hosts)


def disable_reason(pool: Pool | None) -> str | None:
    """Why it cannot be switched off now."""
    if pool is None:
        return _UNKNOWN
    return None if pool.ha_enabled else _IS_OFF


def failures_reason(pool: Pool | None) -> str | None:
    """Why the number of failures cannot be set now."""
    reason = disable_reason(pool)
    return f"{_IS_OFF} It is asked for when it is switched on." if reason == _IS_OFF else reason


def heartbeat_options(
    srs: Mapping[str, SR],
    pbds: Mapping[str, PBD],
    hosts: Mapping[str, Host],
    drivers: Mapping[str, SM],
) -> list[SrOption]:
    """All SRs, those first that can carry the heartbeat; the others with their reason."""
    named = sorted(srs.values(), key=lambda sr: (sr.name_label.casefold(), sr.uuid))
    by_type = {driver.type: driver for driver in drivers.values()}
    found = []
    for sr in named:
        name = sr.name_label or sr.uuid
        reason = why_no_heartbeat(sr, pbds, hosts, by_type.get(sr.type))
        text = f"{name} · {sr.type}" if reason is None else f"{name} · {reason}"
        found.append(SrOption(sr.ref, text, reason))
    return sorted(found, key=lambda option: option.reason is not None)


def why_no_heartbeat(
    sr: SR, pbds: Mapping[str, PBD], hosts: Mapping[str, Host], driver: SM | None
) -> str | None:
    """Why an SR cannot carry the heartbeat, in words; None where it can.

    Args:
        driver: what serves the SR; None where that is not known: the host judges then.
    """
    if sr.content_type == "iso" or sr.type in ("iso", "udev"):
        return "holds no disks of its own"
    if not sr.shared:
        return "not shared: only one host reaches it"
    attached = {
        pbd.host for ref in sr.pbds if (pbd := pbds.get(ref)) is not None and pbd.currently_attached
    }
    lacking = sorted(host.name_label for ref, host in hosts.items() if ref not in attached)
    if lacking:
        where = " and ".join(lacking) if len(lacking) < 3 else f"{len(lacking)} hosts"
        return f"not connected to {where}"
    if driver is not None and not any(feature in driver.features for feature in _OFFLINE):
        return f"the driver {driver.type} cannot carry a heartbeat"
    return None


def state_words(pool: Pool) -> tuple[str, str]:
    """The state as the mark of a card, and its words."""
    if not pool.ha_enabled:
        return "disabled", "Off"
    if pool.ha_overcommitted:
        return "warning", "On, overcommitted"
    return "running", "On"


def failures_words(number: int) -> str:
    """'2 host failures', 'none'."""
    return fmt.plural(number, "host failure", "host failures") if number else "None"


def overcommit_words(pool: Pool) -> str:
    """What being overcommitted means, or that it is not."""
    if not pool.ha_overcommitted:
        return "No"
    return "Yes: not all protected VMs could be restarted"


def enable_deed(pool: Pool, sr: str, failures: int) -> Deed:
    """Puts the state file on an SR and begins; then says how many hosts may fail."""

    async def work(api: Any) -> None:
        await api.run("pool.enable_ha", [sr], {})
        if failures != pool.ha_host_failures_to_tolerate:
            await api.call("pool.set_ha_host_failures_to_tolerate", pool.ref, failures)

    return Deed(pool.name_label, "Enable high availability", "high availability is on", work)


def disable_deed(pool: Pool) -> Deed:
    """Ends it."""

    async def work(api: Any) -> None:
        await api.run("pool.disable_ha")

    return Deed(pool.name_label, "Disable high availability", "high availability is off", work)


def disable_question(pool: Pool) -> Question:
    """What is lost by it."""
    return Question(
        title=f"Disable high availability of {pool.name_label}?",
        text="If a host fails from then on, its VMs stay down until somebody starts them. What "
        "each VM is to do stays noted, for when it is enabled again.",
        verb="Disable",
        harm=Harm.DISRUPTIVE,
        objects=(pool.name_label,),
    )


def failures_deed(pool: Pool, failures: int) -> Deed:
    """Says how many hosts may fail."""

    async def work(api: Any) -> None:
        await api.call("pool.set_ha_host_failures_to_tolerate", pool.ref, failures)

    return Deed(pool.name_label, "Set host failures", "host failures to tolerate set", work)
