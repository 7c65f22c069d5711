"""A host's settings that can be changed, as a form has them and as calls write them.

Pure: records in, values, problems and deeds out.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models import host_facts
from xolite_qt.xen_api import PIF, Host
from xolite_qt.xen_api.times import to_datetime

SYSLOG = "syslog_destination"
WAKE_ON_LAN = "wake-on-lan"
IPMI = "IPMI"
STORED = "power_on_password_secret"
ADDRESS, USER = "power_on_ip", "power_on_user"

_IQN = re.compile(r"iqn\.\d{4}-(0[1-9]|1[0-2])\.[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\S+)?")
_EUI = re.compile(r"eui\.[0-9A-Fa-f]{16}")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LONGEST_IQN = 223
_NEVER_YEAR = 2037
"""Licences that end in this year or later never do; hosts write the end of 32-bit time."""


@dataclass(frozen=True)
class Settings:
    """What the form holds.

    Attributes:
        syslog: where logs are sent; "" nowhere.
        iqn: the iSCSI initiator's name.
        power_on: "", "wake-on-lan", "IPMI", or the name of a plug-in of the host.
        bmc_address, bmc_user: of the management controller, for IPMI.
        bmc_password: a new one; "" keeps the one that is stored.
    """

    syslog: str = ""
    iqn: str = ""
    power_on: str = ""
    bmc_address: str = ""
    bmc_user: str = ""
    bmc_password: str = ""


def settings_of(host: Host) -> Settings:
    """The settings as they are."""
    config = host.power_on_config
    return Settings(
        syslog=host_facts.syslog(host),
        iqn=host_facts.iqn(host),
        power_on=host.power_on_mode,
        bmc_address=config.get(ADDRESS, ""),
        bmc_user=config.get(USER, ""),
    )


def has_password(host: Host) -> bool:
    """Whether a password for the management controller is stored."""
    return bool(host.power_on_config.get(STORED))


def problems(new: Settings, host: Host) -> dict[str, str]:
    """What is wrong, by name of the field."""
    found: dict[str, str] = {}
    if new.syslog and not _is_address(new.syslog):
        found["syslog"] = "This is no name or address of a computer."
    if new.iqn != host_facts.iqn(host) and (problem := _iqn_problem(new.iqn)):
        found["iqn"] = problem
    if new.power_on == IPMI:
        if not _is_address(new.bmc_address):
            found["bmc_address"] = "The controller's name or address is needed."
        if not new.bmc_user:
            found["bmc_user"] = "The controller's user is needed."
        if not new.bmc_password and not has_password(host):
            found |= {"bmc_password": "The controller's password is needed."}
    return found


def _iqn_problem(iqn: str) -> str:
    if not iqn:
        return "A host needs an iSCSI name."
    if len(iqn) > _LONGEST_IQN:
        return f"It may have {_LONGEST_IQN} characters at most."
    if not (_IQN.fullmatch(iqn) or _EUI.fullmatch(iqn)):
        return "It looks like iqn.2024-03.com.example:host1, in lower case."
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _HOST_NAME.fullmatch(text) is not None
    return True


def settings_deed(host: Host, new: Settings) -> Deed | None:
    """Writes what differs; None where nothing does."""
    old = settings_of(host)
    ref = host.ref
    has_syslog = SYSLOG in host.logging
    power = _power_changes(old, new)
    if old.syslog == new.syslog and old.iqn == new.iqn and not power:
        return None

    async def work(api: Any) -> None:
        if old.syslog != new.syslog:
            if has_syslog:
                await api.call("host.remove_from_logging", ref, SYSLOG)
            if new.syslog:
                await api.call("host.add_to_logging", ref, SYSLOG, new.syslog)
            await api.call("host.syslog_reconfigure", ref)
        if old.iqn != new.iqn:
            await api.call("host.set_iscsi_iqn", ref, new.iqn)
        if power:
            config = await _power_config(api, host, new)
            await api.call("host.set_power_on_mode", ref, new.power_on, config)

    return Deed(host.name_label, "Change settings", "settings changed", work)


def _power_changes(old: Settings, new: Settings) -> bool:
    if old.power_on != new.power_on or new.bmc_password:
        return True
    same_place = (old.bmc_address, old.bmc_user) == (new.bmc_address, new.bmc_user)
    return new.power_on == IPMI and not same_place


async def _power_config(api: Any, host: Host, new: Settings) -> dict[str, str]:
    if new.power_on != IPMI:
        # A plug-in's own settings are not ours to drop.
        return dict(host.power_on_config) if new.power_on == host.power_on_mode else {}
    secret = host.power_on_config.get(STORED, "")
    if new.bmc_password:
        # A rehearsal is shown to people: the password stays out of it, and what it made cannot be
        # read.
        rehearsed = getattr(api, "is_rehearsal", False)
        value = "********" if rehearsed else new.bmc_password
        made = await api.call("secret.create", {"value": value, "other_config": {}})
        secret = made if rehearsed else await api.call("secret.get_uuid", made)
    return {ADDRESS: new.bmc_address, USER: new.bmc_user, STORED: secret}


def multipathing_reason(host: Host) -> str | None:
    """Why multipathing can't be switched now, in words; None where it can."""
    if host.enabled:
        return (
            "Enter maintenance first: storage that is in use would not follow, and is plugged "
            "again only then."
        )
    return None


def multipathing_deed(host: Host, on: bool) -> Deed:
    """Switches it."""

    async def work(api: Any) -> None:
        await api.call("host.set_multipathing", host.ref, on)

    done = f"multipathing is {'on' if on else 'off'}; it counts for storage plugged from now on"
    return Deed(host.name_label, "Set multipathing", done, work)


def power_on_words(mode: str) -> str:
    """How a host can be switched on from afar."""
    return {"": "Not configured", WAKE_ON_LAN: "Wake-on-LAN", IPMI: "IPMI controller"}.get(
        mode, mode
    )


def licence_end(host: Host) -> tuple[str, float | None]:
    """When the licence ends: words for never and unknown, and seconds since 1970 otherwise."""
    date = to_datetime(host.license_params.get("expiry", ""))
    if date is None:
        return "Unknown", None
    if date.year >= _NEVER_YEAR:
        return "Never", None
    return "", date.timestamp()


def time_servers(host: Host) -> str:
    """Where the host gets its time from; "" where this version of XAPI does not say."""
    if not host.ntp_mode:
        return ""
    words = {
        "dhcp": "From DHCP",
        "custom": "Own servers",
        "factory": "Servers of the installation",
        "disabled": "Off",
    }.get(host.ntp_mode.lower(), host.ntp_mode)
    return f"{words}: {', '.join(host.ntp_custom_servers)}" if host.ntp_custom_servers else words


def management_interface(host: Host, pifs: Mapping[str, PIF]) -> PIF | None:
    """The interface that the host is managed over."""
    for ref in host.pifs:
        pif = pifs.get(ref)
        if pif is not None and pif.management:
            return pif
    return None
