"""Write the table of what XAPI's parameters refer to, from xapi's own description of itself.

    python packaging/make_methods.py DIR_WITH_XENAPI_JSON

reads `xenapi.json` and writes `xolite_qt/ui/scripts/methods.txt`, one line per method that takes a
reference to more than its own object, or a record: `VM.pool_migrate vm:VM host:host options`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "xolite_qt" / "ui" / "scripts" / "methods.txt"
REF = re.compile(r"^(\w+) ref(?: set)?$")


def word(name: str, kind: str) -> str:
    found = REF.match(kind)
    return f"{name}:{found[1]}" if found else name


def record_fields(described: dict[str, Any], cls: str) -> list[str]:
    """References among what a constructor takes, written `.VDI:VDI`."""
    return [
        "." + word(field["name"], field["type"])
        for field in described[cls]["fields"]
        if field["qualifier"] != "DynamicRO" and REF.match(field["type"])
    ]


def main() -> None:
    classes = json.loads((Path(sys.argv[1]) / "xenapi.json").read_text())
    described = {cls["name"]: cls for cls in classes}
    lines = []
    for name, cls in described.items():
        for message in cls["messages"]:
            params = [param for param in message["params"] if param["name"] != "session_id"]
            words = [word(param["name"], param["type"]) for param in params]
            if params and params[0]["type"] == f"{name} record":
                words += record_fields(described, name)
            if message["name"].startswith("get_") or not params:
                continue
            lines.append(" ".join([f"{name}.{message['name']}", *words]))
    TARGET.write_text("\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main()
