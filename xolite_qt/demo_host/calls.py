"""What the host was asked, for tests that count."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CallRecord:
    """One call that the host got. Parameters are not kept: passwords may be among them.

    Attributes:
        method: such as "VM.get_all_records", or "GET /rrd_updates".
        classes: what event.from was called for.
        bytes_out: size of the answer's body; 0 until it left.
        error: code of the failure, or "".
        at_s: monotonic seconds of its arrival.
    """

    method: str
    classes: tuple[str, ...] = ()
    bytes_out: int = 0
    error: str = ""
    at_s: float = field(default_factory=time.monotonic)

    def note(self, method: str, params: list[Any]) -> None:
        """Write down which call a request body turned out to hold."""
        self.method = method
        if method == "event.from" and len(params) > 1 and isinstance(params[1], list):
            self.classes = tuple(str(name) for name in params[1])
