"""Merging what no backup names into what one does, in worker processes. Source: section 1.5."""

from __future__ import annotations

from .chain import Merged, merge_chain
from .repository import MergeOutcome, MergeProgress, merge_repository

__all__ = ["MergeOutcome", "MergeProgress", "Merged", "merge_chain", "merge_repository"]
