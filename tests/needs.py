"""Programs that some tests need and that not every machine has."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(*programs: str) -> None:
    """Skips the running test, or its module, where a program is missing; fails on the CI.

    Args:
        programs: names as in `PATH`.
    """
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; the CI must have it")
    pytest.skip(reason, allow_module_level=True)
