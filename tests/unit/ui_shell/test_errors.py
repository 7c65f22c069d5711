"""Every error becomes a sentence, an advice and details; nothing ever becomes a traceback."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.errors import BY_CODE, explain
from xolite_qt.xen_api import (
    AddressInvalid,
    CallTimeout,
    Certificate,
    CertificateChanged,
    CertificateUnknown,
    ConnectionLost,
    MalformedAnswer,
    MemoryPins,
    NotReachable,
    XapiError,
    XenApi,
)

NOW = datetime.now(UTC)
CERTIFICATE = Certificate("AA:BB", "CN=x", "CN=x", NOW, NOW, "")


@given(
    code=st.one_of(st.sampled_from(sorted(BY_CODE)), st.text(max_size=40)),
    params=st.lists(st.text(max_size=30), max_size=5),
)
def test_any_answer_of_a_host_is_explained(code: str, params: list[str]) -> None:
    explained = explain(XapiError.from_wire(code, params))
    assert explained.summary
    assert "Traceback" not in explained.summary
    assert explained.details.startswith(code) or code == "HOST_IS_SLAVE"


@given(code=st.sampled_from(sorted(BY_CODE)), brace=st.sampled_from(["{0}", "{x}", "{", "}", "%s"]))
def test_braces_of_a_host_stay_text(code: str, brace: str) -> None:
    assert explain(XapiError.from_wire(code, [brace] * 4)).summary


@pytest.mark.parametrize(
    ("error", "summary"),
    [
        (XapiError.from_wire("SESSION_AUTHENTICATION_FAILED", []), "user name and password"),
        (XapiError.from_wire("HOST_IS_SLAVE", ["10.0.0.2"]), "only its master"),
        (XapiError.from_wire("VM_BAD_POWER_STATE", ["ref", "halted", "running"]), "VM is running"),
        (XapiError.from_wire("SR_BACKEND_FAILURE_47", ["", "no space", ""]), "no space"),
        (XapiError.from_wire("SOMETHING_NEW", []), "something new"),
        (CallTimeout("VM.start", 60), "in time"),
        (MalformedAnswer("x: HTTP status 404"), "does not know the calls"),
        (MalformedAnswer("no JSON"), "not understood"),
        (ConnectionLost("closed"), "broke off"),
        (NotReachable("no answer"), "cannot be reached"),
        (AddressInvalid("the address names no host"), "cannot be used"),
        (CertificateUnknown("h", 443, CERTIFICATE), "not known yet"),
        (CertificateChanged("h", 443, CERTIFICATE, "CC:DD"), "another one than before"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (ZeroDivisionError("division by zero"), "unexpected"),
    ],
)
def test_the_summary_says_what_happened(error: Exception, summary: str) -> None:
    assert summary in explain(error).summary


def test_the_masters_address_is_in_the_advice() -> None:
    assert "10.0.0.2" in explain(XapiError.from_wire("HOST_IS_SLAVE", ["10.0.0.2"])).advice


async def failure(address: str) -> Exception:
    api = XenApi(address, pins=MemoryPins(), connect_timeout_s=3)
    try:
        await api.login("root", "x")
    except Exception as error:
        return error
    finally:
        await api.close()
    raise AssertionError("there is no such host")


async def test_a_closed_port_is_told_from_a_name_that_is_not_known() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert explain(await failure(f"127.0.0.1:{port}")).summary == "The host refuses the connection."
    unknown = explain(await failure("no-such-host.invalid"))
    assert unknown.summary == "No host of this name was found."


async def test_a_port_without_tls_is_told() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        explained = explain(await failure(f"127.0.0.1:{port}"))
    assert explained.summary == "Something answers there, but not with TLS."
