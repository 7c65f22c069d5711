"""The columns of the tables of jobs, runs and repositories."""

from __future__ import annotations

import time
from collections.abc import Callable

from xolite_qt.stores.backup_rows import JobRow, RepositoryRow, RunRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.models.column import Column, Kind


def job_columns(
    *,
    matching: Callable[[JobRow], int | None] = lambda _row: None,
    zone: str = "",
) -> tuple[Column[JobRow], ...]:
    """Columns of jobs.

    Args:
        matching: how many VMs a job's selection means now; None where that is not known.
        zone: this machine's time zone, which is not named.
    """
    return (
        Column[JobRow](
            id="name",
            title="Job",
            value=lambda row: row.job.name or "(no name)",
            icon=_health_icon,
            tooltip=_health_tip,
            width=170,
        ),
        Column[JobRow](
            id="vms",
            title="VMs",
            value=lambda row: words.selection(row.job.selection, _count(matching, row)),
            width=170,
        ),
        Column[JobRow](
            id="schedule",
            title="Schedule",
            value=lambda row: words.schedule(row.job.schedule, local_zone=zone),
            width=220,
        ),
        Column[JobRow](
            id="last",
            title="Last run",
            value=lambda row: row.last.at_s if row.last else None,
            text=_last_text,
            tooltip=_last_tip,
            icon=_last_icon,
            kind=Kind.TIME,
            width=150,
        ),
        Column[JobRow](
            id="next",
            title="Next run",
            value=lambda row: row.next_s,
            text=_next_text,
            tooltip=lambda row: row.trouble or fmt.absolute(row.next_s),
            kind=Kind.TIME,
            width=110,
        ),
        Column[JobRow](
            id="written",
            title="Written last",
            value=lambda row: row.last.written_bytes if row.last else None,
            text=lambda row: fmt.size(row.last.written_bytes) if row.last else "",
            kind=Kind.BYTES,
            default_visible=False,
            width=110,
        ),
        Column[JobRow](
            id="repositories",
            title="Repositories",
            value=lambda row: row.repositories,
            text=lambda row: ", ".join(row.repositories) or "none",
            width=150,
        ),
        Column[JobRow](
            id="mode",
            title="Mode",
            value=lambda row: words.mode(row.job),
            default_visible=False,
            width=110,
        ),
        Column[JobRow](
            id="retention",
            title="Keeps",
            value=lambda row: words.retention(row.job.retention),
            default_visible=False,
            width=200,
        ),
        Column[JobRow](
            id="host",
            title="Pool",
            value=lambda row: row.job.host.name or row.job.host.url,
            default_visible=False,
            width=140,
        ),
    )


def _count(matching: Callable[[JobRow], int | None], row: JobRow) -> int | None:
    return None if row.job.selection.how == "chosen" else matching(row)


def _health_icon(row: JobRow) -> object:
    if row.active is not None:
        return icons.icon("backup", state="pending")
    if row.trouble:
        return icons.icon("backup", state="warning")
    if not row.job.schedule.enabled:
        return icons.icon("backup", "secondary", state="disabled")
    return icons.icon("backup", state=words.BADGES.get(row.health) if row.last else None)


def _health_tip(row: JobRow) -> str:
    said = [row.job.name]
    if row.active is not None:
        said.append("It runs now")
    if row.trouble:
        said.append(row.trouble)
    if row.last is not None:
        said.append(f"Last run: {words.outcome(row.last.outcome)[0].lower()}")
    return "\n".join(said)


def _outcome_icon(row: RunRow) -> object:
    _words, icon, color = words.outcome(row.outcome)
    return icons.icon(icon, color)


def _last_icon(row: JobRow) -> object:
    if row.active is not None:
        return _outcome_icon(row.active)
    return _outcome_icon(row.last) if row.last else None


def _last_text(row: JobRow) -> str:
    if row.active is not None:
        return "at work now"
    if row.last is None:
        return "never"
    if row.last.outcome == "success":
        return fmt.relative(row.last.at_s)
    return f"{words.outcome(row.last.outcome)[0]}, {fmt.relative(row.last.at_s)}"


def _last_tip(row: JobRow) -> str:
    if row.last is None:
        return "It has not run yet"
    lines = [fmt.absolute(row.last.at_s), words.outcome(row.last.outcome)[0], row.last.error]
    return "\n".join(line for line in lines if line)


def _next_text(row: JobRow) -> str:
    if row.next_s is None:
        return "" if row.job.schedule.enabled else "by hand"
    return fmt.relative(row.next_s)


def run_columns(*, job_name: Callable[[RunRow], str]) -> tuple[Column[RunRow], ...]:
    """Columns of a log of runs.

    Args:
        job_name: name of the job that a run belongs to; "" for work by hand.
    """
    return (
        Column[RunRow](
            id="title",
            title="Run",
            value=lambda row: row.spec.title or words.kind(row.spec.kind)[0],
            icon=lambda row: icons.icon(words.kind(row.spec.kind)[1], "secondary"),
            width=200,
        ),
        Column[RunRow](
            id="outcome",
            title="Outcome",
            value=outcome_text,
            icon=_outcome_icon,
            tooltip=lambda row: row.error or words.outcome(row.outcome)[0],
            width=150,
        ),
        Column[RunRow](
            id="started",
            title="Started",
            value=lambda row: row.at_s,
            text=lambda row: fmt.relative(row.at_s),
            tooltip=lambda row: fmt.absolute(row.at_s),
            kind=Kind.TIME,
            width=120,
        ),
        Column[RunRow](
            id="took",
            title="Took",
            value=took_s,
            text=lambda row: "" if took_s(row) is None else fmt.duration(took_s(row)),
            kind=Kind.NUMBER,
            width=112,
        ),
        Column[RunRow](
            id="transferred",
            title="Transferred",
            value=lambda row: row.transferred_bytes or None,
            text=lambda row: fmt.size(row.transferred_bytes) if row.transferred_bytes else "",
            kind=Kind.BYTES,
            width=122,
        ),
        Column[RunRow](
            id="written",
            title="Written",
            value=lambda row: row.written_bytes or None,
            text=lambda row: fmt.size(row.written_bytes) if row.written_bytes else "",
            kind=Kind.BYTES,
            width=100,
        ),
        Column[RunRow](
            id="error",
            title="What was said",
            value=lambda row: row.error or None,
            width=240,
        ),
        Column[RunRow](
            id="kind",
            title="Kind",
            value=lambda row: words.kind(row.spec.kind)[0],
            default_visible=False,
            width=110,
        ),
        Column[RunRow](id="job", title="Job", value=job_name, default_visible=False, width=140),
        Column[RunRow](
            id="by",
            title="Started by",
            value=lambda row: _BY.get(row.spec.by, row.spec.by),
            default_visible=False,
            width=100,
        ),
        Column[RunRow](
            id="warnings",
            title="Warnings",
            value=lambda row: row.warnings or None,
            kind=Kind.NUMBER,
            default_visible=False,
            width=90,
        ),
    )


def outcome_text(row: RunRow) -> str:
    """How a run ended, or how far it is."""
    said = words.outcome(row.outcome)[0]
    return said if row.fraction is None else f"{said}, {fmt.percent(row.fraction)}"


_BY = {"user": "You", "schedule": "Schedule", "command": "Command"}


def took_s(row: RunRow) -> float | None:
    """How long it took, or has taken so far."""
    if row.started_s is None:
        return None
    end_s = row.ended_s if row.ended_s is not None else (time.time() if row.is_active else None)
    return None if end_s is None else max(0.0, end_s - row.started_s)


def repository_columns() -> tuple[Column[RepositoryRow], ...]:
    """Columns of repositories."""
    return (
        Column[RepositoryRow](
            id="name",
            title="Repository",
            value=lambda row: row.saved.name or "(no name)",
            icon=_repository_icon,
            tooltip=lambda row: "\n".join(filter(None, (row.saved.name, row.error, row.advice))),
            width=170,
        ),
        Column[RepositoryRow](
            id="where",
            title="Where",
            value=lambda row: where(row.saved.url),
            tooltip=lambda row: where(row.saved.url),
            width=200,
        ),
        Column[RepositoryRow](
            id="state",
            title="State",
            value=lambda row: "Unreadable" if _is_bad(row) else repository_state(row),
            icon=_repository_state_icon,
            tooltip=lambda row: "\n".join(filter(None, (repository_state(row), row.advice))),
            width=160,
        ),
        Column[RepositoryRow](
            id="backups",
            title="Backups",
            value=lambda row: row.backups,
            text=lambda row: fmt.count(row.backups),
            kind=Kind.NUMBER,
            width=85,
        ),
        Column[RepositoryRow](
            id="vms",
            title="VMs",
            value=lambda row: row.vms,
            text=lambda row: fmt.count(row.vms),
            kind=Kind.NUMBER,
            width=65,
        ),
        Column[RepositoryRow](
            id="used",
            title="Used",
            value=lambda row: row.used_bytes,
            text=lambda row: fmt.size(row.used_bytes),
            kind=Kind.BYTES,
            width=90,
        ),
        Column[RepositoryRow](
            id="free",
            title="Free",
            value=lambda row: row.free_bytes,
            text=lambda row: fmt.size(row.free_bytes),
            kind=Kind.BYTES,
            width=90,
        ),
        Column[RepositoryRow](
            id="checked",
            title="Last check",
            value=lambda row: row.checked.at_s if row.checked else None,
            text=_checked_text,
            tooltip=lambda row: fmt.absolute(row.checked.at_s) if row.checked else "never",
            icon=lambda row: _outcome_icon(row.checked) if row.checked else None,
            kind=Kind.TIME,
            width=130,
        ),
        Column[RepositoryRow](
            id="encrypted",
            title="Encrypted",
            value=lambda row: fmt.yes_no(row.saved.encrypted),
            icon=lambda row: icons.icon("lock", "secondary") if row.saved.encrypted else None,
            width=100,
        ),
    )


def _repository_icon(row: RepositoryRow) -> object:
    name = "folder" if row.saved.url.startswith("file:") else "sr"
    if row.error:
        return icons.icon(name, state="danger")
    return icons.icon(name)


def _is_bad(row: RepositoryRow) -> bool:
    return bool(row.error) and row.active is None


def repository_state(row: RepositoryRow) -> str:
    """How a repository does, in a few words."""
    if row.active is not None:
        return f"{words.kind(row.active.spec.kind)[0]} at work"
    if row.error:
        return row.error
    if row.loading:
        return "Being read…"
    return "Ready"


def _repository_state_icon(row: RepositoryRow) -> object:
    if row.active is not None:
        return icons.icon("refresh", "info-item")
    if row.error:
        return icons.icon("error", "danger")
    if row.loading:
        return icons.icon("hourglass", "secondary")
    return icons.icon("success", "success")


def _checked_text(row: RepositoryRow) -> str:
    if row.checked is None:
        return "never"
    when = fmt.relative(row.checked.at_s)
    return when if row.checked.outcome == "success" else f"problems, {when}"


def where(url: str) -> str:
    """A repository's place for people: a path, or `bucket/folder at host`; never a secret."""
    scheme, _, rest = url.partition("://")
    if scheme == "file":
        return rest
    rest = rest.rpartition("@")[2].partition("#")[0].partition("?")[0]
    host, _, path = rest.partition("/")
    return f"{path} at {host}" if path else host
