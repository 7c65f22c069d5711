"""`xolite-qt tour`: a picture of every page, tab and dialog."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import click

from xolite_qt.cli.options import HostOptions, World, host_options

_SCREEN = ".screen.json"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--demo", is_flag=True, help="Tour the built-in demo host.")
@click.option(
    "--world",
    type=World(),
    metavar="FILE|NAME",
    help="With --demo: a file of records to show, or xostor3, xostor4.",
)
@click.option("--generate", metavar="HOSTSxVMS", help="With --demo: a generated world.")
@host_options(required=False)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--size", default="1440x900", show_default=True, metavar="WIDTHxHEIGHT")
@click.option("--scale", type=click.FloatRange(1.0, 4.0), default=1.0, help="Pixels per point.")
def tour(
    folder: Path,
    demo: bool,
    world: Path | None,
    generate: str | None,
    url: str | None,
    user: str,
    password_file: Path | None,
    fingerprint: str | None,
    theme: str,
    size: str,
    scale: float,
) -> None:
    """Walk every page, tab and dialog; write a PNG of each and index.json into DIR.

    Ends with a failure where a page shows an error or stays blank.
    """
    if demo == (url is not None):
        raise click.UsageError("choose one: --demo, or --host URL")
    if not demo and (world or generate):
        raise click.UsageError("--world and --generate go with --demo")
    width, height = _pair(size, "--size")
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "linux" and os.environ.get("QT_QPA_PLATFORM", "") in ("", "offscreen"):
        os.environ["QT_QPA_PLATFORM"] = _offscreen(folder, width, height, scale)
    if scale != 1.0:
        os.environ["QT_SCALE_FACTOR"] = str(scale)
    from xolite_qt.app import Launch, TourWish, run_tour

    wish = TourWish(
        folder=folder,
        launch=Launch(
            demo=demo, world=world, generate=_pair(generate, "--generate") if generate else None
        ),
        host=HostOptions(url, user, password_file, fingerprint) if url else None,
        theme="dark" if theme == "dark" else "light",
        size=(width, height),
    )
    try:
        errors = run_tour(wish, click.echo)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        (folder / _SCREEN).unlink(missing_ok=True)
    if errors:
        for line in errors:
            click.echo(line, err=True)
        raise SystemExit(1)


def _offscreen(folder: Path, width: int, height: int, scale: float) -> str:
    """A screen for the window; Qt's own has 800 by 800 pixels, and dialogs keep to it."""
    screen = {
        "name": "tour",
        "x": 0,
        "y": 0,
        "width": int(max(width, 1024) * scale),
        "height": int(max(height, 700) * scale),
        "logicalDpi": 96,
        "logicalBaseDpi": 96,
        "dpr": 1,
    }
    config = folder / _SCREEN
    config.write_text(json.dumps({"screens": [screen]}))
    # Its name would end at a colon.
    return f"offscreen:configfile={os.path.relpath(config)}"


def _pair(text: str, option: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not of the form 1440x900", param_hint=option)
    return int(found[1]), int(found[2])
