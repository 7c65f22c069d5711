"""The columns of a table of alarms, repeats folded together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xolite_qt.stores import AlarmGroup
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.message_words import message_words
from xolite_qt.xen_api import Severity

_SHOWN_BODY = 1000
_THROUGHPUT = "sr_io_throughput_total_"

_SEVERITY: dict[Severity, tuple[int, str, str, str]] = {
    Severity.CRITICAL: (0, "Critical", "danger", "danger"),
    Severity.ERROR: (1, "Error", "error", "danger"),
    Severity.WARNING: (2, "Warning", "warning", "warning"),
    Severity.INFO: (3, "Info", "info", "info"),
}


@dataclass(frozen=True)
class Target:
    """The object that an alarm is about.

    Attributes:
        name: as shown.
        kind: pool, host, vm; '' where there is no page to go to.
        ref: its reference, '' with no kind.
    """

    name: str
    kind: str = ""
    ref: str = ""


Find = Callable[[str, str], Target | None]
"""From an alarm's class and object uuid to the object, None while it isn't known."""


def alarm_columns(find: Find, *, compact: bool = False) -> tuple[Column[AlarmGroup], ...]:
    """Columns for `AlarmGroup`s.

    Args:
        find: the object of an alarm.
        compact: only what a card has room for.
    """
    alarm = Column[AlarmGroup](
        id="alarm",
        title="Alarm",
        value=sentence,
        text=lambda group: _times(group) + (subject(group) if compact else sentence(group)),
        search=sentence,
        tooltip=_explain,
        icon=lambda group: icons.icon(*severity_of(group)[2:]),
        width=178 if compact else 320,
    )
    value = Column[AlarmGroup](
        id="value",
        title="Measured",
        value=lambda group: group.newest.alarm.value,
        text=lambda group: (
            fmt.quantity(group.newest.alarm.value, group.newest.alarm.unit)
            if is_alarm(group)
            else ""
        ),
        kind=Kind.NUMBER,
        width=100,
    )
    thing = Column[AlarmGroup](
        id="object",
        title="Object",
        value=lambda group: target_name(group, find),
        tooltip=lambda group: f"{group.cls} {group.obj_uuid}",
        icon=lambda group: _icon(group.cls),
        kind=Kind.LINK,
        width=128 if compact else 200,
    )
    when = Column[AlarmGroup](
        id="at",
        title="Raised",
        value=lambda group: group.at.timestamp(),
        text=lambda group: fmt.relative(group.at),
        tooltip=_dates,
        kind=Kind.TIME,
        width=118 if compact else 140,
    )
    if compact:
        return (alarm, value, thing, when)
    severity = Column[AlarmGroup](
        id="severity",
        title="Severity",
        value=lambda group: severity_of(group)[0],
        text=lambda group: severity_of(group)[1],
        default_visible=True,
        width=110,
    )
    count = Column[AlarmGroup](
        id="count",
        title="Times",
        value=lambda group: group.count,
        kind=Kind.NUMBER,
        default_visible=False,
        width=80,
    )
    uuid = Column[AlarmGroup](
        id="uuid",
        title="Object UUID",
        value=lambda group: group.obj_uuid,
        default_visible=False,
        width=290,
    )
    return (alarm, value, thing, when, severity, count, uuid)


def severity_of(group: AlarmGroup) -> tuple[int, str, str, str]:
    """(rank with 0 the worst, word, icon, accent) of the worst repeat."""
    worst = min((row.alarm.severity for row in group.rows), key=lambda found: _SEVERITY[found][0])
    return _SEVERITY[worst]


def sentence(group: AlarmGroup) -> str:
    """What the newest repeat says, with its true units."""
    alarm = group.newest.alarm
    if not is_alarm(group):
        return message_words(alarm.kind)
    return fmt.alarm(_kind(group), alarm.level, alarm.unit)


def subject(group: AlarmGroup) -> str:
    """What is watched, without the threshold."""
    if not is_alarm(group):
        return message_words(group.newest.alarm.kind)
    return fmt.alarm_subject(_kind(group))


def is_alarm(group: AlarmGroup) -> bool:
    """Whether a number crossed its threshold; other messages tell what happened."""
    return group.newest.message.name == "ALARM"


def _kind(group: AlarmGroup) -> str:
    kind = group.newest.alarm.kind
    # The rest of the name is the start of an SR's uuid.
    return f"{_THROUGHPUT}per_host" if kind.startswith(_THROUGHPUT) else kind


def _times(group: AlarmGroup) -> str:
    return f"{fmt.count(group.count)}× " if group.count > 1 else ""


def target_name(group: AlarmGroup, find: Find) -> str:
    """Name of the object, or its class where it is gone."""
    target = find(group.cls, group.obj_uuid)
    if target is not None and target.name:
        return target.name
    return f"{group.cls} (gone)" if group.cls else "(unknown)"


def _icon(cls: str) -> object:
    names = {"vm": "vm", "host": "host", "sr": "sr", "pool": "pool", "vdi": "vdi"}
    return icons.icon(names.get(cls.lower(), "question"), "secondary")


def _explain(group: AlarmGroup) -> str:
    alarm = group.newest.alarm
    words = f"{severity_of(group)[1]}: {sentence(group)}"
    if not is_alarm(group):
        body = group.newest.message.body.strip()
        return f"{words}\n{body[:_SHOWN_BODY]}" if body else words
    return f"{words}\nWatched over {fmt.duration(alarm.period_s)}"


def _dates(group: AlarmGroup) -> str:
    shown = [fmt.absolute(row.at) for row in group.rows[:10]]
    if group.count > len(shown):
        shown.append(f"… and {fmt.count(group.count - len(shown))} more")
    return "\n".join(shown)
