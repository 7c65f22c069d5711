"""The serial line of a demo host: a shell that knows a few words, on a VT100."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_TICK_S = 0.1
_LINE_LIMIT = 1024
_BACKSPACES = ("\b", "\x7f")
_INTERRUPT, _END = "\x03", "\x04"


class Shell:
    """Serves one terminal until it hangs up, or `alive` says no."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        name: str,
        alive: Callable[[], bool],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._name, self._alive = name, alive
        self._line = ""
        self._began = time.monotonic()

    async def serve(self) -> None:
        """Returns when either side has had enough."""
        self._say(f"\x1b[2J\x1b[HXCP-ng (demo) {self._name} hvc0\r\n\r\nType help.\r\n")
        self._prompt()
        pending: asyncio.Task[bytes] | None = None
        try:
            while self._alive():
                pending = pending or asyncio.create_task(self._reader.read(4096))
                done, _ = await asyncio.wait({pending}, timeout=_TICK_S)
                if not done:
                    continue
                data, pending = pending.result(), None
                if not data:
                    return
                for letter in data.decode("utf-8", "replace"):
                    self._take(letter)
                await self._writer.drain()
        except OSError:
            # A terminal that went: the host goes on.
            return
        finally:
            if pending is not None:
                pending.cancel()

    def _say(self, text: str) -> None:
        self._writer.write(text.encode())

    def _prompt(self) -> None:
        self._line = ""
        self._say(f"\x1b[1;32m[root@{self._name} ~]#\x1b[0m ")

    def _take(self, letter: str) -> None:
        if letter in "\r\n":
            self._say("\r\n")
            self._say(self._answer(self._line.split()).replace("\n", "\r\n"))
            self._prompt()
        elif letter in _BACKSPACES:
            if self._line:
                self._line = self._line[:-1]
                self._say("\b \b")
        elif letter == _INTERRUPT:
            self._say("^C\r\n")
            self._prompt()
        elif letter == _END:
            self._say("logout\r\n")
            self._prompt()
        elif letter.isprintable() and len(self._line) < _LINE_LIMIT:
            self._line += letter
            self._say(letter)

    def _answer(self, words: list[str]) -> str:
        if not words:
            return ""
        match words[0]:
            case "help":
                return "clear  date  echo  help  hostname  uptime  whoami\n"
            case "clear":
                return "\x1b[2J\x1b[H"
            case "date":
                return time.strftime("%a %b %d %H:%M:%S %Y\n")
            case "echo":
                return " ".join(words[1:]) + "\n"
            case "hostname":
                return f"{self._name}\n"
            case "uptime":
                return f" up {time.monotonic() - self._began:.0f} s on this line\n"
            case "whoami":
                return "root\n"
            case other:
                return f"-bash: {other}: command not found\n"
