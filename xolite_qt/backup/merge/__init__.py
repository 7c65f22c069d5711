"""Merging what no backup names into what one does, in worker processes. Source: section 1.5."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .chain import Merged, merge_chain

if TYPE_CHECKING:
    from .pool import MergeProgress
    from .repository import MergeOutcome, merge_repository

__all__ = ["MergeOutcome", "MergeProgress", "Merged", "merge_chain", "merge_repository"]

# Worker processes begin here too, and need none of these: they are loaded when asked for.
_LATER = {"MergeOutcome": "repository", "MergeProgress": "pool", "merge_repository": "repository"}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
