"""What is saved of a backup job, a repository and a host; secrets are in the keyring."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class HostRef(msgspec.Struct, frozen=True):
    """The host a job reads from. Its password is in the keyring, its certificate in the pins.

    Attributes:
        url: `https://host[:port]`.
        user: who signs in.
        name: the pool's or host's name when it was last seen, to be shown.
    """

    url: str
    user: str = "root"
    name: str = ""


class Selection(msgspec.Struct, frozen=True):
    """Which VMs. Templates and snapshots never; disks with `[NOBAK]` in their name never.

    Attributes:
        how: "chosen": those in `vms`; "tags": every VM with one of `tags`; "all_but": every VM
            but those in `vms` and those with one of `tags`.
        vms: uuids.
        tags: VM tags.
    """

    how: Literal["chosen", "tags", "all_but"] = "chosen"
    vms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class NbdSettings(msgspec.Struct, frozen=True):
    """How disks are read.

    Attributes:
        use: "auto": NBD where it works, else the export; "on": NBD or fail; "off": the export.
        connections: per disk.
        purge_snapshot_data: with changed-block tracking, free the snapshot's space on the host
            after the backup (the next one goes on from its tracking data alone).
    """

    use: Literal["auto", "on", "off"] = "auto"
    connections: Annotated[int, msgspec.Meta(ge=1, le=16)] = 2
    purge_snapshot_data: bool = False


class Retention(msgspec.Struct, frozen=True):
    """What is kept: the newest `last`, and the oldest of each of the newest n days, weeks, …"""

    last: AtLeastOne = 7
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0
    yearly: Count = 0


class Schedule(msgspec.Struct, frozen=True):
    """When a job runs by itself.

    Attributes:
        cron: five fields.
        timezone: IANA name, which also bounds the days and weeks of the retention.
        enabled: off: only by hand.
        catch_up: a run missed while the machine slept is made up for (once, however many).
    """

    cron: str = "0 2 * * *"
    timezone: str = "UTC"
    enabled: bool = True
    catch_up: bool = True


class HealthCheck(msgspec.Struct, frozen=True):
    """After a run: restore the newest backup of each VM, boot it without network, ask its tools.

    Attributes:
        enabled: whether.
        sr_uuid: where to restore; empty for the pool's default SR.
        timeout_s: patience for the guest tools.
    """

    enabled: bool = False
    sr_uuid: str = ""
    timeout_s: AtLeastOne = 600


class Report(msgspec.Struct, frozen=True):
    """Who hears of a run.

    Attributes:
        when: which runs.
        desktop: a notification on this desktop.
        targets: names of the apprise URLs in the keyring (`credentials`), such as "ops mail".
    """

    when: Literal["failure", "always", "never"] = "failure"
    desktop: bool = True
    targets: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A backup job.

    Attributes:
        id: uuid; a part of the paths in the repositories, so it never changes.
        schedule_id: uuid, likewise.
        name: for people.
        host: where the VMs are.
        selection: which VMs.
        mode: "incremental" (disks, block by block) or "full" (XVA).
        repositories: ids of `SavedRepository`, each gets every backup.
        nbd: how disks are read.
        xva_compression: of full backups.
        disk_format: of incremental backups in local repositories: folders of blocks, or VHD files
            (never in encrypted ones, nor on S3).
        schedule: when.
        retention: what is kept.
        full_interval: a full every so many incrementals; 0: never by itself.
        concurrency: VMs at a time.
        memory: snapshots with memory.
        offline: shut the VM down for the snapshot, then start it again.
        merge_concurrency: merges at a time after the run; a high number loads slow disks.
        health_check: see there.
        report: see there.
    """

    id: str
    schedule_id: str
    name: str
    host: HostRef
    selection: Selection = Selection()
    mode: Literal["incremental", "full"] = "incremental"
    repositories: tuple[str, ...] = ()
    nbd: NbdSettings = NbdSettings()
    xva_compression: Literal["zstd", "gzip", "none"] = "zstd"
    disk_format: Literal["blocks", "vhd"] = "blocks"
    schedule: Schedule = Schedule()
    retention: Retention = Retention()
    full_interval: Count = 0
    concurrency: AtLeastOne = 2
    memory: bool = False
    offline: bool = False
    merge_concurrency: AtLeastOne = 1
    health_check: HealthCheck = HealthCheck()
    report: Report = Report()


class SavedRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A backup repository that this user knows.

    Attributes:
        id: uuid of our own list.
        name: for people.
        url: without secrets; access key, secret and encryption key are in the keyring.
        encrypted: whether a key belongs to it.
        write_budget_s: how long one write is tried before it fails.
    """

    id: str
    name: str
    url: str
    encrypted: bool = False
    write_budget_s: AtLeastOne = 600
