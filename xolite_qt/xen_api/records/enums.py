"""Words of the wire that code compares with. Fields stay `str`: a newer host may know more."""

from __future__ import annotations

from enum import StrEnum


class PowerState(StrEnum):
    """`VM.power_state`."""

    HALTED = "Halted"
    PAUSED = "Paused"
    RUNNING = "Running"
    SUSPENDED = "Suspended"


class TaskStatus(StrEnum):
    """`task.status`."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
