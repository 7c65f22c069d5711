"""The health of the pool's XOSTOR, and what its hosts have for one: asked while somebody looks.

A health check runs LINSTOR's client on the master, which takes seconds. It is made once when the
first subscriber comes, then on demand, never twice at once. An answer that fails or cannot be
read leaves the data of the last good one, with the error beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from xolite_qt.stores.base import Store, Subscription
from xolite_qt.stores.change import StoreState
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.stores.xostor.answers import (
    PLUGIN,
    Health,
    Interface,
    read_health,
    read_interfaces,
)
from xolite_qt.stores.xostor.hosts import (
    PACKAGE,
    HostProbe,
    face_of,
    read_disks,
    read_linstor_version,
)
from xolite_qt.xen_api import PBD, SR, Host, Pool, XapiError, XenApi, XenApiError

SR_TYPE = "linstor"
CHECK_TIMEOUT_S = 30.0
"""LINSTOR answers in seconds, or not at all."""
REST_S = 10.0
"""The least time between two checks, so as not to keep the controller busy."""
AT_ONCE = 4


class XostorRow(msgspec.Struct, frozen=True):
    """One XOSTOR of the pool; there is at most one where nobody went round the rules.

    Attributes:
        ref: of the SR.
        name: of the SR.
        group_name: LINSTOR's name for its room; empty where no PBD tells.
        redundancy: copies of each VDI; None where no PBD tells.
        provisioning: "thin", "thick", or empty where no PBD tells.
        health: of the last good check; None before one.
        checked_at: when that was.
        took_s: how long it took.
        error: why the last check failed; None if it did not.
        interfaces: by node, once asked for.
        interface_errors: why some nodes did not tell.
    """

    ref: str
    name: str = ""
    group_name: str = ""
    redundancy: int | None = None
    provisioning: str = ""
    health: Health | None = None
    checked_at: datetime | None = None
    took_s: float = 0.0
    error: XenApiError | None = None
    interfaces: tuple[Interface, ...] | None = None
    interface_errors: dict[str, XenApiError] = {}


class XostorStore(Store[XostorRow]):
    """One row per SR of type linstor, with its health.

    Args:
        api: the connection.
        tasks: owner of what runs.
        pool, sr, pbd: the records that say where LINSTOR is.
        rest_s: least time between two checks.
    """

    def __init__(
        self,
        api: XenApi,
        tasks: OwnedTasks,
        *,
        pool: Store[Pool],
        sr: Store[SR],
        pbd: Store[PBD],
        linger_s: float = 1.0,
        rest_s: float = REST_S,
    ) -> None:
        super().__init__("xostor", linger_s=linger_s)
        self._api = api
        self._owner = tasks
        self._pool, self._sr, self._pbd = pool, sr, pbd
        self._holds: tuple[Subscription[Any], ...] = ()
        self._work: asyncio.Task[None] | None = None
        self._listing: asyncio.Task[None] | None = None
        self._checked = float("-inf")
        self.rest_s = rest_s

    @property
    def classes(self) -> frozenset[str]:
        """Those of the records, while they are held."""
        return frozenset[str]().union(*(hold.store.classes for hold in self._holds))

    @property
    def as_of(self) -> datetime | None:
        """Time of the oldest good check."""
        dates = [row.checked_at for row in self._rows.values() if row.checked_at is not None]
        return min(dates, default=None)

    @property
    def is_checking(self) -> bool:
        """Whether a check is under way."""
        return self._work is not None

    @property
    def is_listing(self) -> bool:
        """Whether interfaces are being asked for."""
        return self._listing is not None

    @property
    def wait_s(self) -> float:
        """Seconds until the next check may be made."""
        return max(0.0, self._checked + self.rest_s - time.monotonic())

    def retry(self) -> None:
        """Checks again, however short ago the failed check was."""
        self._start()

    def check(self) -> bool:
        """Checks again.

        Returns:
            Whether it does; not while a check is under way or was made a moment ago.
        """
        if self.wait_s > 0:
            return False
        return self._start()

    def ask_interfaces(self) -> None:
        """Asks LINSTOR for the interfaces of every node; one call per node."""
        if self._active and self._listing is None:
            self._listing = self._owner.spawn(self._list_all(), "list LINSTOR's interfaces")
            self._touch()

    # ------------------------------------------------------------------ life

    def _begin(self) -> None:
        self._holds = (
            self._pool.subscribe(),
            self._sr.subscribe(self._srs_changed, self._records_state),
            self._pbd.subscribe(),
        )
        self._start()

    def _end(self) -> None:
        for task in (self._work, self._listing):
            if task is not None:
                task.cancel()
        self._work = self._listing = None
        holds, self._holds = self._holds, ()
        for hold in holds:
            hold.close()

    def _start(self) -> bool:
        if not self._active or self._work is not None:
            return False
        if not self._rows:
            self._go(StoreState.LOADING)
        self._work = self._owner.spawn(self._check_all(), "check LINSTOR's health")
        self._touch()
        return True

    def _touch(self) -> None:
        # Tells that a check began or ended, although no row and no state changed.
        for subscription in tuple(self._started):
            if (call := subscription.on_state) is not None and subscription.is_started:
                self._call(call, self.state)

    def _srs_changed(self, _change: object) -> None:
        now = {sr.ref for sr in self._linstor_srs()}
        if self._work is None and now != set(self._rows):
            self._start()

    def _records_state(self, state: StoreState) -> None:
        if state is StoreState.READY and self.state is StoreState.FAILED:
            self._start()

    def _linstor_srs(self) -> list[SR]:
        return [sr for sr in self._sr.records.values() if sr.type == SR_TYPE]

    # ------------------------------------------------------------------ checks

    async def _check_all(self) -> None:
        try:
            for store in (self._pool, self._sr, self._pbd):
                if await store.settled() is StoreState.FAILED:
                    self._go(StoreState.FAILED, store.error)
                    return
            rows = {sr.ref: self._face(sr) for sr in self._linstor_srs()}
            for ref, row in rows.items():
                rows[ref] = await self._check(row)
            self._checked = time.monotonic()
            self._apply(rows, [ref for ref in self._rows if ref not in rows])
            self._go(StoreState.READY)
        finally:
            if self._work is asyncio.current_task():
                self._work = None
                self._touch()

    def _face(self, sr: SR) -> XostorRow:
        config: Mapping[str, str] = {}
        for ref in sr.pbds:
            pbd = self._pbd.get(ref)
            if pbd is not None and pbd.device_config.get("group-name"):
                config = pbd.device_config
                break
        copies = config.get("redundancy", "")
        return msgspec.structs.replace(
            self._rows.get(sr.ref) or XostorRow(sr.ref),
            name=sr.name_label,
            group_name=config.get("group-name", ""),
            redundancy=int(copies) if copies in ("1", "2", "3") else None,
            provisioning=config.get("provisioning", ""),
        )

    async def _ask(self, function: str, args: dict[str, str]) -> object:
        master = next((pool.master for pool in self._pool.records.values()), "")
        return await self._api.call(
            "host.call_plugin", master, PLUGIN, function, args, timeout_s=CHECK_TIMEOUT_S
        )

    async def _check(self, row: XostorRow) -> XostorRow:
        began = time.monotonic()
        try:
            answer = await self._ask("healthCheck", {"groupName": row.group_name})
            health = read_health(answer)
        except XenApiError as error:
            return msgspec.structs.replace(row, error=error)
        return msgspec.structs.replace(
            row,
            health=health,
            checked_at=datetime.now(UTC),
            took_s=time.monotonic() - began,
            error=None,
        )

    async def _interfaces_of(self, node: str, args: dict[str, str]) -> list[Interface]:
        found = read_interfaces(node, await self._ask("listNodeInterfaces", args))
        try:
            preferred = await self._ask("getNodePreferredInterface", args)
        except XapiError:
            # Old plug-ins have no such function: the list is worth showing without it.
            return list(found)
        return [msgspec.structs.replace(one, is_preferred=one.name == preferred) for one in found]

    async def _list_all(self) -> None:
        try:
            for ref, row in tuple(self._rows.items()):
                if row.health is None:
                    continue
                told: list[Interface] = []
                errors: dict[str, XenApiError] = {}
                for node in row.health.all_nodes:
                    args = {"groupName": row.group_name, "hostname": node}
                    try:
                        told += await self._interfaces_of(node, args)
                    except XenApiError as error:
                        errors[node] = error
                now = self._rows.get(ref)
                if now is not None:
                    fresh = msgspec.structs.replace(
                        now, interfaces=tuple(told), interface_errors=errors
                    )
                    self._apply({ref: fresh}, ())
        finally:
            if self._listing is asyncio.current_task():
                self._listing = None
                self._touch()


class ProbeStore(Store[HostProbe]):
    """One row per host: what it has for LINSTOR. Asks with calls that only read."""

    def __init__(
        self,
        api: XenApi,
        tasks: OwnedTasks,
        *,
        pool: Store[Pool],
        host: Store[Host],
        linger_s: float = 1.0,
    ) -> None:
        super().__init__("xostor_hosts", linger_s=linger_s)
        self._api = api
        self._owner = tasks
        self._pool, self._host = pool, host
        self._holds: tuple[Subscription[Any], ...] = ()
        self._work: asyncio.Task[None] | None = None
        self._as_of: datetime | None = None

    @property
    def classes(self) -> frozenset[str]:
        """Those of the records, while they are held."""
        return frozenset[str]().union(*(hold.store.classes for hold in self._holds))

    @property
    def as_of(self) -> datetime | None:
        """When all hosts had been asked."""
        return self._as_of

    def retry(self) -> None:
        """Asks again."""
        self.check()

    def check(self) -> None:
        """Asks every host again; does nothing while they are being asked."""
        if self._active and self._work is None:
            self._go(StoreState.LOADING)
            self._work = self._owner.spawn(self._ask_all(), "ask hosts about LINSTOR")

    def _begin(self) -> None:
        self._holds = (self._pool.subscribe(), self._host.subscribe())
        self.check()

    def _end(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None
        holds, self._holds = self._holds, ()
        for hold in holds:
            hold.close()
        self._as_of = None

    async def _ask_all(self) -> None:
        try:
            for store in (self._pool, self._host):
                if await store.settled() is StoreState.FAILED:
                    self._go(StoreState.FAILED, store.error)
                    return
            master = next((pool.master for pool in self._pool.records.values()), "")
            faces = {h.ref: face_of(h, master) for h in self._host.records.values()}
            self._apply(
                {ref: self._rows.get(ref, face) for ref, face in faces.items()},
                [ref for ref in self._rows if ref not in faces],
            )
            slots = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for face in faces.values():
                    group.create_task(self._ask_one(face, slots), name=f"ask {face.ref}")
            self._as_of = datetime.now(UTC)
            self._go(StoreState.READY)
        finally:
            if self._work is asyncio.current_task():
                self._work = None

    async def _ask_one(self, face: HostProbe, slots: asyncio.Semaphore) -> None:
        disks, version = None, None
        errors: dict[str, XenApiError] = {}
        async with slots:
            try:
                disks = read_disks(await self._plugin(face.ref, "lsblk.py", "list_block_devices"))
            except XenApiError as error:
                errors["lsblk.py"] = error
            try:
                answer = await self._plugin(
                    face.ref, "updater.py", "query_installed", packages=PACKAGE
                )
                version = read_linstor_version(answer)
            except XenApiError as error:
                errors["updater.py"] = error
        probe = msgspec.structs.replace(
            face, asked=True, disks=disks, linstor_version=version, errors=errors
        )
        self._apply({face.ref: probe}, ())

    async def _plugin(self, ref: str, plugin: str, function: str, **args: str) -> object:
        return await self._api.call(
            "host.call_plugin", ref, plugin, function, args, timeout_s=CHECK_TIMEOUT_S
        )
