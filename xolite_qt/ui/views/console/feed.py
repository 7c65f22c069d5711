"""What the stores say about the console of one machine: is there one, where, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Signal

from xolite_qt.stores import Change, Store, Stores, StoreState, Subscription
from xolite_qt.ui.errors import Explained, explain
from xolite_qt.ui.views.console.way import Place
from xolite_qt.xen_api import VM, Console


class Scene(StrEnum):
    """What there is.

    ABSENT: it runs, and has no such console (yet). OFF: it does not run.
    """

    LOADING = "loading"
    FAILED = "failed"
    GONE = "gone"
    OFF = "off"
    ABSENT = "absent"
    THERE = "there"


@dataclass(frozen=True)
class Sight:
    """What the stores say now.

    Attributes:
        scene: what there is.
        name: of the machine.
        vm: its record, where there is one.
        screen: the graphical console, where there is one.
        line: the text console, where there is one.
        failure: why nothing is known.
    """

    scene: Scene
    name: str = ""
    vm: VM | None = None
    screen: Place | None = None
    line: Place | None = None
    failure: Explained | None = None


class ConsoleFeed(QObject):
    """Follows one VM, or one host's control domain, from `start` to `stop`.

    Signals:
        changed: `sight` is another one.

    Attributes:
        sight: what the stores say now.
    """

    changed = Signal()

    def __init__(self, stores: Stores, *, vm: str = "", host: str = "") -> None:
        """Follows nothing yet.

        Args:
            stores: of the connection.
            vm: reference of a VM.
            host: or of a host, whose control domain is meant.
        """
        super().__init__()
        self._stores = stores
        self._vm, self._host = vm, host
        self._subscriptions: list[Subscription[Any]] = []
        self.sight = Sight(Scene.LOADING)

    @property
    def key(self) -> str:
        """Reference of what is followed."""
        return self._host or self._vm

    @property
    def stores_wanted(self) -> tuple[Store[Any], ...]:
        """What it reads."""
        stores = self._stores
        machines: Store[Any] = stores.control_domain if self._host else stores.vm
        return (machines, stores.console, stores.host, stores.pool)

    def start(self) -> None:
        """Begins to follow; does nothing while it does."""
        if not self._subscriptions:
            self._subscriptions = [
                store.subscribe(self._rows_changed, self._state_changed)
                for store in self.stores_wanted
            ]
            self._look()

    def stop(self) -> None:
        """Follows no more."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.close()

    def _state_changed(self, _state: StoreState) -> None:
        self._look()

    def _rows_changed(self, change: Change[Any]) -> None:
        mine = self._machine_ref()
        for row in (*change.added, *change.changed):
            if getattr(row, "vm", None) == mine or getattr(row, "ref", None) in (mine, self._host):
                self._look()
                return
        # A pool has one row, and few hosts; what is gone tells no more whose it was.
        if change.removed:
            self._look()

    def _look(self) -> None:
        sight = self._sight()
        if sight != self.sight:
            self.sight = sight
            self.changed.emit()

    def _machine_ref(self) -> str:
        if not self._host:
            return self._vm
        host = self._stores.host.get(self._host)
        domains = self._stores.control_domain.records
        if host is not None and host.control_domain in domains:
            return host.control_domain
        # Old hosts do not tell which it is.
        own = (ref for ref, vm in domains.items() if vm.resident_on == self._host)
        return next(own, "")

    def _sight(self) -> Sight:
        stores = self._stores
        machines = stores.control_domain if self._host else stores.vm
        vm = machines.get(self._machine_ref())
        name = self._name_of(vm)
        for store in self.stores_wanted:
            if store.state is StoreState.FAILED and not store.records:
                why = explain(store.error) if store.error else Explained("It could not be loaded.")
                return Sight(Scene.FAILED, name, vm, failure=why)
        if vm is None:
            known = machines.is_ready and stores.host.is_ready
            return Sight(Scene.GONE if known else Scene.LOADING, name)
        if vm.power_state != "Running":
            return Sight(Scene.OFF, name, vm)
        screen, line = self._place(vm, "rfb"), self._place(vm, "vt100")
        if screen is None and line is None:
            loaded = stores.console.state not in (StoreState.IDLE, StoreState.LOADING)
            return Sight(Scene.ABSENT if loaded else Scene.LOADING, name, vm)
        return Sight(Scene.THERE, name, vm, screen, line)

    def _name_of(self, vm: VM | None) -> str:
        if self._host:
            host = self._stores.host.get(self._host)
            return host.name_label if host is not None else ""
        return vm.name_label if vm is not None else ""

    def _place(self, vm: VM, protocol: str) -> Place | None:
        for ref in vm.consoles:
            console = self._stores.console.get(ref)
            if console is not None and console.protocol == protocol:
                return Place(ref, console.location, vm.resident_on, self._is_home(vm, console))
        return None

    def _is_home(self, vm: VM, console: Console) -> bool:
        """Whether all calls go to the host that runs it: the master, under whatever address."""
        pool = self._stores.the_pool()
        if pool is not None and pool.master == vm.resident_on:
            return True
        return urlsplit(console.location).hostname == urlsplit(self._stores.api.url).hostname
