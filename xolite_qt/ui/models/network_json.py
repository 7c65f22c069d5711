"""Networks and interfaces as JSON, for the clipboard: names instead of references."""

from __future__ import annotations

import json

from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.network_facts import NetworkFacts
from xolite_qt.xen_api import Network


def network_json(network: Network, found: NetworkFacts) -> str:
    """A network with its interfaces and virtual interfaces, indented by two."""
    return json.dumps(
        {
            "uuid": network.uuid,
            "name_label": network.name_label,
            "name_description": network.name_description,
            "status": facts.status_words(found.status),
            "VLAN": list(found.vlans),
            "MTU": network.mtu,
            "purpose": list(network.purpose),
            "default_locking_mode": network.default_locking_mode,
            "tags": list(network.tags),
            "bridge": network.bridge,
            "other_config": dict(network.other_config),
            "PIFs": [
                {
                    "host": link.host_name,
                    "device": link.device,
                    "status": facts.status_words(link.status),
                    "addresses": list(link.addresses),
                    "management": link.management,
                }
                for link in found.links
            ],
            "VIFs": [
                {"VM": guest.name, "device": guest.device, "attached": guest.attached}
                for guest in found.guests
            ],
        },
        indent=2,
        ensure_ascii=False,
    )
