"""What a finished task brought: a fragment of XML-RPC, even over JSON-RPC.

Source: xapi.md 1.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import MalformedAnswer
from .safe_xml import XmlRefused, parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAX_DEPTH = 64


def parse_task_result(text: str) -> Any:
    """Reads `task.result`: `<value>OpaqueRef:…</value>`, arrays, structs, nothing.

    Returns:
        A text, number, truth value, list or map; None for a call that returns nothing. A text that
        is no XML-RPC is returned as it is. Dates stay text.

    Raises:
        MalformedAnswer: nested over 64 levels deep, or a number that is none.
    """
    if not text.strip():
        return None
    try:
        root = parse_xml(text)
    except XmlRefused:
        return text
    if root.tag != "value":
        return text
    try:
        value = _read(root, 0)
    except ValueError as error:
        raise MalformedAnswer(f"task result: {error}") from None
    return None if value == "" else value


def _read(value: Element, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise MalformedAnswer("task result: nested too deeply")
    if len(value) == 0:
        return value.text or ""
    typed = value[0]
    if typed.tag == "array":
        return [_read(item, depth + 1) for item in typed.findall("data/value")]
    if typed.tag == "struct":
        return {
            member.findtext("name", ""): _read(item, depth + 1)
            for member in typed.findall("member")
            if (item := member.find("value")) is not None
        }
    read = _SCALARS.get(typed.tag)
    if read is None:
        raise MalformedAnswer(f"task result: unknown type {typed.tag[:50]!r}")
    return read(typed.text or "")


def _boolean(text: str) -> bool:
    return text.strip().lower() in ("1", "true")


def _nothing(_: str) -> None:
    return None


_SCALARS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "i4": int,
    "i8": int,
    "double": float,
    "boolean": _boolean,
    "dateTime.iso8601": str,
    "base64": str,
    "nil": _nothing,
}
