"""What holds for every test: no display, a profile of its own, and no silent trouble."""

from __future__ import annotations

import os

# Before any Qt import: the suite draws off screen, on every machine.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
