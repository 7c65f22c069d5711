"""Records of what happens and who may do it: messages, tasks, subjects."""

# No postponed annotations: `Ref["…"]` must become `str` here, not where the type is not known.
from typing import TYPE_CHECKING, ClassVar

from .base import NULL_REF, Record, Ref

if TYPE_CHECKING:
    from .hosts import Host


class Message(Record, frozen=True, kw_only=True, gc=False):
    """A message that the host stored; `name` is `ALARM` for those that `parse_alarm` reads."""

    wire_class: ClassVar[str] = "message"

    name: str = ""
    priority: int = 0
    cls: str = ""
    obj_uuid: str = ""
    timestamp: str = ""
    body: str = ""


class Task(Record, frozen=True, kw_only=True, gc=False):
    """A long operation; `progress` runs from 0 to 1."""

    wire_class: ClassVar[str] = "task"

    name_label: str = ""
    name_description: str = ""
    allowed_operations: tuple[str, ...] = ()
    current_operations: dict[str, str] = {}
    created: str = ""
    finished: str = ""
    status: str = ""
    resident_on: Ref["Host"] = NULL_REF
    progress: float = 0.0
    type: str = ""
    result: str = ""
    error_info: tuple[str, ...] = ()
    other_config: dict[str, str] = {}
    subtask_of: Ref["Task"] = NULL_REF
    subtasks: tuple[Ref["Task"], ...] = ()
    backtrace: str = ""


class Subject(Record, frozen=True, kw_only=True, gc=False):
    """A user or group of the directory that may log in."""

    wire_class: ClassVar[str] = "subject"

    subject_identifier: str = ""
    other_config: dict[str, str] = {}
    roles: tuple[Ref["Role"], ...] = ()


class Role(Record, frozen=True, kw_only=True, gc=False):
    """A set of rights."""

    wire_class: ClassVar[str] = "role"

    name_label: str = ""
    name_description: str = ""
    subroles: tuple[Ref["Role"], ...] = ()
    is_internal: bool = False


class Blob(Record, frozen=True, kw_only=True, gc=False):
    """A named piece of binary data."""

    wire_class: ClassVar[str] = "blob"

    name_label: str = ""
    name_description: str = ""
    size: int = 0
    public: bool = False
    last_updated: str = ""
    mime_type: str = ""
