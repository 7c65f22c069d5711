"""A plan as a script, to be read first and run by people: for `xe`, and for Python.

Both stop before the first call until the pool's name is typed.
"""

from __future__ import annotations

import shlex

from xolite_qt.stores.xostor.plan import Plan, PlannedCall

_INTRO = (
    "Creates an XOSTOR, as planned by a simulation that wrote nothing.",
    "Read it, have a backup, and run it step by step: it overwrites disks.",
)


def xe_script(plan: Plan) -> str:
    """The plan as a shell script for the pool's master."""
    lines = ["#!/bin/bash", *(f"# {line}" for line in _INTRO), "set -euo pipefail", ""]
    lines += [
        f"pool={shlex.quote(plan.pool)}",
        'read -r -p "Type the name of the pool to go on: " typed',
        '[ "$typed" = "$pool" ] || { echo "Not the pool\'s name: nothing was done." >&2; exit 1; }',
    ]
    for number, step in enumerate(plan.steps, 1):
        lines += ["", f"# {number}. {_one_line(step.title)}"]
        lines += [f"# Restarts: {_one_line(step.restarts)}"] if step.restarts else []
        lines += [_xe(call) for call in step.calls]
        lines.append(f"# To go back: {_one_line(step.rollback)}")
        lines += [f"#   {_one_line(_xe(call))}" for call in step.rollback_calls]
    return "\n".join(lines) + "\n"


def python_script(plan: Plan) -> str:
    """The plan as a Python script over the XenAPI module."""
    lines = [
        "#!/usr/bin/env python3",
        '"""' + "\n".join(_INTRO) + '"""',
        "import getpass",
        "import sys",
        "import time",
        "",
        "import XenAPI",
        "",
        f"POOL = {plan.pool!r}",
        "if len(sys.argv) != 2:",
        '    raise SystemExit("usage: script.py https://MASTER")',
        'if input("Type the name of the pool to go on: ") != POOL:',
        '    raise SystemExit("Not the pool\'s name: nothing was done.")',
        'PASSWORD = getpass.getpass("Password of root: ")',
        "",
        "",
        "def login():",
        "    session = XenAPI.Session(sys.argv[1])",
        '    session.xenapi.login_with_password("root", PASSWORD)',
        "    return session.xenapi",
        "",
        "",
        "def restart(uuid):",
        "    # A master that restarts ends the session: a new one is made when it is back.",
        "    api.host.restart_agent(api.host.get_by_uuid(uuid))",
        "    time.sleep(60)",
        "    return login()",
        "",
        "",
        "api = login()",
    ]
    for number, step in enumerate(plan.steps, 1):
        lines += ["", f"# {number}. {_one_line(step.title)}"]
        lines += [f"# Restarts: {_one_line(step.restarts)}"] if step.restarts else []
        lines += [_python(call) for call in step.calls]
        lines.append(f"# To go back: {_one_line(step.rollback)}")
        lines += [f"#   {_one_line(_python(call))}" for call in step.rollback_calls]
    return "\n".join(lines) + "\n"


def _xe(call: PlannedCall) -> str:
    if call.plugin:
        words = [
            "xe",
            "host-call-plugin",
            f"host-uuid={call.host_uuid}",
            f"plugin={call.plugin}",
            f"fn={call.function}",
            *(f"args:{key}={value}" for key, value in call.args.items()),
        ]
    elif call.method == "SR.create":
        words = ["xe", "sr-create", f"host-uuid={call.host_uuid}"]
        words += [f"{key}={value}" for key, value in call.args.items() if value]
        # `xe sr-create` sets no description.
        words = [word for word in words if not word.startswith("name-description=")]
    elif call.method == "SR.destroy":
        name = shlex.quote(f"name-label={call.args['name-label']}")
        return f'xe sr-destroy uuid="$(xe sr-list type=linstor {name} --minimal)"'
    else:
        words = ["ssh", f"root@{call.address}", "xe-toolstack-restart"]
        return f"{shlex.join(words)} && sleep 60"
    return shlex.join(words)


def _python(call: PlannedCall) -> str:
    host = f"api.host.get_by_uuid({call.host_uuid!r})"
    if call.plugin:
        return f"api.host.call_plugin({host}, {call.plugin!r}, {call.function!r}, {call.args!r})"
    if call.method == "SR.create":
        prefix = "device-config:"
        config = {k.removeprefix(prefix): v for k, v in call.args.items() if k.startswith(prefix)}
        name, description = call.args["name-label"], call.args["name-description"]
        return (
            f"api.SR.create({host}, {config!r}, '0', {name!r}, {description!r}, 'linstor', '',"
            " True, {})"
        )
    if call.method == "SR.destroy":
        found = f"api.SR.get_by_name_label({call.args['name-label']!r})"
        return f"[api.SR.destroy(sr) for sr in {found} if api.SR.get_type(sr) == 'linstor']"
    return f"api = restart({call.host_uuid!r})"


def _one_line(text: str) -> str:
    # Names come from the host: a line break in one must not end a comment.
    return " ".join(text.split())
