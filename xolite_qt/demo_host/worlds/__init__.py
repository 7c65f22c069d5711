"""The worlds of a demo host: a small business to look at, and generated ones of any size."""

from __future__ import annotations

from .generated import generate_world, store_alarms
from .small_business import build_default_world
from .xostor import build_xostor3, build_xostor4

WORLDS = {
    "small-business": build_default_world,
    "xostor3": build_xostor3,
    "xostor4": build_xostor4,
}
"""Worlds that are built by name."""

__all__ = ["WORLDS", "build_default_world", "generate_world", "store_alarms"]
