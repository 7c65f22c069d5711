"""What the small business never looks at: roles, the host's certificate, old crash dumps."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .machines import DAY_S, MIB

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

ROLES = (
    ("pool-admin", "The Pool Administrator role has full access to all features and settings"),
    ("pool-operator", "The Pool Operator role manages host- and pool-wide resources"),
    (
        "vm-power-admin",
        "The VM Power Administrator role has full access to VM and template management",
    ),
    ("vm-admin", "The VM Administrator role can manage VMs and templates"),
    ("vm-operator", "The VM Operator role can use VMs and interact with VM consoles"),
    ("read-only", "The Read-Only role can log in with basic read-only access"),
)


def build_administration(host: DemoHost, host_ref: str) -> None:
    """Create it; the host is there already."""
    db = host.db
    for name, description in ROLES:
        db.create("role", name_label=name, name_description=description)
    # Not that of the process: the same seed gives the same world.
    digest = hashlib.sha256(db.get("host", host_ref)["uuid"].encode()).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, 64, 2))
    db.create(
        "Certificate",
        host=host_ref,
        type="host",
        not_before=host.clock.iso(-300 * DAY_S),
        not_after=host.clock.iso(3350 * DAY_S),
        fingerprint=fingerprint,
        fingerprint_sha256=fingerprint,
    )
    db.create(
        "host_crashdump",
        host=host_ref,
        timestamp=host.clock.iso(-166 * DAY_S),
        size=212 * MIB,
    )
    db.create(
        "host_crashdump",
        host=host_ref,
        timestamp=host.clock.iso(-12 * DAY_S),
        size=38 * MIB,
    )
