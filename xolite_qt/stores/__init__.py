"""Observable, subscription-counted state over a connection to a host. Knows no user interface.

    stores = Stores(api)
    api.events.start()
    with stores.vm_rows.subscribe(model.apply, page.show_state) as rows:
        model.replace(stores.vm_rows.records.values())
        ...
    await stores.close()

A subscription is told what changes after it began; what is there already is in `records`.
"""

from __future__ import annotations

from xolite_qt.stores.base import OnChange, OnState, Store, Subscription
from xolite_qt.stores.change import Change, HasRef, StoreState
from xolite_qt.stores.collection import Collection, create_subscriber
from xolite_qt.stores.derived import DerivedStore, JoinedStore, Part
from xolite_qt.stores.messages import (
    AlarmGroup,
    AlarmGroupStore,
    AlarmRow,
    AlarmStore,
    MessageStore,
    fold,
    newest_first,
)
from xolite_qt.stores.patches import CheckState, HostPatches, Patch, PatchStore, count_missing
from xolite_qt.stores.rows import HostRow, SrRow, TaskRow, VmRow, is_pending
from xolite_qt.stores.stats import PoolStats, StatsState, StatsStore, StatsSubscription
from xolite_qt.stores.stats_series import Lines, ObjectSeries, Pair, Usage
from xolite_qt.stores.stores import Stores
from xolite_qt.stores.sums import (
    CpuProvisioning,
    MemoryProvisioning,
    StateCounts,
    StorageUsage,
    cpu_provisioning,
    fullest,
    memory_provisioning,
    state_counts,
    storage_usage,
)
from xolite_qt.stores.task_store import TaskStore
from xolite_qt.stores.tree import NodeKind, TreeNode, TreeStore
from xolite_qt.stores.xen_api_store import XenApiStore, create_xen_api_store

__all__ = [
    "AlarmGroup",
    "AlarmGroupStore",
    "AlarmRow",
    "AlarmStore",
    "Change",
    "CheckState",
    "Collection",
    "CpuProvisioning",
    "DerivedStore",
    "HasRef",
    "HostPatches",
    "HostRow",
    "JoinedStore",
    "Lines",
    "MemoryProvisioning",
    "MessageStore",
    "NodeKind",
    "ObjectSeries",
    "OnChange",
    "OnState",
    "Pair",
    "Part",
    "Patch",
    "PatchStore",
    "PoolStats",
    "SrRow",
    "StateCounts",
    "StatsState",
    "StatsStore",
    "StatsSubscription",
    "StorageUsage",
    "Store",
    "StoreState",
    "Stores",
    "Subscription",
    "TaskRow",
    "TaskStore",
    "TreeNode",
    "TreeStore",
    "Usage",
    "VmRow",
    "XenApiStore",
    "count_missing",
    "cpu_provisioning",
    "create_subscriber",
    "create_xen_api_store",
    "fold",
    "fullest",
    "is_pending",
    "memory_provisioning",
    "newest_first",
    "state_counts",
    "storage_usage",
]
