"""Reading disks over NBD, fast: blocking sockets in threads. Knows nothing of backups or hosts.

with NbdConnection("10.0.0.5", 10809, "export") as nbd:
    nbd.size_bytes, nbd.read(0, 4096)

read_extents(connect, [(0, 0, 2**21), …], consume, connections=2)
"""

from __future__ import annotations

from .client import NbdConnection, NbdError, TlsSettings
from .reader import Extent, read_extents

__all__ = ["Extent", "NbdConnection", "NbdError", "TlsSettings", "read_extents"]
