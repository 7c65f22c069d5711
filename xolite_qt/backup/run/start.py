"""Starting a run in a process of its own, which goes on when whoever started it ends."""

from __future__ import annotations

import os
import subprocess
import sys

from xolite_qt.backup.runs.events import RunSpec
from xolite_qt.backup.runs.store import RunError, RunStore

from .secrets import Secrets


def command() -> list[str]:
    """How this program is called: from source, installed, or packed into one folder."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "xolite_qt"]


def start_run(store: RunStore, spec: RunSpec, secrets: Secrets | None = None) -> int:
    """Starts a run; returns its process id.

    Args:
        store: where the run is.
        spec: what it is to do.
        secrets: what the keyring does not have; they go over a pipe.

    Raises:
        RunError: it cannot be started.
    """
    folder = store.folder(spec.id)
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    arguments = [*command(), "backup", "exec", "--runs", os.fspath(store.path), spec.id]
    try:
        with (folder / "output.txt").open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program, and a checked id
                arguments,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=sys.platform != "win32",
                creationflags=flags,
                close_fds=True,
            )
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write((secrets or Secrets()).to_line())
    except OSError as error:
        raise RunError(f"the run could not be started: {error}") from error
    _leave(process)
    return process.pid


def _leave(process: subprocess.Popen[bytes]) -> None:
    """It is nobody's child any more: no warning when the handle goes, no zombie kept."""
    _STARTED.append(process)
    for one in list(_STARTED):
        if one.poll() is not None:
            _STARTED.remove(one)


_STARTED: list[subprocess.Popen[bytes]] = []
