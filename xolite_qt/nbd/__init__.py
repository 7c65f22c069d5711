"""Reading disks over NBD, fast: blocking sockets in threads. Knows nothing of backups or hosts.

with NbdConnection("10.0.0.5", 10809, "export") as nbd:
    nbd.size_bytes, nbd.read(0, 4096)

read_extents(lambda stop: NbdConnection(…, stop=stop), [(0, 0, 2**21), …], consume)
"""

from __future__ import annotations

from .client import NbdConnection
from .errors import NbdError
from .reader import Extent, read_extents
from .tls import TlsSettings

__all__ = ["Extent", "NbdConnection", "NbdError", "TlsSettings", "read_extents"]
