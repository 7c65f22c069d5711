"""`xolite-qt backup`: back VMs up now, see what was done, and run what is due."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xolite_qt.cli.options import HostOptions, host_options
from xolite_qt.cli.repo_access import (
    INTERRUPTED,
    OPEN_BUDGET_S,
    OPEN_TRIES,
    PROBLEMS,
    UNREACHABLE,
    Address,
    Ending,
    address_of,
    echo_json,
    ending,
    plain,
    stoppable,
)

if TYPE_CHECKING:
    import threading

    from xolite_qt.backup.errors import BackupError
    from xolite_qt.backup.run.targets import Target
    from xolite_qt.backup.runs.events import RunSpec
    from xolite_qt.backup.runs.recorder import RunRecorder
    from xolite_qt.backup.runs.state import ItemState, RunState

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")


@click.group("backup")
def backup() -> None:
    """Back VMs up, and see how that went.

    Exit codes: 0 all is well, 1 something failed, 2 the command line is wrong, 3 the host or the
    repository cannot be reached, 130 stopped.
    """


@backup.command("run")
@host_options()
@click.option("--vm", "vms", multiple=True, required=True, metavar="NAME_OR_UUID")
@click.option("--repo", "repos", multiple=True, required=True, metavar="REPO")
@click.option("--mode", type=click.Choice(["incremental", "full"]), default="incremental")
@click.option("--nbd", type=click.Choice(["auto", "on", "off"]), default="auto", show_default=True)
@click.option("--nbd-connections", type=click.IntRange(1, 16), default=2, show_default=True)
@click.option("--purge-snapshot-data", is_flag=True, help="Keep only changed-block tracking data.")
@click.option("--retention", type=click.IntRange(1), default=7, show_default=True, metavar="N")
@click.option(
    "--compression",
    type=click.Choice(["zstd", "gzip", "none"]),
    default="zstd",
    show_default=True,
    help="Of full backups.",
)
@click.option("--vhd-files", is_flag=True, help="VHD files in place of folders of blocks.")
@click.option("--memory", is_flag=True, help="Snapshots with memory.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=2, help="VMs at once.")
@click.option("--merge-concurrency", type=click.IntRange(1, 64), default=2, help="Merges at once.")
@click.option(
    "--key-file",
    metavar="K",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the encryption key; a new repository becomes an encrypted one.",
)
@_json
def run(
    url: str,
    user: str,
    password_file: Path | None,
    fingerprint: str | None,
    vms: tuple[str, ...],
    repos: tuple[str, ...],
    key_file: Path | None,
    as_json: bool,
    **how: Any,
) -> None:
    """Back VMs up now, without a saved job."""
    host = HostOptions(url, user, password_file, fingerprint)
    # Before anything is opened: a mistake here is one of the command line.
    host.password()
    with ending(as_json) as end, stoppable() as stop:
        addresses = [address_of(repo, key_file) for repo in repos]
        state, code = asyncio.run(_run(host, vms, addresses, how, stop, end))
    _tell(state, as_json)
    sys.exit(code)


class _HostAwayError(Exception):
    """Nobody could sign in to the host; the sentence says why."""


class _RepositoryAwayError(Exception):
    """A repository could not be opened; the sentence says which, and why."""

    def __init__(self, address: Address, error: BackupError) -> None:
        from xolite_qt.backup.storage.urls import without_secrets

        name, said = without_secrets(address.url), str(error)
        super().__init__(said if name in said else f"{name}: {said}")
        self.error = error


async def _run(
    host: HostOptions,
    names: tuple[str, ...],
    addresses: list[Address],
    how: dict[str, Any],
    stop: threading.Event,
    end: Ending,
) -> tuple[RunState, int]:
    from xolite_qt.backup.errors import BackupError, Cancelled
    from xolite_qt.backup.runs.recorder import RunRecorder
    from xolite_qt.backup.runs.store import RunStore
    from xolite_qt.cli.run_bars import RunBars
    from xolite_qt.xen_api import TransportError, XenApiError

    store = RunStore()
    title = f"Backup of {', '.join(names)}"[:200]
    spec = store.create("backup", title, by="command")
    bars = RunBars(shown=not end.as_json)
    code = PROBLEMS
    with bars, RunRecorder(store.writer(spec), stop=stop, on_event=bars) as recorder:
        try:
            await _back_up(host, names, addresses, how, recorder, end)
        except (BackupError, XenApiError, _HostAwayError, _RepositoryAwayError) as error:
            if isinstance(error, Cancelled) or stop.is_set():
                recorder.finish("cancelled")
            else:
                recorder.finish("failure", error=str(error))
            if isinstance(error, BackupError):
                code = end.code(error)
            elif isinstance(error, _RepositoryAwayError):
                code = end.code(error.error)
            elif isinstance(error, TransportError | _HostAwayError):
                code = UNREACHABLE
        except BaseException as error:
            recorder.finish("failure", error=f"a mistake in xolite-qt: {error}")
            raise
        state = recorder.state
    store.delete_old()
    if state.outcome == "cancelled":
        return state, INTERRUPTED
    return state, code if state.outcome == "failure" else 0


async def _back_up(
    host: HostOptions,
    names: tuple[str, ...],
    addresses: list[Address],
    how: dict[str, Any],
    recorder: RunRecorder,
    end: Ending,
) -> None:
    from xolite_qt.backup.errors import BackupError
    from xolite_qt.backup.jobs.model import NbdSettings, Retention
    from xolite_qt.backup.run.adhoc import adhoc_ids, find_vms
    from xolite_qt.backup.run.job import JobRun
    from xolite_qt.backup.run.vm import VmOrder

    try:
        api = await host.sign_in()
    except click.ClickException as error:
        raise _HostAwayError(error.message) from error
    targets: list[Target] = []
    async with api:
        try:
            # First: a new repository is not made for a VM that is not there.
            end.is_open = True
            vms = await find_vms(api, names)
            end.is_open = False
            for address in addresses:
                try:
                    targets.append(await asyncio.to_thread(_open, address, how["vhd_files"]))
                except BackupError as error:
                    raise _RepositoryAwayError(address, error) from error
            end.is_open = True
            job_id, schedule_id = adhoc_ids([target.repository for target in targets])
            order = VmOrder(
                job_id=job_id,
                schedule_id=schedule_id,
                job_name="xolite-qt",
                mode=how["mode"],
                nbd=NbdSettings(how["nbd"], how["nbd_connections"], how["purge_snapshot_data"]),
                compression=how["compression"],
                retention=Retention(last=how["retention"]),
                memory=how["memory"],
            )
            job = JobRun(
                api,
                order,
                targets,
                recorder,
                concurrency=how["concurrency"],
                merge_concurrency=how["merge_concurrency"],
            )
            result = await job.run(vms)
        finally:
            for target in targets:
                target.repository.storage.close()
    recorder.finish(result.outcome, error="; ".join(result.errors), result=result.to_json())


def _open(address: Address, vhd_files: bool) -> Target:
    from xolite_qt.backup.run.targets import open_target
    from xolite_qt.backup.storage.retry import RetryPolicy
    from xolite_qt.backup.storage.urls import without_secrets

    return open_target(
        without_secrets(address.url),
        address.url,
        address.key,
        vhd_files=vhd_files,
        first=RetryPolicy(budget_s=OPEN_BUDGET_S, access_tries=OPEN_TRIES),
    )


def _tell(state: RunState, as_json: bool) -> None:
    what = "stopped" if state.outcome == "cancelled" else state.error
    if as_json:
        nothing: dict[str, Any] = {"backups": [], "errors": [what] if what else [], "warnings": []}
        echo_json(
            {
                "ok": state.outcome in ("success", "warning"),
                "problems": [{"path": "", "what": what}] if what else [],
                "outcome": state.outcome,
                **nothing,
                **state.result,
            }
        )
        return
    for made in state.result.get("backups", ()):
        ways = sorted({disk["way"] for disk in made["disks"]})
        moved = sum(disk["transferred_bytes"] for disk in made["disks"]) / 1024**2
        how = f", {moved:.1f} MiB by {', '.join(ways)}" if ways else ""
        click.echo(plain(f"{made['vm']['name']}: {made['id']}{how}"))
    for warning in state.result.get("warnings", ()):
        click.echo(plain(f"warning: {warning}"), err=True)
    if what:
        click.echo(plain(what), err=True)


# What was done


@backup.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@_json
def list_(limit: int, as_json: bool) -> None:
    """Runs, newest first."""
    from xolite_qt.backup.runs.store import RunStore

    store = RunStore()
    with ending(as_json):
        rows = [(spec, *_outcome(store, spec)) for spec in store.all(limit)]
    if as_json:
        echo_json(
            {
                "ok": True,
                "problems": [],
                "runs": [
                    {
                        "id": spec.id,
                        "kind": spec.kind,
                        "title": spec.title,
                        "created": spec.created_s,
                        "by": spec.by,
                        "job": spec.job_id,
                        "outcome": outcome,
                        "error": state.error,
                        "transferred_bytes": state.transferred_bytes,
                        "written_bytes": state.written_bytes,
                    }
                    for spec, outcome, state in rows
                ],
            }
        )
        return
    for spec, outcome, state in rows:
        moved = f"{state.transferred_bytes / 1024**2:10.1f} MiB"
        click.echo(plain(f"{spec.id}  {outcome:<12} {moved}  {spec.title}"))


def _outcome(store: Any, spec: RunSpec) -> tuple[str, RunState]:
    # In this order: a process that ends in between has said so by then.
    alive = store.follow(spec.id).alive
    state = store.summary(spec.id)
    return state.outcome or ("running" if alive else "interrupted"), state


@backup.command("log")
@click.argument("run_id", metavar="RUN", required=False)
@_json
def log(run_id: str | None, as_json: bool) -> None:
    """What a run did, part by part; the newest one where none is named."""
    import msgspec

    from xolite_qt.backup.runs.store import RunError, RunStore

    store = RunStore()
    with ending(as_json) as end:
        end.is_open = True
        if run_id is None:
            newest = store.all(1)
            if not newest:
                raise RunError("there is no run yet")
            run_id = newest[0].id
        spec = store.spec(run_id)
        follower = store.follow(run_id)
        events = follower.poll()
        if as_json:
            told = {"run": msgspec.to_builtins(spec), "events": msgspec.to_builtins(events)}
            echo_json({"ok": True, "problems": [], **told})
            return
        outcome, state = _outcome(store, spec)
        click.echo(plain(f"{spec.title}: {outcome}"))
        for item in state.roots:
            _echo_item(item, 1)
        for note in state.notes:
            click.echo(plain(f"  {note.level}: {note.text}"))
        if state.error:
            click.echo(plain(state.error))


def _echo_item(item: ItemState, depth: int) -> None:
    mib = 1024**2
    text = f"{'  ' * depth}{item.item.name}: {item.outcome or 'at work'}"
    if item.read_bytes or item.transferred_bytes or item.written_bytes:
        text += f"  read {item.read_bytes / mib:.1f}"
        text += f", transferred {item.transferred_bytes / mib:.1f}"
        text += f", written {item.written_bytes / mib:.1f} MiB"
    if item.speed_bytes_per_s and item.transferred_bytes:
        text += f", {item.speed_bytes_per_s / mib:.1f} MiB/s"
    if "way" in item.facts:
        text += f" by {item.facts['way']}"
    click.echo(plain(text))
    for note in item.notes:
        click.echo(plain(f"{'  ' * depth}  {note.level}: {note.text}"))
    if item.error:
        click.echo(plain(f"{'  ' * depth}  {item.error}"))
    for child in item.children:
        _echo_item(child, depth + 1)


@backup.command("cancel")
@click.argument("run_id", metavar="RUN")
def cancel(run_id: str) -> None:
    """Ask a run to stop; it does within seconds."""
    from xolite_qt.backup.runs.store import RunStore

    with ending(False) as end:
        end.is_open = True
        RunStore().request_cancel(run_id)


# What is due


@backup.command("agent")
@click.option("--once", is_flag=True, help="Start what is due now, and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def agent(once: bool, as_json: bool) -> None:
    """Start jobs when they are due, also those missed while the machine slept.

    Meant for a service of the user's session; the window may run beside it.
    """
    from xolite_qt.backup.jobs.agent import run_agent
    from xolite_qt.backup.run.start import start_run
    from xolite_qt.backup.runs.store import RunStore

    started: list[dict[str, Any]] = []
    told: list[str] = []

    def start(runs: RunStore, spec: RunSpec) -> None:
        start_run(runs, spec)
        begun = {"run": spec.id, "job": spec.job_id, "title": spec.title}
        started.append(begun)
        if as_json and not once:
            echo_json({"ok": True, "problems": [], "started": [begun]})

    def hear(text: str) -> None:
        told.append(text)
        if not as_json:
            click.echo(plain(text))
        elif not once and not text.startswith("started "):
            echo_json({"ok": False, "problems": [{"path": "", "what": text}], "started": []})

    with ending(as_json) as end, stoppable() as stop:
        end.is_open = True
        run_agent(stop, once=once, told=hear, start=start)
    if as_json and once:
        problems = [{"path": "", "what": text} for text in told if not text.startswith("started ")]
        echo_json({"ok": not problems, "problems": problems, "started": started})


@backup.command("exec", hidden=True)
@click.option("--runs", type=click.Path(path_type=Path))
@click.argument("run_id")
def exec_(run_id: str, runs: Path | None) -> None:
    """Work on a run. Secrets that the keyring lacks come as a line on standard input."""
    from xolite_qt.backup.run.execute import execute
    from xolite_qt.backup.run.secrets import Secrets
    from xolite_qt.backup.runs.recorder import RunRecorder
    from xolite_qt.backup.runs.store import RunStore

    store = RunStore(runs)
    with ending(False) as end, stoppable() as stop:
        spec = store.spec(run_id)
        secrets = (
            Secrets() if sys.stdin.isatty() else Secrets.from_line(sys.stdin.buffer.readline())
        )
        with RunRecorder(store.writer(spec), stop=stop) as recorder:
            end.is_open = True
            outcome = asyncio.run(execute(spec, recorder, secrets, runs=store))
        store.delete_old()
    if outcome == "cancelled":
        sys.exit(INTERRUPTED)
    sys.exit(PROBLEMS if outcome == "failure" else 0)
