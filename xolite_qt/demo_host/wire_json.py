"""JSON-RPC 1.0 and 2.0 as xapi speaks them.

Source: `xapi.md` 1.2.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import msgspec

from .faults import spoil_types
from .registry import Failure
from .reply import JSON, Reply, internal_error_page
from .values import json_result

if TYPE_CHECKING:
    from .calls import CallRecord
    from .host import DemoHost


@dataclass(frozen=True)
class Request:
    version_2: bool
    id: int | str
    method: str
    params: list[Any]


class Malformed(Exception):  # noqa: N818 - xapi's own name is Malformed_method_request
    """The body is no call."""


def parse_request(body: bytes) -> Request:
    """Read the envelope.

    Raises:
        Malformed: no JSON object, no usable id, method or params, an unknown version.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if not isinstance(message, dict):
        raise Malformed("not an object")
    version_2 = "jsonrpc" in message
    if version_2 and message["jsonrpc"] != "2.0":
        raise Malformed("jsonrpc")
    call_id = message.get("id")
    if isinstance(call_id, bool) or not isinstance(call_id, int | str):
        raise Malformed("id")
    if not isinstance(message.get("method"), str):
        raise Malformed("method")
    params = message.get("params")
    if params is None and version_2:
        params = []
    if not isinstance(params, list):
        raise Malformed("params")
    return Request(version_2, call_id, message["method"], params)


def _success(request: Request, value: Any) -> bytes:
    if request.version_2:
        return msgspec.json.encode({"jsonrpc": "2.0", "result": value, "id": request.id})
    return msgspec.json.encode({"result": value, "error": None, "id": request.id})


def _failure(request: Request, failure: Failure) -> bytes:
    if request.version_2:
        error = {"code": 1, "message": failure.code, "data": list(failure.params)}
        return msgspec.json.encode({"jsonrpc": "2.0", "error": error, "id": request.id})
    return msgspec.json.encode({"result": None, "error": failure.description, "id": request.id})


def early_failure(failure: Failure) -> Reply:
    """An error from before dispatch: always version 2, id 0, the error a plain array."""
    body = {"jsonrpc": "2.0", "error": failure.description, "id": 0}
    return Reply(msgspec.json.encode(body), JSON, error=failure.code)


async def answer_json(host: DemoHost, body: bytes, record: CallRecord) -> Reply:
    """Answer one request body."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return early_failure(Failure("INVALID_VALUE", "request", "not valid UTF-8"))
    try:
        request = parse_request(body)
    except Malformed as error:
        what = escape(f"Jsonrpc.Malformed_method_request({error})")
        return internal_error_page(what)
    record.note(request.method, request.params)
    try:
        await host.faults.before_answer()
    except Failure as failure:
        return early_failure(failure)
    try:
        value, kind = await host.dispatcher.answer_wire(request.method, request.params)
    except Failure as failure:
        return Reply(_failure(request, failure), JSON, error=failure.code)
    result = json_result(value, kind)
    if host.faults.spoiled[:1] == ["wrong_types"]:
        host.faults.take_spoiled()
        result = spoil_types(msgspec.json.decode(msgspec.json.encode(result)))
    if isinstance(result, dict) and len(result) > 2000:
        # Tens of megabytes: joined beside the loop, so that others are served meanwhile.
        return Reply(await asyncio.to_thread(_success, request, result), JSON)
    return Reply(_success(request, result), JSON)
