"""The NBD server of a demo host: read-only, from threads, beside the loop."""

from __future__ import annotations

from .server import NbdServer

__all__ = ["NbdServer"]
