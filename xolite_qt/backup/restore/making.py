"""Things that are being made on a host: marked until they are whole, removed if they never are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from xolite_qt.xen_api import XapiError, XenApi, XenApiError

from .leftovers import CLONING, MARK, PREFIX, mark, mark_text, remove_disk, remove_vm

_MAKE_S = 600.0
# Who was cancelled still waits for the answer to what was asked, to know what to remove.
_LAST_ANSWER_S = 60.0


@dataclass(frozen=True)
class _Made:
    kind: str
    ref: str
    name: str


class Making:
    """Removes what was made, unless it was finished.

    async with Making(api, told) as making:
        vdi = await making.disk({...})
        await making.finish()
    """

    def __init__(self, api: XenApi, told: Callable[[str], None]) -> None:
        """Args:
        api: signed in.
        told: hears what could not be removed.
        """
        self._api, self._told = api, told
        self._made: list[_Made] = []

    async def __aenter__(self) -> Making:
        return self

    async def vm(self, arguments: Mapping[str, Any]) -> str:
        """A new VM, marked; its reference."""
        return await self._make("VM", "VM.create", arguments)

    async def disk(self, arguments: Mapping[str, Any]) -> str:
        """A new disk, marked; its reference."""
        return await self._make("VDI", "VDI.create", arguments)

    async def clone(self, source: str, arguments: Mapping[str, Any]) -> str:
        """A clone of a snapshot's disk, marked; its reference.

        Args:
            source: reference of the disk.
            arguments: as of `disk`; name, description and `other_config` of them are used.
        """
        await self._unmark("VDI", source, CLONING)
        await self._api.call("VDI.add_to_other_config", source, CLONING, mark_text())
        try:
            vdi = await self._whole(self._cloned(source, arguments))
        finally:
            await asyncio.shield(self._unmark("VDI", source, CLONING))
        config = {**arguments["other_config"], **mark()}
        await self._api.call("VDI.set_name_label", vdi, PREFIX + arguments["name_label"])
        await self._api.call("VDI.set_other_config", vdi, config)
        return vdi

    async def _cloned(self, source: str, arguments: Mapping[str, Any]) -> str:
        vdi: str = await self._api.call("VDI.clone", source, {}, timeout_s=_MAKE_S)
        self._made.append(_Made("VDI", vdi, arguments["name_label"]))
        return vdi

    async def imported(self, vm: str, name: str) -> None:
        """Takes over a VM that an import made; `name` is what it will be called."""
        self._made.append(_Made("VM", vm, name))
        await self._unmark("VM", vm, MARK)
        await self._api.call("VM.add_to_other_config", vm, MARK, mark_text())
        await self._api.call("VM.set_name_label", vm, PREFIX + name)
        # What was exported is a snapshot, and comes back as a template.
        await self._api.call("VM.set_is_a_template", vm, False)

    async def _make(self, kind: str, method: str, arguments: Mapping[str, Any]) -> str:
        name = arguments["name_label"]
        marked = {
            **arguments,
            "name_label": PREFIX + name,
            "other_config": {**arguments["other_config"], **mark()},
        }

        async def made() -> str:
            ref: str = await self._api.call(method, marked, timeout_s=_MAKE_S)
            self._made.append(_Made(kind, ref, name))
            return ref

        return await self._whole(made())

    async def _whole(self, asking: Any) -> str:
        """Asks, and hears the answer even when cancelled."""
        running: asyncio.Future[str] = asyncio.ensure_future(asking)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running}, timeout=_LAST_ANSWER_S)
            if running.done() and not running.cancelled():
                running.exception()
            raise

    # The end

    async def finish(self, *, trial: str = "") -> None:
        """Everything is whole: gets its names, and loses its marks.

        Args:
            trial: a name for the VM, which keeps its mark: it is removed again soon.
        """
        disks = [made for made in self._made if made.kind == "VDI"]
        vms = [made for made in self._made if made.kind == "VM"]
        for disk in disks:
            await self._api.call("VDI.set_name_label", disk.ref, disk.name)
        for vm in vms:
            await self._api.call("VM.set_name_label", vm.ref, trial or vm.name)
        # Whoever is killed from here on leaves something whole.
        finished, self._made = self._made, []
        for one in finished:
            if not (trial and one.kind == "VM"):
                with contextlib.suppress(XenApiError):
                    await self._unmark(one.kind, one.ref, MARK)

    async def _unmark(self, kind: str, ref: str, key: str) -> None:
        await self._api.call(f"{kind}.remove_from_other_config", ref, key)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._made:
            await asyncio.shield(self._remove())

    async def _remove(self) -> None:
        # VMs first: what hangs on them goes with them.
        for made in sorted(self._made, key=lambda one: one.kind, reverse=True):
            try:
                if made.kind == "VM":
                    await remove_vm(self._api, made.ref)
                else:
                    await remove_disk(self._api, made.ref)
            except XenApiError as error:
                if isinstance(error, XapiError) and error.code == "HANDLE_INVALID":
                    continue
                self._told(f"{made.name} is left half made; the next restore removes it: {error}")
        self._made.clear()
