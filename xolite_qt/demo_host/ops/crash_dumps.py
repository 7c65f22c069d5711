"""Crash dumps: those of a host's own kernel, and those of VMs.

`host_crashdump.destroy` stands with the rest of a host's life, in `host_power`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from xolite_qt.demo_host.registry import Call, Failure, method

_SCHEMES = ("ftp", "http", "https")


@method("host_crashdump.upload")
def host_crashdump_upload(call: Call, self: str, url: str, options: dict[str, str]) -> None:
    """The host itself sends the dump; where the address is no good, its own program fails.

    Raises:
        Failure: INTERNAL_ERROR, the way a host tells that a program of its own failed.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise Failure("INTERNAL_ERROR", "Subprocess exited with unexpected code 1")


@method("crashdump.destroy")
def crashdump_destroy(call: Call, self: str) -> None:
    """Removes the dump of a VM, and its disk with it, where that is still there."""
    record = call.db.get("crashdump", self)
    if call.db.exists("VDI", record["VDI"]):
        call.db.destroy("VDI", record["VDI"])
    call.db.destroy("crashdump", self)
