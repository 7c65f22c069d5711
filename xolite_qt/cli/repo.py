"""`xolite-qt repo`: what a backup repository holds, whether it is whole, and looking after it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from xolite_qt.cli.repo_access import (
    OPEN_BUDGET_S,
    PROBLEMS,
    address_of,
    echo_json,
    ending,
    opened,
    plain,
    progress_bar,
    stoppable,
)

if TYPE_CHECKING:
    from xolite_qt.backup.merge import MergeProgress

F = TypeVar("F", bound=Callable[..., Any])

_key = click.option(
    "--key-file",
    metavar="K",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the encryption key: 32 characters.",
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
_repo = click.argument("repository", metavar="REPO")


def _concurrency(default: str) -> Callable[[F], F]:
    return click.option(
        "--concurrency",
        type=click.IntRange(1, 64),
        metavar="N",
        help=f"How many at once. Default: {default}.",
    )


@click.group("repo")
def repo() -> None:
    """Look at a backup repository, and look after it.

    REPO is a folder (/mnt/backup or file:///mnt/backup), a bucket
    (s3://KEY:SECRET@HOST/BUCKET/DIR, or s3+http:// without TLS), or the name of a saved repository.

    Exit codes: 0 all is well, 1 problems found, 2 the command line is wrong, 3 the repository
    cannot be opened or reached, 130 Ctrl-C.
    """


@repo.command("list")
@_repo
@_key
@_json
def list_(repository: str, key_file: Path | None, as_json: bool) -> None:
    """Show the backups in REPO, oldest first per VM."""
    from xolite_qt.cli.repo_text import listing_json, show_listing

    with ending(as_json) as end, opened(address_of(repository, key_file)) as found:
        end.is_open = True
        listing = found.listing()
        if not as_json:
            show_listing(listing)
            return
        echo_json(listing_json(listing))
        for error in listing.damaged:
            click.echo(plain(str(error)), err=True)


@repo.command("check")
@_repo
@_key
@_concurrency("what suits the storage")
@_json
def check_(repository: str, key_file: Path | None, concurrency: int | None, as_json: bool) -> None:
    """See whether all parts of every backup are there and fit each other; reads no blocks."""
    from xolite_qt.cli.repo_text import show_report

    with ending(as_json) as end, opened(address_of(repository, key_file), patient=True) as found:
        from xolite_qt.backup.repository import check

        end.is_open = True
        with stoppable() as stop:
            report = check(found, stop=stop, parallel=concurrency)
        if as_json:
            echo_json(report.to_json())
        else:
            show_report(report, verified=False)
        sys.exit(0 if report.ok else PROBLEMS)


@repo.command("verify")
@_repo
@_key
@_concurrency("what suits the storage")
@_json
def verify_(repository: str, key_file: Path | None, concurrency: int | None, as_json: bool) -> None:
    """Read every block of every backup and compare it with what was backed up."""
    from xolite_qt.cli.repo_text import show_report

    with ending(as_json) as end, opened(address_of(repository, key_file), patient=True) as found:
        from xolite_qt.backup.repository import verify

        end.is_open = True
        with stoppable() as stop, progress_bar("Verifying", as_json) as progress:
            report = verify(found, progress=progress, stop=stop, parallel=concurrency)
        if as_json:
            echo_json(report.to_json())
        else:
            show_report(report, verified=True)
        sys.exit(0 if report.ok else PROBLEMS)


@repo.command("merge")
@_repo
@_key
@_concurrency("2")
@_json
def merge_(repository: str, key_file: Path | None, concurrency: int | None, as_json: bool) -> None:
    """Merge what forgotten backups left, and remove left-overs; frees their space."""
    from xolite_qt.cli.repo_text import merge_json, show_merges

    with ending(as_json) as end:
        from xolite_qt.backup.merge import merge_repository

        address = address_of(repository, key_file)
        with opened(address):
            end.is_open = True
        began = time.monotonic()
        with stoppable() as stop, progress_bar("Merging", as_json) as progress:
            outcomes = merge_repository(
                address.url,
                address.key,
                concurrency=concurrency or 2,
                progress=_summed(progress) if progress is not None else None,
                stop=stop,
            )
        answer = merge_json(outcomes, time.monotonic() - began)
        if as_json:
            echo_json(answer)
        else:
            show_merges(answer)
        sys.exit(0 if answer["ok"] else PROBLEMS)


def _summed(show: Callable[[int, int], None]) -> Callable[[MergeProgress], None]:
    """One bar for all chains: as each is told of, its blocks are added."""
    chains: dict[str, tuple[int, int]] = {}

    def tell(news: MergeProgress) -> None:
        chains[news.path] = (news.done, news.total)
        show(sum(done for done, _ in chains.values()), sum(total for _, total in chains.values()))

    return tell


@repo.command("forget")
@_repo
@click.argument("backup_ids", metavar="BACKUP_ID...", nargs=-1, required=True)
@_key
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
def forget_(
    repository: str,
    backup_ids: tuple[str, ...],
    key_file: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove backups from REPO; a later merge frees the space that others still need.

    BACKUP_ID is as `list` shows it. With --json nothing is asked.
    """
    with ending(as_json) as end, opened(address_of(repository, key_file), patient=True) as found:
        from xolite_qt.backup.repository import forget

        end.is_open = True
        if not yes and not as_json:
            which = backup_ids[0] if len(backup_ids) == 1 else f"{len(backup_ids)} backups"
            click.confirm(plain(f"Remove {which} from {found.name} for good?"), abort=True)
        with stoppable() as stop:
            removed = forget(found, backup_ids, stop=stop)
        if as_json:
            echo_json({"ok": True, "problems": [], "removed": removed})
            return
        for path in removed:
            click.echo(plain(f"Removed {path}"))


@repo.command("create")
@_repo
@click.option(
    "--format",
    "layout",
    type=click.Choice(["xo"]),
    default="xo",
    show_default=True,
    help="xo: as Xen Orchestra writes and reads it.",
)
@_key
@click.option(
    "--algorithm",
    type=click.Choice(["chacha20-poly1305", "aes-256-gcm"]),
    default="chacha20-poly1305",
    show_default=True,
    help="Of the encryption, with --key-file.",
)
@_json
def create_(
    repository: str,
    layout: str,
    key_file: Path | None,
    algorithm: Literal["chacha20-poly1305", "aes-256-gcm"],
    as_json: bool,
) -> None:
    """Make a new repository at REPO, encrypted where a key is given."""
    with ending(as_json):
        from xolite_qt.backup.repository import Repository
        from xolite_qt.backup.storage import open_storage
        from xolite_qt.backup.storage.retry import RetryPolicy

        address = address_of(repository, key_file)
        storage = open_storage(address.url, policy=RetryPolicy(budget_s=OPEN_BUDGET_S))
        try:
            made = Repository.create(storage, address.key, algorithm)
        finally:
            storage.close()
        if as_json:
            echo_json(
                {
                    "ok": True,
                    "problems": [],
                    "id": made.id,
                    "name": made.name,
                    "format": layout,
                    "encrypted": made.encrypted,
                }
            )
            return
        how = "encrypted" if made.encrypted else "not encrypted"
        click.echo(f"{made.name} is a repository now, {how}.")


@repo.command("add")
@click.argument("name")
@_repo
@_key
@_json
def add_(name: str, repository: str, key_file: Path | None, as_json: bool) -> None:
    """Remember REPO as NAME, for this user; its secrets go into the desktop's keyring."""
    from xolite_qt.cli.repo_add import is_encrypted, remember

    with ending(as_json) as end:
        address = address_of(repository, key_file)
        encrypted = is_encrypted(address)
        end.is_open = True
        saved = remember(name, address, encrypted=encrypted)
        if as_json:
            answer = {"id": saved.id, "name": saved.name, "url": saved.url}
            echo_json({"ok": True, "problems": [], **answer, "encrypted": saved.encrypted})
            return
        click.echo(plain(f"{saved.name} is {saved.url} now."))
