"""A backup by command, without a saved job: its id belongs to the repository and the host's VMs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.repository import Repository
from xolite_qt.xen_api import VM, XenApi


class NoSuchVm(BackupError):  # noqa: N818 - says what is the matter
    """A VM that was asked for is not there, or several are."""


def adhoc_ids(repositories: Iterable[Repository]) -> tuple[str, str]:
    """Ids of job and schedule: always the same for the same repositories, so that incrementals
    go on from each other."""
    names = "+".join(sorted(repository.id for repository in repositories))
    space = uuid.uuid5(uuid.NAMESPACE_URL, "xolite-qt:backup")
    return str(uuid.uuid5(space, f"job:{names}")), str(uuid.uuid5(space, f"schedule:{names}"))


async def find_vms(api: XenApi, names: Sequence[str]) -> list[VM]:
    """The VMs of these names or uuids.

    Raises:
        NoSuchVm: one is not there, or several have the name.
        XenApiError: the host does not answer.
    """
    vms = [
        vm
        for vm in (await api.get_all_records(VM)).values()
        if not (vm.is_a_template or vm.is_a_snapshot or vm.is_control_domain)
    ]
    found: dict[str, VM] = {}
    for name in names:
        fit = [vm for vm in vms if vm.uuid == name] or [vm for vm in vms if vm.name_label == name]
        if len(fit) != 1:
            what = "several VMs are called" if fit else "the host has no VM"
            raise NoSuchVm(f"{what} {name!r}")
        found[fit[0].uuid] = fit[0]
    return list(found.values())
