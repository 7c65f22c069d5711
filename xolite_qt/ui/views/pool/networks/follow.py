"""After the management link moved: where the connection goes on."""

from __future__ import annotations

from typing import Any

from xolite_qt.ui.views.page import PageContext


def follow(context: PageContext, address: str) -> None:
    """Goes on at a host's new address, or says how to get there.

    Args:
        address: where the host answers from now on; "" where only the host knows.
    """
    go: Any = context.services.get("follow_host")
    if address and go is not None:
        go(address)
    elif address:
        context.notify(
            f"The host answers at {address} from now on: connect there.", level="warning"
        )
    else:
        context.notify(
            "DHCP gives the host its address now. It stands on the host's own screen; connect "
            "to that one if this connection does not come back.",
            level="warning",
        )
