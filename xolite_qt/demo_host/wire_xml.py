"""XML-RPC as xapi speaks it: every answer a struct with a Status.

Source: `xapi.md` 1.2 and 1.3.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .datamodel import Type
from .dispatch import STRINGS
from .registry import Failure
from .reply import XML, Reply, internal_error_page
from .values import DateTime, xml_value

if TYPE_CHECKING:
    from .calls import CallRecord
    from .host import DemoHost

HEAD = "<?xml version='1.0'?><methodResponse><params><param>"
TAIL = "</param></params></methodResponse>"
DEPTH_LIMIT = 100
BIG = 500


def _value(element: Element, depth: int = 0) -> Any:
    """A `<value>`, with the kinds that the parameter parser tells apart.

    Raises:
        ValueError: not XML-RPC.
    """
    if element.tag != "value" or depth > DEPTH_LIMIT:
        raise ValueError(f"unexpected {element.tag}")
    if len(element) == 0:
        return element.text or ""
    inner = element[0]
    text = inner.text or ""
    match inner.tag:
        case "string" | "base64":
            return text
        case "int" | "i4" | "i8":
            return int(text)
        case "boolean":
            return {"1": True, "0": False}[text.strip()]
        case "double":
            return float(text)
        case "dateTime.iso8601":
            return DateTime(text)
        case "nil":
            return None
        case "array":
            data = inner.find("data")
            return [_value(item, depth + 1) for item in (data if data is not None else ())]
        case "struct":
            members = {}
            for member in inner.iterfind("member"):
                value = member.find("value")
                if value is None:
                    raise ValueError("a member without a value")
                members[member.findtext("name", "")] = _value(value, depth + 1)
            return members
        case _:
            raise ValueError(f"unexpected {inner.tag}")


def parse_call(body: bytes) -> tuple[str, list[Any]]:
    """Read a methodCall.

    Returns:
        The method and its parameters.

    Raises:
        ValueError: not XML, or XML with entities or a DTD, or no methodCall.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(str(error)) from None
    name = root.findtext("methodName")
    if root.tag != "methodCall" or not name:
        raise ValueError("no methodCall")
    params = []
    for param in root.iterfind("params/param"):
        value = param.find("value")
        if value is None:
            raise ValueError("a param without a value")
        try:
            params.append(_value(value))
        except KeyError as error:
            raise ValueError(f"not a boolean: {error}") from None
    return name.strip(), params


def parse_value(body: bytes) -> Any:
    """Read a `<value>` that stands alone.

    Raises:
        ValueError: not XML, or XML with entities or a DTD, or no value.
    """
    try:
        return _value(fromstring(body, forbid_dtd=True))
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(str(error)) from None


def _status(status: str, member: str, value: str) -> bytes:
    return (
        f"{HEAD}<value><struct><member><name>Status</name><value>{status}</value></member>"
        f"<member><name>{member}</name>{value}</member></struct></value>{TAIL}"
    ).encode()


def _success(value: Any, kind: Type) -> bytes:
    return _status("Success", "Value", xml_value(value, kind))


def _failure(failure: Failure) -> Reply:
    body = _status("Failure", "ErrorDescription", xml_value(failure.description, STRINGS))
    return Reply(body, XML, error=failure.code)


async def answer_xml(host: DemoHost, body: bytes, record: CallRecord) -> Reply:
    """Answer one request body."""
    try:
        name, params = parse_call(body)
    except ValueError as error:
        return internal_error_page(escape(f"Xmlrpc.Malformed({error})"))
    record.note(name, params)
    try:
        await host.faults.before_answer()
        value, kind = await host.dispatcher.answer_wire(name, params)
    except Failure as failure:
        return _failure(failure)
    if name == "system.listMethods":
        # The one answer without a Status.
        return Reply(f"{HEAD}{xml_value(value, kind)}{TAIL}".encode(), XML)
    if isinstance(value, dict | list) and len(value) > BIG:
        # Seconds of work for the biggest tables: done beside the loop.
        return Reply(await asyncio.to_thread(_success, value, kind), XML)
    return Reply(_success(value, kind), XML)
