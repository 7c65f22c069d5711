"""Adds a storage to the pool: looks what hosts find, makes it or attaches it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.storage.new_storage import NewStorageDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.new_storage import read_refusal, read_storages
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.pool.storage import deeds
from xolite_qt.xen_api import Host, XapiError, XenApiError


@provides("pool")
def storage_choices(context: PageContext, _pools: Sequence[object]) -> list[Choice]:
    """A new storage."""
    run = partial(begin_new, context, "")
    return [Choice("pool.new_storage", "New storage…", "sr", run, None, 20)]


def begin_new(context: PageContext, host: str) -> None:
    """Asks for everything, and adds it.

    Args:
        context: of the page.
        host: that makes it, at first; "" for the master.
    """
    context.tasks.spawn(_new(context, host), "new storage")


async def _new(context: PageContext, host: str) -> None:
    api = context.stores.api
    try:
        hosts = await api.get_all_records(Host)
    except XenApiError as error:
        context.notify(explain(error).summary, level="danger")
        return
    named = sorted(hosts.values(), key=lambda one: one.name_label.casefold())
    pool = context.stores.the_pool()
    first = host or (pool.master if pool is not None else "")

    def find(dialog: NewStorageDialog) -> None:
        context.tasks.spawn(_find(context, dialog), "find storages")

    dialog = NewStorageDialog(named, find, first, context.actions.window)
    if not await ask(dialog):
        return
    kind, config = dialog.chosen, dialog.config()
    wish = {
        "name": dialog.name.text().strip(),
        "description": dialog.description.text().strip(),
        "type": kind.type,
        "content_type": kind.content_type,
        "shared": kind.shared,
    }
    uuid, maker = dialog.attaches, dialog.host.current()
    if uuid:
        reached = list(hosts) if kind.shared else [maker]

        async def work(api: Any) -> None:
            await deeds.attach(api, uuid, reached, wish, config)
    else:

        async def work(api: Any) -> None:
            await deeds.create(api, maker, wish, config)

    label = "Attach storage" if uuid else "Create storage"
    await context.actions.do([Deed(str(wish["name"]), label, "part of the pool now", work)])


async def _find(context: PageContext, dialog: NewStorageDialog) -> None:
    kind, api = dialog.chosen, context.stores.api
    config, host = dialog.config(), dialog.host.current()
    dialog.look.set_busy(True)
    dialog.say("The host is looking…")
    try:
        if "device" in dialog.fields and not config.get("device"):
            await _find_devices(api, dialog, host)
            return
        answer = await api.run("SR.probe", host, config, kind.type, {})
    except XapiError as error:
        found = read_refusal(error)
        if found:
            dialog.offer(found)
            words = {"targetIQN": "targets", "SCSIid": "LUNs", "serverpath": "exports"}
            dialog.say(f"Found {len(found)} {words.get(found[0].key, 'answers')}: choose one.")
        else:
            explained = explain(error)
            dialog.say(f"{explained.summary} {explained.details}".strip())
        return
    except XenApiError as error:
        dialog.say(explain(error).summary)
        return
    finally:
        dialog.look.set_busy(False)
    known = {sr.uuid for sr in context.stores.sr.records.values()}
    uuids = [uuid for uuid in read_storages(answer) if uuid not in known]
    dialog.offer_storages(uuids)
    dialog.say(
        "A storage is there already: attach it, and what is on it stays."
        if uuids
        else "No storage is there yet: a new one would be made."
    )


async def _find_devices(api: Any, dialog: NewStorageDialog, host: str) -> None:
    import msgspec

    from xolite_qt.ui.models.new_storage import Found

    answer = await api.call("host.call_plugin", host, "lsblk.py", "list_block_devices", {})
    try:
        told = msgspec.json.decode(answer)
        devices = [one for one in told["blockdevices"] if isinstance(one, dict)]
    except (msgspec.DecodeError, KeyError, TypeError):
        dialog.say("The host's list of disks cannot be read.")
        return
    free = [
        one
        for one in devices
        if one.get("type") == "disk" and not one.get("children") and not one.get("mountpoint")
    ]
    dialog.offer(
        [
            Found(
                "device",
                f"/dev/{one.get('name')}",
                f"/dev/{one.get('name')}, {one.get('size', '')} {one.get('model', '')}".strip(),
            )
            for one in free
        ]
    )
    dialog.say(f"Found {len(free)} disks without partitions.")
