"""The commands. Each imports what it needs when it runs, so that the window shows at once."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from xolite_qt import __version__

_COMMANDS = {
    "backup": ("xolite_qt.cli.backup", "backup"),
    "demo-backup": ("xolite_qt.cli.demo_backup", "demo_backup"),
    "demo-host": ("xolite_qt.cli.demo_host", "demo_host"),
    "dump-world": ("xolite_qt.cli.dump_world", "dump_world"),
    "repo": ("xolite_qt.cli.repo", "repo"),
    "restore": ("xolite_qt.cli.restore", "restore"),
    "tour": ("xolite_qt.cli.tour", "tour"),
}


class _Lazy(click.Group):
    """A group that imports a command when it is called or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(importlib.import_module(place[0]), place[1])
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy, invoke_without_command=True)
@click.version_option(__version__, prog_name="xolite-qt")
@click.option("--demo", is_flag=True, help="Open the built-in demo host.")
@click.option(
    "--world",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE|NAME",
    help="With --demo: a file of records to show instead of the small business, or xostor3, "
    "xostor4.",
)
@click.pass_context
def main(ctx: click.Context, demo: bool, world: Path | None) -> None:
    """See, run and back up one XCP-ng host.

    Without a command the window opens.
    """
    if ctx.invoked_subcommand is not None:
        return
    if world is not None and not demo:
        raise click.UsageError("--world goes with --demo")
    from xolite_qt.app import Launch, run_gui

    ctx.exit(run_gui(Launch(demo=demo, world=world)))
