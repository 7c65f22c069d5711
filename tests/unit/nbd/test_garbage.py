"""Servers that send anything: an error, soon, and no more memory than what was asked for."""

from __future__ import annotations

import contextlib
import socket
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.nbd.servers import SECRET, Listener, exactly, until_end
from xolite_qt.nbd import NbdConnection, NbdError

GREETING = b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3)
REPLY_MAGIC = 0x3E889045565A9
EXPORT = struct.pack(">QIIIHQH", REPLY_MAGIC, 7, 3, 12, 0, 1 << 20, 3)
ACK = struct.pack(">QIII", REPLY_MAGIC, 7, 1, 0)
STAGES = [b"", GREETING[:16], GREETING, GREETING + EXPORT, GREETING + EXPORT + ACK]

words = st.sampled_from([0, 1, 3, 7, 12, 1 << 31, (1 << 31) + 1, (1 << 32) - 1])
option_replies = st.builds(
    lambda option, kind, length, body: (
        struct.pack(">QIII", REPLY_MAGIC, option, kind, length) + body
    ),
    st.sampled_from([7, 7, 7, 5, 1]),
    words,
    st.one_of(words, st.integers(0, 40)),
    st.binary(max_size=40),
)
replies = st.builds(
    lambda error, handle, body: struct.pack(">IIQ", 0x67446698, error, handle) + body,
    words,
    st.integers(0, 3),
    st.binary(max_size=40),
)
garbage = st.lists(st.one_of(st.binary(max_size=200), option_replies, replies), max_size=6).map(
    b"".join
)


def talk(sent: bytes) -> None:
    """A whole conversation with a server that says this and hangs up."""

    def serve(raw: socket.socket, _: int) -> None:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        until_end(raw)

    with (
        Listener(serve) as server,
        NbdConnection("127.0.0.1", server.port, SECRET, timeout_s=2.0) as nbd,
    ):
        for _ in range(3):
            nbd.read(0, 4096)


@pytest.mark.parametrize("stage", range(len(STAGES)))
@settings(max_examples=40)
@given(rest=garbage)
def test_garbage_is_an_error_and_nothing_else(stage: int, rest: bytes) -> None:
    with pytest.raises(NbdError) as raised:
        talk(STAGES[stage] + rest)
    assert "OpaqueRef" not in str(raised.value)


def test_a_server_that_never_stops_talking_is_given_up() -> None:
    info = struct.pack(">QIIIH", REPLY_MAGIC, 7, 3, 2, 9)

    def serve(raw: socket.socket, _: int) -> None:
        raw.sendall(GREETING)
        with contextlib.suppress(OSError):
            while True:
                raw.sendall(info)

    with Listener(serve) as server, pytest.raises(NbdError, match="nonsense"):
        NbdConnection("127.0.0.1", server.port, SECRET)


def test_lengths_are_not_believed() -> None:
    tracemalloc.start()
    try:
        for length in (1 << 31, (1 << 32) - 1, 70_000):
            with pytest.raises(NbdError):
                talk(GREETING + struct.pack(">QIII", REPLY_MAGIC, 7, 3, length))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_an_answer_to_nothing_is_an_error() -> None:
    """And one that comes twice."""
    for handle in (5, 0):
        answer = struct.pack(">IIQ", 0x67446698, 0, handle) + bytes(4096)

        def serve(raw: socket.socket, _: int, answer: bytes = answer) -> None:
            raw.sendall(GREETING + EXPORT + ACK)
            exactly(raw, 20)
            raw.sendall(answer * 2)
            until_end(raw)

        with Listener(serve) as server:
            nbd = NbdConnection("127.0.0.1", server.port, SECRET, timeout_s=2.0)
            nbd.ask(0, 4096)
            with nbd, pytest.raises(NbdError, match="nonsense") as raised:  # noqa: PT012
                nbd.receive()
                nbd.receive()
            assert raised.value.lost
