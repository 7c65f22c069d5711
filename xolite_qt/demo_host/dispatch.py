"""From a method name and parameters to an answer, for both wires and for callers in the process.

Source: `xapi.md` 1.5 (order of the checks, codes) and 1.7 (`Async.`).
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .datamodel import NULL_REF, Message, Type
from .faults import PLUGIN, call_fault_plugin
from .generic import generic_answer
from .registry import METHODS, Call, Failure, Registered
from .replay import refuse_writes
from .sessions import Session
from .tasks import TaskHandle
from .values import parse

if TYPE_CHECKING:
    from .host import DemoHost

log = logging.getLogger(__name__)

ASYNC = "Async."
STRING = Type("string")
STRINGS = Type("set", args=(STRING,))


class Dispatcher:
    """Finds who answers a call, checks its parameters and runs it."""

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._model = host.db.model
        self._generic = functools.cache(self._generic_uncached)
        # xapi takes every name with underscores too; the SDK calls event_from so.
        self._aliases = {name.replace(".", "_"): name for name in self.method_names()}

    def _generic_uncached(self, name: str) -> Registered | None:
        message = self._model.message(name)
        if message is None:
            return None
        answer = generic_answer(message, self._model.classes[message.cls])
        return None if answer is None else Registered(answer, check_refs=False)

    def method_names(self) -> list[str]:
        """Every name that can be called, `Async.` forms included."""
        names = []
        for cls in self._model.classes.values():
            for message in cls.messages.values():
                names.append(message.wire_name)
                if message.has_async:
                    names.append(ASYNC + message.wire_name)
        extensions = [name for name in METHODS if self._model.message(name) is None]
        return [*names, *extensions, "system.listMethods"]

    async def answer(self, name: str, params: Sequence[Any]) -> tuple[Any, Type]:
        """Answer a call as it came over a wire, session first where the call takes one.

        Returns:
            The plain value and its type.

        Raises:
            Failure: the host says no.
        """
        name = self._aliases.get(name, name)
        base = name.removeprefix(ASYNC)
        if name == "system.listMethods":
            return self.method_names(), STRINGS
        if name.startswith("system.isAlive"):
            return True, Type("bool")
        message = self._model.message(base)
        if message is None and base not in METHODS:
            raise Failure("MESSAGE_METHOD_UNKNOWN", name)
        if message is not None and not message.takes_session:
            return await self.run(None, name, params)
        if not params:
            expected = message.required_count if message else 0
            raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", name, expected, -1)
        if message is not None:
            self._check_count(name, message, len(params) - 1)
        session_ref = parse(params[0], STRING)
        if self._host.slave_of:
            raise Failure("HOST_IS_SLAVE", self._host.slave_of)
        session = self._host.sessions.get(session_ref)
        return await self.run(session, name, params[1:])

    async def answer_wire(self, name: str, params: Sequence[Any]) -> tuple[Any, Type]:
        """`answer`, with whatever breaks inside told as INTERNAL_ERROR.

        Raises:
            Failure: the host says no.
        """
        try:
            return await self.answer(name, params)
        except Failure:
            raise
        except Exception as error:
            # The boundary of a call: the connection must survive a behaviour that breaks.
            log.exception("%s broke", name)
            raise Failure("INTERNAL_ERROR", repr(error)) from None

    async def run(
        self, session: Session | None, name: str, params: Sequence[Any]
    ) -> tuple[Any, Type]:
        """Answer a call whose session is known already; `params` without it."""
        base = name.removeprefix(ASYNC)
        message = self._model.message(base)
        if message is None and base not in METHODS:
            raise Failure("MESSAGE_METHOD_UNKNOWN", name)
        if message is not None and message.state == "Removed" and base not in METHODS:
            raise Failure("MESSAGE_REMOVED")
        found = METHODS.get(base) or self._generic(base)
        values = list(params) if message is None else self._bind(name, message, params)
        asynchronous = name.startswith(ASYNC)
        if asynchronous and (message is None or not message.has_async):
            raise Failure("Fault", f"No async mode for this operation (rpc: {base})")
        if found is None:
            assert message is not None
            found = self._unwritten(message)
        if base == "host.call_plugin" and values[1] == PLUGIN:
            found = Registered(call_fault_plugin, check_refs=False)
        host = self._host
        kind = message.result if message else Type("any")
        if not asynchronous:
            task = host.tasks.quiet(base)
            call = Call(host, session, task, base)
            return await self._execute(found, message, call, values), kind
        task = host.tasks.open(name)
        call = Call(host, session, task, base)
        host.spawn(self._in_task(found, message, call, values, kind, task), name=name)
        return task.ref, Type("ref", "task")

    async def _in_task(
        self,
        found: Registered,
        message: Message | None,
        call: Call,
        values: list[Any],
        kind: Type,
        task: TaskHandle,
    ) -> None:
        tasks = self._host.tasks
        try:
            result = await self._execute(found, message, call, values)
        except Failure as failure:
            tasks.fail(task.ref, failure)
        except Exception as error:
            # The boundary of a task: whatever breaks inside ends up in its record.
            log.exception("%s broke", call.method)
            tasks.fail(task.ref, Failure("INTERNAL_ERROR", repr(error)))
        else:
            tasks.succeed(task.ref, result, kind)

    async def _execute(
        self, found: Registered, message: Message | None, call: Call, values: list[Any]
    ) -> Any:
        if message is not None and found.check_refs:
            self._check_refs(message, values)
        if self._host.read_only:
            refuse_writes(call.method)
        if (failure := self._host.faults.take_failure(call.method)) is not None:
            raise failure
        result = found.function(call, *values)
        return await result if inspect.isawaitable(result) else result

    @staticmethod
    def _unwritten(message: Message) -> Registered:
        def refuse(call: Call, *values: Any) -> None:
            if message.state == "Deprecated":
                raise Failure("MESSAGE_DEPRECATED")
            raise Failure("NOT_IMPLEMENTED", message.wire_name)

        return Registered(refuse, check_refs=True)

    @staticmethod
    def _check_count(name: str, message: Message, received: int) -> None:
        expected = message.required_count
        # Where parameters with defaults exist, too many are ignored.
        if received < expected or (received > expected == len(message.params)):
            raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", name, expected, received)

    def _bind(self, name: str, message: Message, params: Sequence[Any]) -> list[Any]:
        self._check_count(name, message, len(params))
        values = []
        for index, param in enumerate(message.params):
            if index < len(params):
                values.append(parse(params[index], param.type))
            else:
                default = param.default
                values.append(default.copy() if isinstance(default, list | dict) else default)
        return values

    def _check_refs(self, message: Message, values: list[Any]) -> None:
        tables = self._host.db.tables
        for index, (param, value) in enumerate(zip(message.params, values, strict=True)):
            if param.type.kind != "ref" or param.type.name not in tables:
                continue
            # Null is an error only where the first parameter names the object itself.
            if index and value in ("", NULL_REF):
                continue
            if value not in tables[param.type.name].rows:
                raise Failure("HANDLE_INVALID", param.type.name, value)
