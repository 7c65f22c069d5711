"""Networks, VLANs, bonds and interfaces: what changes, and what is refused.

Source: `xapi.md` 1.5, 1.12, 1.14.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.unit.demo_host.conftest import Caller
from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.worlds import build_default_world


class Practice(Caller):
    """The default world."""

    async def refused(self, name: str, *params: Any) -> list[str]:
        with pytest.raises(Failure) as caught:
            await self(name, *params)
        return caught.value.description


@pytest_asyncio.fixture
async def practice() -> AsyncIterator[Practice]:
    host = DemoHost(speed=0.0)
    build_default_world(host)
    yield Practice(host)
    await host.stop()


async def new_network(practice: Practice, name: str = "new", bridge: str = "") -> str:
    record = {
        "name_label": name,
        "name_description": "",
        "MTU": 1500,
        "other_config": {},
        "bridge": bridge,
        "managed": True,
        "tags": [],
    }
    made: str = await practice("network.create", record)
    return made


async def test_networks_and_vlans(practice: Practice) -> None:
    first, second = [await new_network(practice, name) for name in "ab"]
    bridges = [practice.db.get("network", ref)["bridge"] for ref in (first, second)]
    assert len(set(bridges)) == 2
    assert all(bridge.startswith("xapi") for bridge in bridges)
    eth1 = next(
        ref
        for ref, pif in practice.db.records("PIF").items()
        if pif["device"] == "eth1" and pif["physical"]
    )
    (above,) = await practice("pool.create_VLAN_from_PIF", eth1, first, 77)
    pif = practice.db.get("PIF", above)
    assert (pif["VLAN"], pif["device"], pif["network"], pif["physical"]) == (
        77,
        "eth1",
        first,
        False,
    )
    vlan = pif["VLAN_master_of"]
    assert practice.db.get("PIF", eth1)["VLAN_slave_of"] == [vlan]
    assert practice.db.get("VLAN", vlan)["untagged_PIF"] == above
    again = ("pool.create_VLAN_from_PIF", eth1, second, 77)
    assert await practice.refused(*again) == ["PIF_VLAN_EXISTS", eth1]
    assert (await practice.refused("VLAN.create", eth1, 4095, second))[0] == "VLAN_TAG_INVALID"
    assert await practice.refused("network.destroy", first) == ["NETWORK_CONTAINS_PIF", above]
    await practice("VLAN.destroy", vlan)
    await practice("network.destroy", first)


async def test_a_bond_takes_the_address_and_gives_it_back(practice: Practice) -> None:
    db = practice.db
    by_device = {pif["device"]: ref for ref, pif in db.records("PIF").items() if pif["physical"]}
    members = [by_device["eth1"], by_device["eth2"]]
    address = db.get("PIF", members[0])["IP"]
    network = await new_network(practice, "bonded")
    bond = await practice("Bond.create", network, members, "", "lacp", {})
    record = db.get("Bond", bond)
    master = db.get("PIF", record["master"])
    assert (master["device"], master["IP"], record["mode"]) == ("bond0", address, "lacp")
    assert sorted(record["slaves"]) == sorted(members)
    assert db.get("PIF", members[0])["IP"] == ""
    answer = await practice.refused("Bond.create", network, members, "", "lacp", {})
    assert answer == ["PIF_ALREADY_BONDED", members[0]]
    few = await practice.refused("Bond.create", network, members[:1], "", "lacp", {})
    assert few == ["PIF_BOND_NEEDS_MORE_MEMBERS"]
    await practice("Bond.destroy", bond)
    assert db.get("PIF", members[0])["IP"] == address
    assert db.get("PIF", members[0])["bond_slave_of"] == NULL_REF


async def test_nbd_is_secure_or_insecure_pool_wide(practice: Practice) -> None:
    first, second = practice.db.refs("network")[:2]
    await practice("network.add_purpose", first, "nbd")
    await practice("network.add_purpose", first, "nbd")
    assert practice.db.get("network", first)["purpose"] == ["nbd"]
    assert await practice.refused("network.add_purpose", second, "insecure_nbd") == [
        "NETWORK_INCOMPATIBLE_PURPOSES",
        "insecure_nbd",
        "nbd",
    ]
    await practice("network.remove_purpose", first, "nbd")
    await practice("network.add_purpose", second, "insecure_nbd")


async def test_interfaces(practice: Practice) -> None:
    db = practice.db
    management = next(ref for ref, pif in db.records("PIF").items() if pif["management"])
    other = next(ref for ref, pif in db.records("PIF").items() if pif["device"] == "eth1")
    assert await practice.refused("PIF.unplug", management) == [
        "PIF_IS_MANAGEMENT_INTERFACE",
        management,
    ]
    await practice("PIF.unplug", other)
    assert not db.get("PIF", other)["currently_attached"]
    await practice("PIF.plug", other)
    assert await practice.refused(
        "PIF.reconfigure_ip", other, "Static", "10.0.0", "255.0.0.0", "", ""
    ) == ["INVALID_IP_ADDRESS_SPECIFIED", "IP"]
    await practice("PIF.reconfigure_ip", other, "Static", "10.0.0.9", "255.0.0.0", "", "")
    assert db.get("PIF", other)["IP"] == "10.0.0.9"
    await practice("PIF.reconfigure_ip", other, "None", "", "", "", "")
    assert db.get("PIF", other)["IP"] == ""
