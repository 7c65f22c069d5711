"""A host whose address was just changed: it is looked for at the new one, as the same host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from xolite_qt.xen_api import HostStillBooting, TransportError, XenApi

PATIENCE_S = 90.0
"""A toolstack that moves its management link answers again after some seconds."""


def url_at(url: str, address: str) -> str:
    """The same service at another address."""
    parts = urlsplit(url)
    place = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{place}:{parts.port}" if parts.port else place).geturl()


async def sign_in_when_there(
    make: Callable[[], XenApi],
    user: str,
    password: str,
    *,
    patience_s: float = PATIENCE_S,
    pause_s: float = 2.0,
) -> XenApi:
    """Tries until the host answers.

    Args:
        make: a connection to the new address that is not signed in.
        user, password: as at the old one.
        patience_s: for so long nobody answering is taken for "not yet".
        pause_s: between tries.

    Raises:
        XenApiError: nobody answered in time, or who answered refused or is not the same host.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_s
    while True:
        api = make()
        try:
            await api.login(user, password, follow_master=False)
        except (TransportError, HostStillBooting):
            await api.close()
            if loop.time() + pause_s > end:
                raise
            await asyncio.sleep(pause_s)
        except BaseException:
            await api.close()
            raise
        else:
            return api
