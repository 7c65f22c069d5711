"""Calls as a shell script of `xe` commands, for the host's own command line.

What `xe` has no command for stays in the script as a comment that says so.

Source: `xe help --all` of xapi, by its names.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any, cast

from xolite_qt.ui.rehearsal import PLANNED, PlannedCall
from xolite_qt.ui.scripts.names import Names, classes_of, one_line, without_secrets
from xolite_qt.xen_api import NULL_REF, is_null


class _Raw(str):
    """A word that the shell is to expand: `"$made_0"`."""


class _Mild(_Raw):
    """A word of the shell behind a command: that one may fail where xapi's call would not."""


Words = list[str]
Maker = Callable[["_Call"], Words | list[Words] | None]
_MILD = _Mild("|| true")


class _Call:
    """A call with its references resolved."""

    def __init__(self, call: PlannedCall, names: Names) -> None:
        self.method = call.method
        self.params = call.params
        self.names = names
        # Fields of a record that `xe` has no word for.
        self.left_out = ""

    def uuid(self, ref: Any) -> str:
        """A reference as a word for `xe`; "" for none."""
        text = str(ref)
        if text.startswith(PLANNED):
            return _Raw(f'"$made_{text.removeprefix(PLANNED)}"')
        if text in self.names:
            return self.names[text].uuid
        return "" if is_null(text) else text

    def word(self, value: Any) -> Any:
        """A value of a map, which may name an object."""
        return self.uuid(value) if isinstance(value, str) and _is_object(value, self) else value

    def at(self, number: int, default: Any = "") -> Any:
        return self.params[number] if number < len(self.params) else default


def _is_object(value: str, call: _Call) -> bool:
    return value.startswith(PLANNED) or value in call.names


def _key(key: str, value: Any) -> str:
    if isinstance(value, _Raw):
        return _Raw(f"{shlex.quote(key)}={value}")
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(_text(one) for one in value)
    return str(value)


def _on(command: str, *args: str, key: str = "uuid") -> Maker:
    """A command on the first parameter; the others by name, `@name` for references.

    A name with `?` is left out where the value is empty or false; `-` skips a parameter.
    """

    def make(call: _Call) -> Words | None:
        words = [*command.split(), _key(key, call.uuid(call.at(0)))]
        for number, arg in enumerate(args, 1):
            if arg == "-" or number >= len(call.params):
                continue
            optional, name = arg.startswith("?"), arg.lstrip("?")
            value: Any = call.at(number)
            if name.startswith("@"):
                name, value = name[1:], call.uuid(value)
            if not optional or value:
                words.append(_key(name, value))
        return words

    return make


def _record(command: str, fields: dict[str, str]) -> Callable[[_Call], Words]:
    """A constructor: which field of the record is which word; `@` for references."""

    def make(call: _Call) -> Words:
        record = call.at(0, {})
        words = [command]
        unknown = {k: v for k, v in record.items() if k not in fields and v and v != NULL_REF}
        for field, name in fields.items():
            value = record.get(field)
            if name.startswith("@"):
                name, value = name[1:], call.uuid(value or "")
            if isinstance(value, dict):
                words += [_key(f"{name}:{k}", v) for k, v in value.items()]
            elif value not in ("", None, []):
                words.append(_key(name, value))
        call.left_out = ", ".join(sorted(unknown))
        return words

    return make


def _vdi(call: _Call) -> Words:
    return _record(
        "vdi-create",
        {
            "SR": "@sr-uuid",
            "name_label": "name-label",
            "virtual_size": "virtual-size",
            "type": "type",
            "sm_config": "sm-config",
        },
    )(call)


def _plugin(call: _Call) -> Words:
    args = call.at(3, {})
    return [
        "xe",
        "host-call-plugin",
        _key("host-uuid", call.uuid(call.at(0))),
        _key("plugin", call.at(1)),
        _key("fn", call.at(2)),
        *(_key(f"args:{k}", call.word(v)) for k, v in args.items()),
    ][1:]


def _sr_create(call: _Call) -> Words:
    host, config, _size, name, description, kind, content, shared = call.params[:8]
    words = ["sr-create", _key("host-uuid", call.uuid(host)), _key("name-label", name)]
    words += [_key("type", kind), _key("content-type", content), _key("shared", shared)]
    words += [_key("name-description", description)] if description else []
    words += [_key(f"device-config:{k}", v) for k, v in config.items()]
    return words + [_key(f"sm-config:{k}", v) for k, v in call.at(8, {}).items()]


def _bond(call: _Call) -> Words:
    network, members, mac, mode = call.params[:4]
    pifs = ",".join(call.uuid(pif) for pif in members)
    words = ["bond-create", _key("network-uuid", call.uuid(network)), _key("pif-uuids", pifs)]
    return words + [_key("mode", mode)] + ([_key("mac", mac)] if mac else [])


def _force(command: str) -> Maker:
    return lambda call: [command, _key("uuid", call.uuid(call.at(0))), "force=true"]


_COMMANDS: dict[str, Maker] = {
    "VM.start": _on("vm-start", "?paused", "?force"),
    "VM.start_on": _on("vm-start", "@on", "?paused", "?force"),
    "VM.resume": _on("vm-resume", "-", "?force"),
    "VM.resume_on": _on("vm-resume", "@on", "-", "?force"),
    "VM.unpause": _on("vm-unpause"),
    "VM.pause": _on("vm-pause"),
    "VM.suspend": _on("vm-suspend"),
    "VM.clean_reboot": _on("vm-reboot"),
    "VM.hard_reboot": _force("vm-reboot"),
    "VM.clean_shutdown": _on("vm-shutdown"),
    "VM.shutdown": _on("vm-shutdown"),
    "VM.hard_shutdown": _force("vm-shutdown"),
    "VM.pool_migrate": lambda c: [
        "vm-migrate",
        _key("uuid", c.uuid(c.at(0))),
        _key("host-uuid", c.uuid(c.at(1))),
        *(_key(k, v) for k, v in c.at(2, {}).items() if k in ("live", "force")),
    ],
    "VM.snapshot": _on("vm-snapshot", "new-name-label"),
    "VM.snapshot_with_quiesce": _on("vm-snapshot-with-quiesce", "new-name-label"),
    "VM.set_VCPUs_number_live": _on("vm-vcpu-hotplug", "new-vcpus"),
    "VM.checkpoint": _on("vm-checkpoint", "new-name-label"),
    "VM.revert": _on("snapshot-revert", key="snapshot-uuid"),
    "VM.clone": _on("vm-clone", "new-name-label"),
    "VM.copy": _on("vm-copy", "new-name-label", "?@sr-uuid"),
    "VM.destroy": _on("vm-destroy"),
    "VM.provision": lambda c: None,
    "VM.set_is_a_template": _on("vm-param-set", "is-a-template"),
    "VM.set_memory_limits": _on(
        "vm-memory-limits-set", "static-min", "static-max", "dynamic-min", "dynamic-max"
    ),
    "VM.set_memory_dynamic_range": _on("vm-memory-dynamic-range-set", "min", "max"),
    "VM.copy_bios_strings": _on("vm-copy-bios-strings", "@host-uuid"),
    "VDI.create": _vdi,
    "VDI.destroy": _on("vdi-destroy"),
    "VDI.forget": _on("vdi-forget"),
    "VDI.resize": _on("vdi-resize", "disk-size"),
    "VDI.resize_online": lambda c: [
        "vdi-resize",
        _key("uuid", c.uuid(c.at(0))),
        _key("disk-size", c.at(1)),
        "online=true",
    ],
    "VDI.copy": _on("vdi-copy", "@sr-uuid"),
    "VDI.clone": _on("vdi-clone"),
    "VDI.snapshot": _on("vdi-snapshot"),
    "VDI.pool_migrate": _on("vdi-pool-migrate", "@sr-uuid"),
    "VDI.enable_cbt": _on("vdi-enable-cbt"),
    "VDI.disable_cbt": _on("vdi-disable-cbt"),
    "VBD.create": _record(
        "vbd-create",
        {
            "VM": "@vm-uuid",
            "VDI": "@vdi-uuid",
            "userdevice": "device",
            "bootable": "bootable",
            "mode": "mode",
            "type": "type",
        },
    ),
    "VBD.plug": _on("vbd-plug"),
    "VBD.unplug": _on("vbd-unplug"),
    "VBD.insert": _on("vbd-insert", "@vdi-uuid"),
    "VBD.eject": _on("vbd-eject"),
    "VBD.destroy": _on("vbd-destroy"),
    "VIF.create": _record(
        "vif-create",
        {"VM": "@vm-uuid", "network": "@network-uuid", "device": "device", "MAC": "mac"},
    ),
    "VIF.plug": _on("vif-plug"),
    "VIF.unplug": _on("vif-unplug"),
    "VIF.set_qos_algorithm_type": _on("vif-param-set", "qos_algorithm_type"),
    "VIF.set_qos_algorithm_params": lambda c: _map(c, "vif", "qos_algorithm_params"),
    "VIF.destroy": _on("vif-destroy"),
    "VIF.move": _on("vif-move", "@network-uuid"),
    "VTPM.create": _on("vtpm-create", key="vm-uuid"),
    "VTPM.destroy": _on("vtpm-destroy"),
    "SR.create": _sr_create,
    "SR.scan": _on("sr-scan"),
    "SR.forget": _on("sr-forget"),
    "SR.destroy": _on("sr-destroy"),
    "SR.introduce": lambda c: [
        "sr-introduce",
        *(_key(k, c.at(n)) for n, k in ((0, "uuid"), (1, "name-label"), (3, "type"))),
        _key("content-type", c.at(4)),
        _key("shared", c.at(5)),
    ],
    "PBD.create": _record(
        "pbd-create",
        {"host": "@host-uuid", "SR": "@sr-uuid", "device_config": "device-config"},
    ),
    "PBD.plug": _on("pbd-plug"),
    "PBD.unplug": _on("pbd-unplug"),
    "PBD.destroy": _on("pbd-destroy"),
    "host.enable": _on("host-enable"),
    "host.disable": _on("host-disable"),
    "host.evacuate": _on("host-evacuate"),
    "host.reboot": _on("host-reboot"),
    "host.shutdown": _on("host-shutdown"),
    "host.call_plugin": _plugin,
    "host.management_reconfigure": _on("host-management-reconfigure", key="pif-uuid"),
    "host.syslog_reconfigure": _on("host-syslog-reconfigure", key="host-uuid"),
    "host.set_power_on_mode": lambda c: [
        "host-set-power-on-mode",
        _key("uuid", c.uuid(c.at(0))),
        _key("power-on-mode", c.at(1)),
        *(_key(f"power-on-config:{k}", c.word(v)) for k, v in c.at(2, {}).items()),
    ],
    "host.set_crash_dump_sr": _on("host-param-set", "@crash-dump-sr-uuid"),
    "host.set_suspend_image_sr": _on("host-param-set", "@suspend-image-sr-uuid"),
    "host.set_iscsi_iqn": _on("host-param-set", "iscsi_iqn"),
    "host.refresh_server_certificate": _on("host-refresh-server-certificate", key="host"),
    "host_crashdump.upload": _on("host-crashdump-upload", "url"),
    "host_crashdump.destroy": _on("host-crashdump-destroy"),
    "network.create": _record(
        "network-create",
        {"name_label": "name-label", "name_description": "name-description", "MTU": "MTU"},
    ),
    "network.destroy": _on("network-destroy"),
    "network.add_purpose": lambda c: _member(c, "network", "purpose", "add"),
    "network.remove_purpose": lambda c: _member(c, "network", "purpose", "remove"),
    "pool.create_VLAN_from_PIF": _on("pool-vlan-create", "@network-uuid", "vlan", key="pif-uuid"),
    "pool.management_reconfigure": _on("pool-management-reconfigure", key="network-uuid"),
    "Bond.create": _bond,
    "Bond.destroy": _on("bond-destroy"),
    "PIF.scan": _on("pif-scan", key="host-uuid"),
    "PIF.plug": _on("pif-plug"),
    "PIF.unplug": _on("pif-unplug"),
    "PIF.forget": _on("pif-forget"),
    "PIF.reconfigure_ip": _on("pif-reconfigure-ip", "mode", "?IP", "?netmask", "?gateway", "?DNS"),
    "VLAN.destroy": _on("vlan-destroy"),
    "tunnel.destroy": _on("tunnel-destroy"),
    "pool.enable_ha": lambda c: [
        "pool-ha-enable",
        _key("heartbeat-sr-uuids", ",".join(c.uuid(sr) for sr in c.at(0, []))),
        *(_key(f"ha-config:{k}", v) for k, v in c.at(1, {}).items()),
    ],
    "pool.disable_ha": lambda _call: ["pool-ha-disable"],
    "secret.create": lambda c: ["secret-create", _key("value", c.at(0, {}).get("value", ""))],
    "message.destroy_many": lambda c: [
        "message-destroy",
        _key("uuids", ",".join(c.uuid(message) for message in c.at(0, []))),
    ],
    "message.destroy": _on("message-destroy"),
    "task.cancel": _on("task-cancel"),
}


def _member(call: _Call, noun: str, field: str, what: str) -> Words:
    words = [
        f"{noun}-param-{what}",
        _key("uuid", call.uuid(call.at(0))),
        _key("param-name", field),
        _key("param-key", call.at(1)),
    ]
    # `xe` fails where there is nothing to remove; xapi does not.
    return [*words, _MILD] if what == "remove" else words


def _clear(call: _Call, noun: str, field: str) -> Words:
    uuid = _key("uuid", call.uuid(call.at(0)))
    return [f"{noun}-param-clear", uuid, _key("param-name", field)]


def _map(call: _Call, noun: str, field: str) -> list[Words]:
    # What is set by keys alone would leave the others as they are.
    uuid = _key("uuid", call.uuid(call.at(0)))
    pairs = [_key(f"{field}:{k}", call.word(v)) for k, v in call.at(1).items()]
    cleared = _clear(call, noun, field)
    return [cleared, [f"{noun}-param-set", uuid, *pairs]] if pairs else [cleared]


def _set(call: _Call, noun: str, field: str) -> list[Words]:
    uuid, name = _key("uuid", call.uuid(call.at(0))), _key("param-name", field)
    added = [[f"{noun}-param-add", uuid, name, _key("param-key", one)] for one in call.at(1)]
    return [_clear(call, noun, field), *added]


def _field(call: _Call) -> Words | list[Words] | None:
    """Setters have one form for all classes."""
    cls, _dot, verb = call.method.partition(".")
    known = call.names.get(str(call.at(0)))
    noun = (known.kind if known is not None else "") or cls.lower().replace("_", "-")
    uuid = _key("uuid", call.uuid(call.at(0)))
    if verb in ("add_tags", "remove_tags"):
        return _member(call, noun, "tags", verb.partition("_")[0])
    if verb.startswith("add_to_"):
        name = verb.removeprefix("add_to_").replace("_", "-")
        return [f"{noun}-param-set", uuid, _key(f"{name}:{call.at(1)}", call.at(2))]
    if verb.startswith("remove_from_"):
        name = verb.removeprefix("remove_from_").replace("_", "-")
        return _member(call, noun, name, "remove")
    if not verb.startswith("set_"):
        return None
    name, value = verb.removeprefix("set_").replace("_", "-"), call.at(1)
    if isinstance(value, dict):
        return _map(call, noun, name)
    if isinstance(value, list | tuple):
        return _set(call, noun, name)
    if classes_of(call.method)[1:2] not in ([], [""]):
        value = call.uuid(value)
    return [f"{noun}-param-set", uuid, _key(name, value)]


def as_xe(calls: Sequence[PlannedCall], names: Names) -> str:
    """A script for the host's shell; calls that `xe` does not know are comments in it."""
    lines = ["#!/bin/bash", "set -euo pipefail"]
    calls = [without_secrets(call) for call in calls]
    used = "".join(repr(call.params) for call in calls)
    for number, planned in enumerate(calls):
        call = _Call(planned, names)
        about = [names[p].name for p in planned.params if isinstance(p, str) and p in names]
        if any(about):
            lines.append(f"# {', '.join(name for name in about if name)}")
        make = _COMMANDS.get(planned.method, _field)
        made = make(call)
        if made is None:
            lines.append(f"# xe has no command for {_plain(planned, names)}")
            continue
        if call.left_out:
            lines.append(f"# Left out, as xe has no word for it: {call.left_out}")
        for words in _commands(made):
            text = "xe " + " ".join(_quoted(word) for word in words)
            if f"{PLANNED}{number}'" in used:
                text = f"made_{number}=$({text})"
            lines.append(text)
    if any(call.method == "host.restart_agent" for call in calls):
        lines.append("# On the host itself: xe-toolstack-restart")
    return "\n".join(lines) + "\n"


def _commands(made: Words | list[Words]) -> list[Words]:
    return [words for words in made if isinstance(words, list)] or [cast("Words", made)]


def _quoted(word: str) -> str:
    return str(word) if isinstance(word, _Raw) else shlex.quote(word)


def _plain(call: PlannedCall, names: Names) -> str:
    words = [names[p].uuid if isinstance(p, str) and p in names else repr(p) for p in call.params]
    return one_line(f"{call.method}({', '.join(words)})")
