"""XOSTOR, the storage of a pool that LINSTOR keeps: what it says, what that means, what if.

Nothing here writes to a host.
"""

from __future__ import annotations
