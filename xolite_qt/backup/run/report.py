"""Telling people how a run ended: mail, chats, web hooks, the desktop, through apprise."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from xolite_qt.backup.jobs.model import Job
from xolite_qt.backup.runs.events import Outcome
from xolite_qt.backup.runs.state import ItemState, RunState

_WORDS: dict[str, str] = {
    "success": "succeeded",
    "warning": "succeeded, with warnings",
    "failure": "failed",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
    "interrupted": "was interrupted",
}


def wanted(job: Job, outcome: Outcome) -> bool:
    """Whether anybody is to hear of it."""
    if job.report.when == "never":
        return False
    return job.report.when == "always" or outcome not in ("success", "skipped")


def subject(job: Job, outcome: Outcome) -> str:
    """One line: what, where, how."""
    where = job.host.name or job.host.url
    # A line break in a name would end the subject of a mail, and begin another header.
    return " ".join(f"Backup {job.name} of {where} {_WORDS[outcome]}".split())


def body(job: Job, outcome: Outcome, error: str, state: RunState) -> str:
    """Plain text: every VM and disk with its bytes and speed, and every error."""
    lines = [subject(job, outcome), ""]
    if error:
        lines += [error, ""]
    for item in state.roots:
        lines += _lines(item, 0)
    for note in state.notes:
        if note.level != "info":
            lines.append(f"{note.level}: {note.text}")
    lines += ["", f"Host: {job.host.name} {job.host.url}".replace("  ", " ")]
    return "\n".join(lines)


def _lines(item: ItemState, depth: int) -> list[str]:
    text = f"{'  ' * depth}{item.item.name}: {_WORDS[item.outcome or 'interrupted']}"
    if item.transferred_bytes:
        text += f", {_mib(item.transferred_bytes)} transferred"
    if item.written_bytes:
        text += f", {_mib(item.written_bytes)} written"
    if item.speed_bytes_per_s and item.transferred_bytes:
        text += f", {_mib(item.speed_bytes_per_s)}/s"
    if item.facts.get("way"):
        text += f" ({item.facts['way']})"
    lines = [text]
    if item.error:
        lines.append(f"{'  ' * depth}  {item.error}")
    for note in item.notes:
        if note.level != "info":
            lines.append(f"{'  ' * depth}  {note.level}: {note.text}")
    for child in item.children:
        lines += _lines(child, depth + 1)
    return lines


def _mib(number: float) -> str:
    return f"{number / 1024**2:.1f} MiB"


def send_report(
    job: Job, outcome: Outcome, error: str, state: RunState, addresses: Mapping[str, str]
) -> list[str]:
    """Tells everybody who wants to know; blocks.

    Args:
        job: whose run.
        outcome: how it ended.
        error: one sentence, or nothing.
        state: its log so far.
        addresses: of reports, by name.

    Returns:
        What did not work, a sentence each, without secrets.
    """
    if not wanted(job, outcome) or not job.report.targets:
        return []
    try:
        import apprise
    except ImportError as missing:
        return [f"no report was sent: apprise cannot be used ({missing})"]
    # What it says of its troubles may hold an address, and an address is a secret.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    title, text = subject(job, outcome), body(job, outcome, error, state)
    kind = {"success": "success", "warning": "warning"}.get(outcome, "failure")
    troubles = []
    for name in job.report.targets:
        address = addresses.get(name)
        if not address:
            troubles.append(f"the report to {name} was not sent: the keyring has no address")
            continue
        sender = apprise.Apprise()
        if not sender.add(address):
            troubles.append(f"the report to {name} was not sent: its address is not understood")
        elif not sender.notify(
            body=text, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
        ):
            troubles.append(f"the report to {name} could not be sent")
    return troubles
