"""Other hosts of the pool are trusted as far as the master vouches for them, and no further."""

from __future__ import annotations

import sys

import pytest

from xolite_qt.demo_host import start_demo_host
from xolite_qt.xen_api import CertificateUnknown, MemoryPins, XenApi

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs more than one loopback address"
)


@pytest.mark.parametrize("told", ["right", "wrong", "nothing"])
async def test_measurements_of_a_member(told: str) -> None:
    async with start_demo_host(generate=(3, 6), speed=0.02, members=True) as running:
        db, pins = running.host.db, MemoryPins()
        async with XenApi(running.url, pins=pins) as api:
            pins.accept(*api.address, running.fingerprint)
            await api.login(running.user, running.password)
            for ref in list(db.refs("Certificate")):
                if told == "nothing":
                    db.destroy("Certificate", ref)
                elif told == "wrong":
                    db.set("Certificate", ref, fingerprint_sha256="AA:" * 31 + "AA")
            if told == "right":
                answer = await api.metrics(host_address="127.0.0.2", start_s=-60, interval_s=5)
                member = next(h for h in db.records("host").values() if h["address"] == "127.0.0.2")
                assert {c.uuid for c in answer.columns if c.kind == "host"} == {member["uuid"]}
                # Only for this connection: what is kept is what the user accepted.
                assert len(pins.fingerprints) == 1
                return
            calls = len(running.host.calls)
            for _ in range(3):
                with pytest.raises(CertificateUnknown):
                    await api.metrics(host_address="127.0.0.2", start_s=-60, interval_s=5)
            asked = [call.method for call in list(running.host.calls)[calls:]]
            # Nothing went out to the member, and the master was asked once.
            assert "GET /rrd_updates" not in asked
            assert asked.count("Certificate.get_all_records") == 1
