"""Words for what hosts leave messages about, besides alarms.

Source: the names are XAPI's (api_messages); one that is not here is read out as it stands.
"""

from __future__ import annotations

_WORDS = {
    "VM_STARTED": "VM started",
    "VM_SHUTDOWN": "VM shut down",
    "VM_REBOOTED": "VM rebooted",
    "VM_SUSPENDED": "VM suspended",
    "VM_RESUMED": "VM resumed",
    "VM_CRASHED": "VM crashed",
    "VM_CLONED": "VM copied",
    "VM_SNAPSHOTTED": "VM snapshotted",
    "VM_SNAPSHOT_REVERTED": "VM reverted to a snapshot",
    "VM_MIGRATED": "VM moved",
    "VM_PAUSED": "VM paused",
    "VM_UNPAUSED": "VM runs again after a pause",
    "VM_CHECKPOINTED": "VM snapshotted with its memory",
    "HOST_SYNC_DATA_FAILED": "A host could not keep the pool's data",
    "HOST_CLOCK_SKEW_DETECTED": "A host's clock differs from the master's",
    "HOST_CLOCK_WENT_BACKWARDS": "A host's clock went backwards",
    "POOL_MASTER_TRANSITION": "Another host leads the pool",
    "POOL_CPU_FEATURES_DOWN": "The pool's processors have fewer features in common",
    "POOL_CPU_FEATURES_UP": "The pool's processors have more features in common",
    "HOST_CPU_FEATURES_DOWN": "A host lost processor features",
    "HOST_CPU_FEATURES_UP": "A host gained processor features",
    "PBD_PLUG_FAILED_ON_SERVER_START": "A storage could not be connected at boot",
    "BOND_STATUS_CHANGED": "A link of a bond went up or down",
    "MULTIPATH_PERIODIC_ALERT": "Paths to a storage changed",
    "HA_HOST_FAILED": "A host failed",
    "HA_HOST_WAS_FENCED": "A host cut itself off",
    "HA_NETWORK_BONDING_ERROR": "High availability: a bonded network misbehaves",
    "HA_POOL_OVERCOMMITTED": "High availability: too few hosts to restart all VMs",
    "HA_POOL_DROP_IN_PLAN_EXISTS_FOR": "High availability: fewer failures can be survived",
    "HA_PROTECTED_VM_RESTART_FAILED": "High availability: a VM could not be restarted",
    "HA_STATEFILE_LOST": "High availability: its storage is gone",
    "HA_STATEFILE_APPROACHING_TIMEOUT": "High availability: its storage is slow",
    "HA_HEARTBEAT_APPROACHING_TIMEOUT": "High availability: heartbeats are late",
    "HA_XAPI_HEALTHCHECK_APPROACHING_TIMEOUT": "High availability: the toolstack is slow",
    "METADATA_LUN_HEALTHY": "The disaster-recovery storage is back",
    "METADATA_LUN_BROKEN": "The disaster-recovery storage cannot be written",
    "VDI_CBT_METADATA_INCONSISTENT": "Changed-block tracking of a disk is spoilt",
    "VDI_CBT_RESIZE_FAILED": "Changed-block tracking did not survive a resize",
    "VDI_CBT_SNAPSHOT_FAILED": "Changed-block tracking failed at a snapshot",
    "LICENSE_EXPIRES_SOON": "The licence ends soon",
    "LICENSE_DOES_NOT_SUPPORT_POOLING": "The licence allows no pool",
    "LICENSE_SERVER_UNREACHABLE": "The licence server cannot be reached",
    "LICENSE_SERVER_CONNECTED": "The licence server answers again",
    "HOST_SERVER_CERTIFICATE_EXPIRED": "A host's certificate has ended",
    "HOST_INTERNAL_CERTIFICATE_EXPIRED": "A host's internal certificate has ended",
    "POOL_CA_CERTIFICATE_EXPIRED": "A certificate of an authority has ended",
    "FAILED_LOGIN_ATTEMPTS": "Somebody failed to sign in",
    "VMSS_SNAPSHOT_SUCCEEDED": "A scheduled snapshot was taken",
    "VMSS_SNAPSHOT_FAILED": "A scheduled snapshot failed",
    "VMSS_SNAPSHOT_LOCK_FAILED": "A scheduled snapshot could not begin",
    "PERIODIC_UPDATE_SYNC_FAILED": "Looking for updates failed",
    "TLS_VERIFICATION_EMERGENCY_DISABLED": "Hosts do not check each other's certificates",
    "XAPI_RESTARTED": "The toolstack was restarted",
    "UPDATES_FEED_STALE": "The list of updates is old",
    "GFS2_CAPACITY": "A shared storage is nearly full",
    "CLUSTER_HOST_FENCING": "A host of the cluster cut itself off",
    "VCPU_CRASHED": "A virtual processor crashed",
}

_EXPIRES = (
    ("HOST_SERVER_CERTIFICATE_EXPIRING", "A host's certificate ends soon"),
    ("HOST_INTERNAL_CERTIFICATE_EXPIRING", "A host's internal certificate ends soon"),
    ("POOL_CA_CERTIFICATE_EXPIRING", "A certificate of an authority ends soon"),
)


def message_words(name: str) -> str:
    """What a message says, by its name."""
    if name in _WORDS:
        return _WORDS[name]
    for prefix, words in _EXPIRES:
        if name.startswith(prefix):
            return words
    return name.replace("_", " ").strip().capitalize() or "Message"
