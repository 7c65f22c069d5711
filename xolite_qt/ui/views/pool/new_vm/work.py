"""Makes a VM by a plan, and takes away what was made where it can't be finished."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.new_vm import CD_PLACE
from xolite_qt.ui.models.new_vm_cloud import meta_data
from xolite_qt.ui.models.new_vm_plan import Plan, PlannedDisk, Seed, new_vbd
from xolite_qt.ui.models.new_vm_seed import fat_image
from xolite_qt.ui.views.pool.new_vm.upload import send_image
from xolite_qt.xen_api import TaskCancelled, TransportError, XapiError, XenApiError
from xolite_qt.xen_api.records.base import NULL_REF
from xolite_qt.xen_api.transfers import transfer_task

_GIVE_UP_S = 30.0


class StepState(StrEnum):
    """How a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Leftover:
    """What could not be taken away again.

    Attributes:
        what: "VM web-1", "disk web-1 disk 2".
        why: in words.
    """

    what: str
    why: str


Tell = Callable[[str, StepState, float], object]
"""Hears of steps: their id, their state, how far they are from 0 to 1."""


class Creation:
    """One VM on its way.

    Attributes:
        plan: what is done.
        vm: its reference once there is one; "" again after it was taken away.
        leftovers: what a roll-back left behind.
        is_undoing: whether what was made is being taken away now.
    """

    def __init__(
        self,
        plan: Plan,
        tell: Tell = lambda _step, _state, _progress: None,
        on_undo: Callable[[], object] = lambda: None,
    ) -> None:
        self.plan = plan
        self.vm = ""
        self.leftovers: list[Leftover] = []
        self.is_undoing = False
        self._tell = tell
        self._on_undo = on_undo
        self._disks: dict[str, str] = {}
        self._drives: dict[str, dict[str, Any]] = {}
        self._unseen = False
        self._allowed = ""
        self._cancelled = False
        self._run: Any = None
        self._stop = threading.Event()
        self._rehearsed = ""

    # ------------------------------------------------------------------ from outside

    async def work(self, api: Any) -> None:
        """Does the plan; what was made is taken away if it fails.

        Raises:
            TaskCancelled: `cancel` was called.
            XenApiError: a step failed.
        """
        if getattr(api, "is_rehearsal", False):
            await self._rehearse(api)
            return
        try:
            for step in self.plan.steps():
                await self._step(api, step.id)
        except BaseException:
            await asyncio.shield(self._undo(api))
            raise

    async def start(self, api: Any) -> None:
        """Starts what was made.

        Raises:
            XenApiError: it does not start.
        """
        await api.run("VM.start", self._rehearsed or self.vm, False, False)

    async def cancel(self) -> None:
        """Asks for the end: the step under way is cancelled where the host can, none follows."""
        self._cancelled = True
        self._stop.set()
        run = self._run
        if run is not None and not run.done:
            with contextlib.suppress(XenApiError):
                await run.cancel()

    # ------------------------------------------------------------------ steps

    async def _rehearse(self, api: Any) -> None:
        """Everything but what hangs on devices that the clone brings: they are not known yet."""
        twin = Creation(self.plan)
        for step in self.plan.steps():
            await twin._do(api, step.id)
        self._rehearsed = twin.vm

    async def _step(self, api: Any, step: str) -> None:
        if self._cancelled:
            raise TaskCancelled("TASK_CANCELLED", [])
        self._tell(step, StepState.RUNNING, 0.0)
        try:
            await self._do(api, step)
        except BaseException:
            self._tell(step, StepState.FAILED, 0.0)
            raise
        self._tell(step, StepState.DONE, 1.0)

    async def _do(self, api: Any, step: str) -> None:
        plan = self.plan
        name, _, device = step.partition(":")
        match name:
            case "copy":
                await self._copy(api)
            case "bios":
                await api.call("VM.copy_bios_strings", self.vm, plan.bios_host)
            case "provision":
                for method, params in plan.before:
                    await api.call(method, self.vm, *params)
                await api.call("VM.remove_from_other_config", self.vm, "disks")
                await self._awaited(api, step, "VM.provision", self.vm)
            case "settings":
                await self._settle(api)
            case "vtpm":
                await self._add_vtpm(api)
            case "cd":
                await self._put_disc(api)
            case "cards":
                await self._connect(api)
            case "seed":
                assert plan.seed is not None
                await self._write_seed(api, step, plan.seed)
            case "move" | "edit" | "take" | "make":
                among = {
                    "move": plan.moved,
                    "edit": plan.edited,
                    "take": plan.taken,
                    "make": plan.created,
                }[name]
                disk = next(disk for disk in among if disk.device == device)
                does = {
                    "move": self._move,
                    "edit": self._edit,
                    "take": self._take,
                    "make": self._make_disk,
                }[name]
                await does(api, step, disk)
            case _:
                raise ValueError(f"no such step: {step}")

    async def _copy(self, api: Any) -> None:
        plan = self.plan
        more = (plan.copy_sr,) if plan.copy else ()
        method = "VM.copy" if plan.copy else "VM.clone"

        def keep(ref: str) -> None:
            self.vm = ref
            self._unseen = plan.has_devices

        what = f"VM {plan.name}"
        await self._made(api, "copy", what, keep, method, plan.template, plan.name, *more)
        if plan.has_devices and not getattr(api, "is_rehearsal", False):
            await self._look_at_drives(api)

    async def _look_at_drives(self, api: Any) -> None:
        """Learns what the clone brought: it must be taken away with the VM."""
        for ref in await api.call("VM.get_VBDs", self.vm):
            drive = await api.call("VBD.get_record", ref)
            self._drives[ref] = drive
            if drive["type"] == "Disk" and drive["VDI"] != NULL_REF:
                self._disks[drive["VDI"]] = f"copy of the template's disk {drive['userdevice']}"
        self._unseen = False

    async def _settle(self, api: Any) -> None:
        for method, params in self.plan.calls:
            await api.call(method, self.vm, *params)
        if self.plan.pool:
            await api.call("pool.remove_from_other_config", self.plan.pool, "auto_poweron")
            await api.call("pool.add_to_other_config", self.plan.pool, "auto_poweron", "true")
            self._allowed = self.plan.pool

    async def _add_vtpm(self, api: Any) -> None:
        if self.plan.has_vtpm:
            rehearsal = getattr(api, "is_rehearsal", False)
            if rehearsal or await api.call("VM.get_VTPMs", self.vm):
                return
        await api.call("VTPM.create", self.vm, False)

    async def _put_disc(self, api: Any) -> None:
        plan = self.plan
        if not plan.has_cd:
            record = new_vbd(self.vm, plan.cd, CD_PLACE, bootable=plan.cd_bootable, cd=True)
            await api.call("VBD.create", record)
            return
        for ref, drive in self._drives.items():
            if drive["type"] != "CD":
                continue
            if not drive["empty"]:
                await api.call("VBD.eject", ref)
            if plan.cd:
                await api.call("VBD.insert", ref, plan.cd)
                await api.call("VBD.set_bootable", ref, True)
            return

    async def _connect(self, api: Any) -> None:
        if self.plan.has_devices and not getattr(api, "is_rehearsal", False):
            for ref in await api.call("VM.get_VIFs", self.vm):
                await api.call("VIF.destroy", ref)
        for card in self.plan.cards:
            await api.call("VIF.create", card.record(self.vm))

    # ------------------------------------------------------------------ disks

    def _drive_at(self, device: str) -> tuple[str, dict[str, Any]] | None:
        """The drive that the clone brought at a place."""
        for ref, drive in self._drives.items():
            if drive["userdevice"] == device and drive["type"] == "Disk":
                return ref, drive
        return None

    async def _move(self, api: Any, step: str, disk: PlannedDisk) -> None:
        """Copies one of the clone's disks whole to a storage, and puts it in the clone's place."""
        if (found := self._drive_at(disk.device)) is None:
            return
        ref, drive = found
        before = drive["VDI"]
        what = f"disk {disk.name}"
        params = (before, disk.sr, NULL_REF, NULL_REF)
        made = await self._made_disk(api, step, what, "VDI.copy", *params)
        await api.call("VBD.destroy", ref)
        del self._drives[ref]
        record = new_vbd(self.vm, made, disk.device, bootable=drive["bootable"])
        placed = await api.call("VBD.create", record)
        self._drives[placed] = {**drive, "VDI": made}
        await self._awaited(api, step, "VDI.destroy", before)
        self._disks.pop(before, None)

    async def _edit(self, api: Any, step: str, disk: PlannedDisk) -> None:
        if (found := self._drive_at(disk.device)) is None:
            return
        vdi = found[1]["VDI"]
        if disk.rename:
            await api.call("VDI.set_name_label", vdi, disk.name)
            await api.call("VDI.set_name_description", vdi, disk.description)
        if disk.size_bytes:
            await self._awaited(api, step, "VDI.resize", vdi, disk.size_bytes)

    async def _take(self, api: Any, _step: str, disk: PlannedDisk) -> None:
        record = new_vbd(self.vm, disk.vdi, disk.device, bootable=disk.bootable)
        await api.call("VBD.create", record)

    async def _make_disk(self, api: Any, step: str, disk: PlannedDisk) -> None:
        what = f"disk {disk.name}"
        vdi = await self._made_disk(api, step, what, "VDI.create", disk.vdi_record())
        record = new_vbd(self.vm, vdi, disk.device, bootable=disk.bootable)
        await api.call("VBD.create", record)

    async def _write_seed(self, api: Any, step: str, seed: Seed) -> None:
        what = f"disk {seed.name}"
        vdi = await self._made_disk(api, step, what, "VDI.create", seed.vdi_record())
        if not getattr(api, "is_rehearsal", False):
            meta = meta_data(f"iid-{uuid.uuid4()}", seed.host_name).encode()
            image = fat_image({"meta-data": meta, **dict(seed.files)})
            await self._upload(api, step, vdi, image)
        await api.call("VBD.create", new_vbd(self.vm, vdi, seed.device))

    async def _upload(self, api: Any, step: str, vdi: str, image: bytes) -> None:
        loop = asyncio.get_running_loop()

        def tell(fraction: float) -> None:
            loop.call_soon_threadsafe(self._tell, step, StepState.RUNNING, fraction)

        door = await api.door()
        async with transfer_task(api, f"Configuration disk of {self.plan.name}") as task:
            query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
            sent = asyncio.ensure_future(
                asyncio.to_thread(send_image, door, query, image, self._stop, tell)
            )
            try:
                await asyncio.shield(sent)
            except asyncio.CancelledError:
                self._stop.set()
                await asyncio.wait({sent})
                raise
            except TransportError:
                if self._cancelled:
                    raise TaskCancelled("TASK_CANCELLED", []) from None
                # The task knows the reason, where the host had one.
                with contextlib.suppress(TransportError):
                    await task.finish(timeout_s=_GIVE_UP_S)
                raise
            await task.finish()

    # ------------------------------------------------------------------ long calls

    async def _awaited(
        self,
        api: Any,
        step: str,
        method: str,
        *params: Any,
        keep: Callable[[str], object] | None = None,
    ) -> Any:
        """A long call, its progress told, open to `cancel`; `keep` hears what it made."""
        run = self._run = api.run(method, *params)
        listener = run.on_progress(lambda done: self._tell(step, StepState.RUNNING, done))
        try:
            answer = await run
        except asyncio.CancelledError:
            # The host goes on with it; what it makes must be known, or it would stay there.
            with contextlib.suppress(XenApiError):
                await run.cancel()
            with contextlib.suppress(XenApiError, TimeoutError):
                async with asyncio.timeout(_GIVE_UP_S):
                    answer = await run
                if keep is not None:
                    keep(str(answer))
            raise
        finally:
            listener.remove()
            self._run = None
        if keep is not None:
            keep(str(answer))
        return answer

    async def _made(
        self,
        api: Any,
        step: str,
        what: str,
        keep: Callable[[str], object],
        method: str,
        *params: Any,
    ) -> str:
        """As `_awaited`, for calls that make something: it is known whatever happens."""
        try:
            return str(await self._awaited(api, step, method, *params, keep=keep))
        except TransportError:
            self.leftovers.append(Leftover(what, "The host may have made it all the same."))
            raise

    async def _made_disk(self, api: Any, step: str, what: str, method: str, *params: Any) -> str:
        def keep(ref: str) -> None:
            self._disks[ref] = what

        return await self._made(api, step, what, keep, method, *params)

    # ------------------------------------------------------------------ roll-back

    async def _undo(self, api: Any) -> None:
        """Takes away the VM first, then its disks: so no disk is in use."""
        self.is_undoing = True
        self._on_undo()
        if self._allowed:
            await self._away(
                api,
                "permission to start VMs with their host",
                "pool.remove_from_other_config",
                self._allowed,
                "auto_poweron",
            )
        if self.vm and self._unseen:
            try:
                await self._look_at_drives(api)
            except XenApiError as error:
                what = f"disks of VM {self.plan.name}"
                self.leftovers.append(Leftover(what, explain(error).summary))
        if self.vm:
            gone = await self._away(api, f"VM {self.plan.name}", "VM.destroy", self.vm)
            self.vm = "" if gone else self.vm
        for vdi, what in reversed(self._disks.items()):
            await self._away(api, what, "VDI.destroy", vdi)
        self.is_undoing = False

    async def _away(self, api: Any, what: str, method: str, *params: Any) -> bool:
        try:
            if method.startswith("pool."):
                await api.call(method, *params)
            else:
                await api.run(method, *params)
        except XapiError as error:
            if error.code == "HANDLE_INVALID":
                return True
            self.leftovers.append(Leftover(what, explain(error).summary))
        except XenApiError as error:
            self.leftovers.append(Leftover(what, explain(error).summary))
        else:
            return True
        return False
