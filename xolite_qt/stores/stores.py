"""All stores of one connection, wired to one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from xolite_qt.stores.base import Store
from xolite_qt.stores.derived import ANY, JoinedStore, Part
from xolite_qt.stores.messages import AlarmGroupStore, AlarmStore, MessageStore
from xolite_qt.stores.news import NewsStore
from xolite_qt.stores.patches import PatchStore
from xolite_qt.stores.rows import HostRow, SrRow, TaskRow, VmRow
from xolite_qt.stores.stats import StatsStore
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.stores.task_store import TaskStore
from xolite_qt.stores.tree import TreeStore
from xolite_qt.stores.xen_api_store import XenApiStore, create_xen_api_store
from xolite_qt.stores.xostor.store import ProbeStore, XostorStore
from xolite_qt.xen_api import (
    PBD,
    PCI,
    PGPU,
    PIF,
    SR,
    VBD,
    VDI,
    VGPU,
    VIF,
    VM,
    Bond,
    Certificate_,
    Console,
    Crashdump,
    GPUGroup,
    Host,
    HostCpu,
    HostCrashdump,
    HostMetrics,
    Network,
    PIFMetrics,
    Pool,
    Task,
    VMGuestMetrics,
    VMMetrics,
    XenApi,
)

S = TypeVar("S", bound=Store[Any])


def is_real_vm(vm: VM) -> bool:
    """Whether people mean this when they say VM."""
    return not (vm.is_a_template or vm.is_control_domain or vm.is_a_snapshot)


def is_template(vm: VM) -> bool:
    """Whether it is a template; snapshots call themselves templates too and are none."""
    return vm.is_a_template and not vm.is_a_snapshot and not vm.is_control_domain


def is_snapshot(vm: VM) -> bool:
    """Whether it is a snapshot or a checkpoint."""
    return vm.is_a_snapshot


def is_control_domain(vm: VM) -> bool:
    """Whether it is a host's own domain."""
    return vm.is_control_domain and not vm.is_a_snapshot


def _where(**fields: bool) -> str:
    return " and ".join(
        f'(field "{name}" = "{str(value).lower()}")' for name, value in fields.items()
    )


class Stores:
    """One store per kind of thing, all over one connection.

    Nothing is fetched nor listened to before somebody subscribes.

    Attributes:
        api: the connection.
        vm: real VMs only; `vm_template`, `vm_snapshot` and `control_domain` have the others.
        task: pending ones, and finished ones even after the host removed them.
        message, alarms, alarm_groups: subscribe with `defer=True`; thousands may be stored.
        notices, notice_groups: as alarms, with messages of every other kind too.
        news: alarms raised since one looked last; asked for once a minute.
        vm_rows, host_rows, sr_rows, task_rows: records joined with those that belong to them.
        vm_tree: pool, hosts and VMs with their places.
        stats: live measurements.
        patches: missing patches per host, asked on demand.
        xostor, xostor_hosts: the pool's LINSTOR, and what hosts have for one.
    """

    def __init__(self, api: XenApi, *, linger_s: float = 1.0, stats_pace: float = 1.0) -> None:
        """Stores that do nothing yet.

        Args:
            api: the connection; its event hub is started and stopped by whoever owns it.
            linger_s: seconds that a store outlives its last subscription.
            stats_pace: real seconds per second between questions for measurements; tests hurry.
        """
        self.api = api
        self._tasks = OwnedTasks()
        self._linger_s = linger_s
        self._all: list[Store[Any]] = []

        self.pool: XenApiStore[Pool] = self._base("pool")
        self.host: XenApiStore[Host] = self._base("host")
        self.host_metrics: XenApiStore[HostMetrics] = self._base("host_metrics")
        self.host_cpu: XenApiStore[HostCpu] = self._base("host_cpu")
        self.vm: XenApiStore[VM] = self._base(
            "vm",
            where=_where(is_a_template=False, is_a_snapshot=False, is_control_domain=False),
            accept=is_real_vm,
        )
        self.vm_template: XenApiStore[VM] = self._base(
            "vm",
            name="vm_template",
            where=_where(is_a_template=True, is_a_snapshot=False),
            accept=is_template,
        )
        self.vm_snapshot: XenApiStore[VM] = self._base(
            "vm", name="vm_snapshot", where=_where(is_a_snapshot=True), accept=is_snapshot
        )
        self.control_domain: XenApiStore[VM] = self._base(
            "vm",
            name="control_domain",
            where=_where(is_control_domain=True),
            accept=is_control_domain,
        )
        self.vm_metrics: XenApiStore[VMMetrics] = self._base("vm_metrics")
        self.vm_guest_metrics: XenApiStore[VMGuestMetrics] = self._base("vm_guest_metrics")
        self.console: XenApiStore[Console] = self._base("console")
        self.sr: XenApiStore[SR] = self._base("sr")
        self.pbd: XenApiStore[PBD] = self._base("pbd")
        self.vbd: XenApiStore[VBD] = self._base("vbd")
        self.vdi: XenApiStore[VDI] = self._base("vdi")
        self.vif: XenApiStore[VIF] = self._base("vif")
        self.pif: XenApiStore[PIF] = self._base("pif")
        self.pif_metrics: XenApiStore[PIFMetrics] = self._base("pif_metrics")
        self.network: XenApiStore[Network] = self._base("network")
        self.bond: XenApiStore[Bond] = self._base("bond")
        self.pgpu: XenApiStore[PGPU] = self._base("pgpu")
        self.pci: XenApiStore[PCI] = self._base("pci")
        self.vgpu: XenApiStore[VGPU] = self._base("vgpu")
        self.gpu_group: XenApiStore[GPUGroup] = self._base("gpu_group")
        self.host_crashdump: XenApiStore[HostCrashdump] = self._base("host_crashdump")
        self.crashdump: XenApiStore[Crashdump] = self._base("crashdump")
        self.certificate: XenApiStore[Certificate_] = self._base("certificate")
        self.task = self._keep(TaskStore(api, self._tasks, linger_s=linger_s))
        self.message = self._keep(MessageStore(api, self._tasks, linger_s=linger_s))

        self.vm_rows: JoinedStore[VM, VmRow] = self._keep(
            JoinedStore(
                "vm_rows",
                self.vm,
                (
                    Part(self.vm_metrics, lambda vm: (vm.metrics,)),
                    Part(self.vm_guest_metrics, lambda vm: (vm.guest_metrics,)),
                    Part(self.host, lambda vm: (vm.resident_on,), _host_face),
                ),
                self._vm_row,
                linger_s=linger_s,
            )
        )
        self.host_rows: JoinedStore[Host, HostRow] = self._keep(
            JoinedStore(
                "host_rows",
                self.host,
                (
                    Part(self.host_metrics, lambda host: (host.metrics,)),
                    Part(self.pool, lambda _: (ANY,), lambda pool: pool.master),
                ),
                self._host_row,
                linger_s=linger_s,
            )
        )
        self.sr_rows: JoinedStore[SR, SrRow] = self._keep(
            JoinedStore(
                "sr_rows",
                self.sr,
                (Part(self.pbd, lambda sr: sr.pbds),),
                self._sr_row,
                linger_s=linger_s,
            )
        )
        self.task_rows: JoinedStore[Task, TaskRow] = self._keep(
            JoinedStore(
                "task_rows",
                self.task,
                (Part(self.host, lambda task: (task.resident_on,), _host_face),),
                self._task_row,
                linger_s=linger_s,
            )
        )
        self.vm_tree = self._keep(
            TreeStore(self.pool, self.host, self.host_metrics, self.vm, linger_s=linger_s)
        )
        self.alarms = self._keep(AlarmStore(api, self.message, linger_s=linger_s))
        self.alarm_groups = self._keep(AlarmGroupStore(self.alarms, linger_s=linger_s))
        self.notices = self._keep(AlarmStore(api, self.message, every=True, linger_s=linger_s))
        self.notice_groups = self._keep(
            AlarmGroupStore(self.notices, name="notice_groups", linger_s=linger_s)
        )
        self.news = self._keep(NewsStore(api, self._tasks, linger_s=linger_s))
        self.patches = self._keep(PatchStore(api, self._tasks, self.host, linger_s=linger_s))
        self.xostor = self._keep(
            XostorStore(
                api, self._tasks, pool=self.pool, sr=self.sr, pbd=self.pbd, linger_s=linger_s
            )
        )
        self.xostor_hosts = self._keep(
            ProbeStore(api, self._tasks, pool=self.pool, host=self.host, linger_s=linger_s)
        )
        self.stats = StatsStore(
            api,
            self._tasks,
            pool=self.pool,
            host=self.host,
            host_metrics=self.host_metrics,
            vm=self.vm,
            linger_s=linger_s,
            pace=stats_pace,
        )

    # ------------------------------------------------------------------ for views

    @property
    def classes_in_use(self) -> frozenset[str]:
        """Classes that the stores listen to now: what `event.from` is called with."""
        return frozenset().union(*(store.classes for store in self._all))

    def the_pool(self) -> Pool | None:
        """The one pool; None while the pool store has no rows."""
        return next(iter(self.pool.records.values()), None)

    @property
    def pool_ref(self) -> str | None:
        """Reference of the one pool; None while the pool store has no rows."""
        pool = self.the_pool()
        return None if pool is None else pool.ref

    async def close(self) -> None:
        """Ends all subscriptions, loads and polls; afterwards nothing is listened to."""
        self.stats.close()
        # Derived ones first: they let go of their sources.
        for store in reversed(self._all):
            store.close()
        await self._tasks.close()

    # ------------------------------------------------------------------ wiring

    def _keep(self, store: S) -> S:
        self._all.append(store)
        return store

    def _base(
        self,
        cls: str,
        *,
        name: str | None = None,
        where: str | None = None,
        accept: Callable[[Any], bool] | None = None,
    ) -> XenApiStore[Any]:
        return self._keep(
            create_xen_api_store(
                self.api,
                self._tasks,
                cls,
                name=name,
                where=where,
                accept=accept,
                linger_s=self._linger_s,
            )
        )

    def _vm_row(self, vm: VM) -> VmRow:
        return VmRow(
            vm.ref,
            vm,
            self.vm_metrics.get(vm.metrics),
            self.vm_guest_metrics.get(vm.guest_metrics),
            self.host.get(vm.resident_on),
        )

    def _host_row(self, host: Host) -> HostRow:
        pool = self.the_pool()
        return HostRow(
            host.ref,
            host,
            self.host_metrics.get(host.metrics),
            pool is not None and pool.master == host.ref,
        )

    def _sr_row(self, sr: SR) -> SrRow:
        pbds = (self.pbd.get(ref) for ref in sr.pbds)
        return SrRow(sr.ref, sr, tuple(pbd for pbd in pbds if pbd is not None))

    def _task_row(self, task: Task) -> TaskRow:
        return TaskRow(task.ref, task, self.host.get(task.resident_on))


def _host_face(host: Host) -> object:
    # What rows of VMs and tasks show of a host. Without it, each start of a VM (which changes the
    # host's list of them) would redraw every VM of that host.
    return (host.name_label, host.address, host.enabled, host.metrics, host.uuid)
