"""Messages as xapi and perfmon write them: alarms, and what happened to VMs.

Source: `xapi.md` 1.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

ALARM_PRIORITY = 3
LIFECYCLE_PRIORITY = 5

# The class names of messages are not those of the wire.
MESSAGE_CLASS = {"VM": "VM", "host": "Host", "SR": "SR", "pool": "Pool", "VDI": "VDI"}


def alarm_body(name: str, value: float, level: float, *, period_s: int = 60) -> str:
    """The body of an ALARM.

    Args:
        name: what perfmon watches, e.g. "cpu_usage".
        value: what it found; a share of 1, kB/s or KiB, after the name.
        level: where it starts to complain.
        period_s: how long it waited.
    """
    return (
        f"value: {value:f}\nconfig:\n<variable>\n"
        f'\t<name value="{name}"/>\n'
        f'\t<alarm_trigger_level value="{level:g}"/>\n'
        f'\t<alarm_trigger_period value="{period_s}"/>\n'
        f'\t<alarm_auto_inhibit_period value="3600"/>\n'
        "</variable>\n"
    )


def perfmon_config(name: str, level: float, *, period_s: int = 60) -> str:
    """What stands in `other_config["perfmon"]` of an object that is watched."""
    return (
        f'<config><variable><name value="{name}"/><alarm_trigger_level value="{level:g}"/>'
        f'<alarm_trigger_period value="{period_s}"/></variable></config>'
    )


def add_alarm(
    host: DemoHost, cls: str, ref: str, name: str, value: float, level: float, *, age_s: float = 0.0
) -> str:
    """Store an ALARM about an object.

    Returns:
        The message's reference.
    """
    return host.db.create(
        "message",
        {
            "name": "ALARM",
            "priority": ALARM_PRIORITY,
            "cls": MESSAGE_CLASS[cls],
            "obj_uuid": host.db.get(cls, ref)["uuid"],
            "timestamp": host.clock.iso(-age_s),
            "body": alarm_body(name, value, level),
        },
    )


def add_lifecycle(host: DemoHost, vm: str, name: str, what: str, *, age_s: float) -> str:
    """Store what happened to a VM.

    Args:
        host: where.
        vm: reference.
        name: e.g. "VM_STARTED".
        what: the end of the sentence, e.g. "shutdown".
        age_s: how long ago.
    """
    record = host.db.get("VM", vm)
    return host.db.create(
        "message",
        {
            "name": name,
            "priority": 2 if name == "VM_CRASHED" else LIFECYCLE_PRIORITY,
            "cls": "VM",
            "obj_uuid": record["uuid"],
            "timestamp": host.clock.iso(-age_s),
            "body": f"VM '{record['name_label']}' (uuid: {record['uuid']}) {what}",
        },
    )
