"""Calls as a Python script over the XenAPI module."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from xolite_qt.ui.rehearsal import PLANNED, PlannedCall
from xolite_qt.ui.scripts.names import Names, without_secrets
from xolite_qt.xen_api import NULL_REF

_HEAD = '''#!/usr/bin/env python3
"""Usage: script.py https://HOST"""
import getpass
import sys

import XenAPI

session = XenAPI.Session(sys.argv[1])
session.xenapi.login_with_password("root", getpass.getpass("Password of root: "))
api = session.xenapi
try:'''
_TAIL = """finally:
    api.session.logout()"""


def as_python(calls: Sequence[PlannedCall], names: Names) -> str:
    """A script that makes these calls, one line each, objects found by UUID."""
    lines = []
    calls = [without_secrets(call) for call in calls]
    used = {word for call in calls for word in _planned(call.params)}
    for number, call in enumerate(calls):
        args = [_literal(param, names) for param in call.params]
        about = _about(call, names)
        if about:
            lines.append(f"    # {about}")
        made = f"made_{number} = " if f"{PLANNED}{number}" in used else ""
        lines.append(f"    {made}api.{call.method}({', '.join(args)})")
    return "\n".join([_HEAD, *(lines or ["    pass"]), _TAIL]) + "\n"


def _planned(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if value.startswith(PLANNED) else set()
    if isinstance(value, dict):
        return set().union(*(_planned(one) for pair in value.items() for one in pair))
    if isinstance(value, list | tuple):
        return set().union(*(_planned(one) for one in value))
    return set()


def _about(call: PlannedCall, names: Names) -> str:
    known = [names[param] for param in call.params if isinstance(param, str) and param in names]
    return ", ".join(one.name for one in known if one.name)


def _literal(value: Any, names: Names) -> str:
    """As XML-RPC wants it: whole numbers are written as text there."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        return repr(str(value))
    if isinstance(value, datetime):
        return f"XenAPI.xmlrpclib.DateTime({value.strftime('%Y%m%dT%H:%M:%SZ')!r})"
    if isinstance(value, str):
        if value.startswith(PLANNED):
            return f"made_{value.removeprefix(PLANNED)}"
        if value in names:
            known = names[value]
            return f"api.{known.cls}.get_by_uuid({known.uuid!r})"
        return repr(NULL_REF if value == NULL_REF else value)
    if isinstance(value, dict):
        pairs = (f"{_literal(k, names)}: {_member(k, v, names)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(one, names) for one in value) + "]"
    return repr(value)


def _member(key: Any, value: Any, names: Names) -> str:
    made = _literal(value, names)
    if str(key).endswith("_secret") and _planned(value):
        # Configurations name a secret by its UUID.
        return f"api.secret.get_uuid({made})"
    return made
