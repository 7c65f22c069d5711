"""What is in a repository, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from xolite_qt.cli.repo_access import plain

if TYPE_CHECKING:
    from xolite_qt.backup.merge import MergeOutcome
    from xolite_qt.backup.repository import Backup, Listing, Report

_KIB = 1024


def size_text(size_bytes: int) -> str:
    """A size in binary units: "1.5 GiB"."""
    size, unit = float(size_bytes), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < _KIB or unit == "PiB":
            break
        size /= _KIB
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def backup_json(backup: Backup) -> dict[str, Any]:
    """A backup for scripts; a disk's uuid is that of the snapshot that was read."""
    return {
        "id": backup.id,
        "vm": {"uuid": backup.vm_uuid, "name": backup.vm_name},
        "timestamp": backup.timestamp_ms,
        "mode": backup.mode,
        "size": backup.size_bytes,
        "tags": list(backup.tags),
        "disks": [
            {
                "uuid": disk.snapshot_uuid,
                "vdi": disk.uuid,
                "name": disk.name,
                "size": disk.size_bytes,
            }
            for disk in backup.disks
        ],
    }


def listing_json(listing: Listing) -> dict[str, Any]:
    """All backups for scripts."""
    return {
        "backups": [backup_json(backup) for backup in listing.backups],
        "damaged": [{"path": d.path, "what": d.what} for d in listing.damaged],
    }


def show_listing(listing: Listing) -> None:
    """All backups as a table; damaged descriptions on standard error."""
    rows = [("DATE (UTC)", "VM", "MODE", "SIZE", "DISKS", "ID")]
    for backup in listing.backups:
        rows.append(
            (
                _date(backup.timestamp_ms),
                plain(backup.vm_name) or backup.vm_uuid,
                backup.mode,
                size_text(backup.size_bytes),
                str(len(backup.disks)) if backup.mode == "delta" else "-",
                plain(backup.id),
            )
        )
    if len(rows) == 1:
        click.echo("No backups.")
    else:
        for line in _aligned(rows):
            click.echo(line)
    for error in listing.damaged:
        click.echo(plain(str(error)), err=True)


def _date(timestamp_ms: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def show_report(report: Report, *, verified: bool) -> None:
    """What a check or a verification found: problems on standard error, the sum below."""
    for problem in sorted(report.problems):
        click.echo(plain(f"{problem.path}: {problem.what}"), err=True)
    for note in sorted(report.notes):
        click.echo(plain(f"Note: {note.path}: {note.what}"))
    looked = f"{report.backups} backups of {report.vms} VMs, {report.disks} disks"
    if verified:
        looked += (
            f"; {report.blocks} blocks ({size_text(report.checked_bytes)}) read, "
            f"{report.proven_blocks} proven by their hashes"
        )
    count = len(report.problems)
    verdict = "no problems" if not count else "1 problem" if count == 1 else f"{count} problems"
    click.echo(f"{looked}: {verdict}.")


def merge_json(outcomes: Sequence[MergeOutcome], seconds: float) -> dict[str, Any]:
    """Merges for scripts."""
    problems = [_problem(outcome, what) for outcome in outcomes for what in outcome.errors]
    return {
        "ok": not problems,
        "problems": problems,
        "merged": [
            {"vm": outcome.vm_uuid, "path": merged.path, "blocks": merged.blocks}
            for outcome in outcomes
            for merged in outcome.merged
        ],
        "removed": [path for outcome in outcomes for path in outcome.removed],
        "seconds": round(seconds, 3),
    }


def _problem(outcome: MergeOutcome, error: str) -> dict[str, str]:
    """Errors of merges begin with the file that they are about."""
    path, colon, what = error.partition(": ")
    if not colon or " " in path:
        return {"path": f"xo-vm-backups/{outcome.vm_uuid}", "what": error}
    return {"path": path, "what": what}


def show_merges(answer: dict[str, Any]) -> None:
    """What `merge_json` says, in words."""
    for problem in answer["problems"]:
        click.echo(plain(f"{problem['path']}: {problem['what']}"), err=True)
    for merged in answer["merged"]:
        click.echo(plain(f"{merged['path']}: {merged['blocks']} blocks merged"))
    click.echo(
        f"{len(answer['merged'])} chains merged, {len(answer['removed'])} left-overs removed "
        f"in {answer['seconds']:.1f} s."
    )
