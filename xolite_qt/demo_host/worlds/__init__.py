"""The worlds of a demo host: a small business to look at, and generated ones of any size."""

from __future__ import annotations

from .generated import generate_world, store_alarms
from .small_business import build_default_world

__all__ = ["build_default_world", "generate_world", "store_alarms"]
