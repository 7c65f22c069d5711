"""One connection, against servers of others."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from tests.unit.nbd.servers import (
    MIB,
    SECRET,
    Certificates,
    Listener,
    exactly,
    make_certificates,
    nbdkit,
    qemu_nbd,
    server_context,
    until_end,
)
from xolite_qt.nbd import NbdConnection, NbdError, TlsSettings

GREETING = b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3)


@pytest.fixture(params=["nbdkit", "qemu-nbd"])
def any_server(
    request: pytest.FixtureRequest, disk: tuple[Path, bytes], tmp_path: Path
) -> Iterator[str]:
    needs(request.param)
    if request.param == "nbdkit":
        with nbdkit(tmp_path, "file", str(disk[0])) as path:
            yield path
    else:
        with qemu_nbd(tmp_path, str(disk[0])) as path:
            yield path


def test_sizes_and_bytes_are_those_of_the_disk(any_server: str, disk: tuple[Path, bytes]) -> None:
    data = disk[1]
    with NbdConnection(any_server, 0, "") as nbd:
        assert nbd.size_bytes == len(data)
        assert nbd.read_only
        for offset, length in ((0, 1), (511, 3), (3 * MIB + 1, 2 * MIB), (len(data) - 700, 700)):
            assert nbd.read(offset, length) == data[offset : offset + length]


def test_answers_in_any_order_find_their_request(any_server: str, disk: tuple[Path, bytes]) -> None:
    data = disk[1]
    with NbdConnection(any_server, 0, "") as nbd:
        asked = {nbd.ask(at * 1000, 100_000): at * 1000 for at in range(40)}
        for _ in range(40):
            handle, body = nbd.receive()
            at = asked.pop(handle)
            assert body == data[at : at + 100_000]


def test_tls(disk: tuple[Path, bytes], certificates: Certificates, tmp_path: Path) -> None:
    needs("nbdkit", "qemu-nbd")
    data = disk[1]
    folder = f"--tls-certificates={certificates.folder}"
    with (
        nbdkit(tmp_path, "--tls=require", folder, "file", str(disk[0])) as path,
        NbdConnection(path, 0, "", tls=certificates.tls) as nbd,
    ):
        assert nbd.size_bytes == len(data)
        assert nbd.read(1, 5 * MIB) == data[1 : 5 * MIB + 1]
    credentials = f"tls-creds-x509,id=tls0,endpoint=server,verify-peer=no,dir={certificates.folder}"
    with (
        qemu_nbd(tmp_path, "--object", credentials, "--tls-creds", "tls0", str(disk[0])) as path,
        NbdConnection(path, 0, "", tls=certificates.tls) as nbd,
    ):
        assert nbd.read(2 * MIB, 300) == data[2 * MIB : 2 * MIB + 300]


def test_a_certificate_of_a_trusted_authority_must_be_for_the_server(
    disk: tuple[Path, bytes], certificates: Certificates, tmp_path: Path
) -> None:
    needs("nbdkit")
    folder = f"--tls-certificates={certificates.folder}"
    authority = (certificates.folder / "ca-cert.pem").read_text()
    with nbdkit(tmp_path, "--tls=require", folder, "file", str(disk[0])) as path:
        NbdConnection(path, 0, "", tls=TlsSettings(authority, "HOST.test")).close()
        with pytest.raises(NbdError, match="is not for other"):
            NbdConnection(path, 0, "", tls=TlsSettings(authority, "other.test"))


@pytest.mark.parametrize("trusts_authority", [True, False])
def test_nothing_is_sent_to_a_server_with_a_wrong_certificate(
    certificates: Certificates, tmp_path: Path, trusts_authority: bool
) -> None:
    """Whether its authority is unknown, or it is for another name."""
    wrong = make_certificates(tmp_path / "wrong", "wrong.test")
    told: list[bytes] = []

    def serve(raw: socket.socket, _: int) -> None:
        raw.sendall(GREETING)
        exactly(raw, 4 + 16)
        raw.sendall(struct.pack(">QIII", 0x3E889045565A9, 5, 1, 0))
        with server_context(wrong).wrap_socket(raw.dup(), server_side=True) as secure:
            told.append(until_end(secure))

    authority = (wrong.folder / "ca-cert.pem").read_text()
    tls = TlsSettings(authority, "host.test") if trusts_authority else certificates.tls
    with Listener(serve) as server, pytest.raises(NbdError) as raised:
        NbdConnection("127.0.0.1", server.port, SECRET, tls=tls)
    assert b"".join(told) == b""
    assert not raised.value.lost
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("certificate", ["", "é", "-----BEGIN CERTIFICATE-----", "x" * 1000])
def test_a_certificate_that_is_none(server_with_tls: str, certificate: str) -> None:
    with pytest.raises(NbdError, match="certificate"):
        NbdConnection(server_with_tls, 0, "", tls=TlsSettings(certificate, "host.test"))


@pytest.mark.parametrize("subject", ["", ".x", "a" * 70 + ".x", "\0"])
def test_a_name_of_a_server_that_is_none(
    server_with_tls: str, certificates: Certificates, subject: str
) -> None:
    pinned = TlsSettings(certificates.tls.certificate, subject)
    authority = TlsSettings((certificates.folder / "ca-cert.pem").read_text(), subject)
    # The certificate itself is enough.
    NbdConnection(server_with_tls, 0, "", tls=pinned).close()
    with pytest.raises(NbdError):
        NbdConnection(server_with_tls, 0, "", tls=authority)


@pytest.fixture
def server_with_tls(
    disk: tuple[Path, bytes], certificates: Certificates, tmp_path: Path
) -> Iterator[str]:
    needs("nbdkit")
    folder = f"--tls-certificates={certificates.folder}"
    arguments = ("--tls=require", folder, "file", str(disk[0]))
    with nbdkit(tmp_path, *arguments, name="tls.sock") as path:
        yield path


def test_tls_on_one_side_only(
    server: str, server_with_tls: str, certificates: Certificates
) -> None:
    with pytest.raises(NbdError, match="speaks no TLS") as raised:
        NbdConnection(server, 0, SECRET, tls=certificates.tls)
    assert not raised.value.lost
    with pytest.raises(NbdError, match="wants TLS") as raised:
        NbdConnection(server_with_tls, 0, SECRET)
    assert not raised.value.lost


def test_an_unknown_export(disk: tuple[Path, bytes], tmp_path: Path) -> None:
    needs("qemu-nbd", "nbdkit")
    with (
        qemu_nbd(tmp_path, "-x", "known", str(disk[0])) as path,
        pytest.raises(NbdError, match="no such disk") as raised,
    ):
        NbdConnection(path, 0, SECRET)
    assert not raised.value.lost
    arguments = ("--filter=exportname", "file", str(disk[0]))
    strict = ("exportname-strict=true", "exportname=known")
    with nbdkit(tmp_path, *arguments, *strict) as path, pytest.raises(NbdError) as raised:
        NbdConnection(path, 0, SECRET)
    assert "OpaqueRef" not in repr(raised.value)


def test_what_a_server_says_is_told_unless_it_repeats_the_name() -> None:
    def refusing(text: bytes) -> Listener:
        def serve(raw: socket.socket, _: int) -> None:
            raw.sendall(GREETING)
            exactly(raw, 4 + 16 + 4 + len(SECRET) + 2)
            kind = (1 << 31) + 3
            raw.sendall(struct.pack(">QIII", 0x3E889045565A9, 7, kind, len(text)) + text)
            until_end(raw)

        return Listener(serve)

    for text in (b"no", b"no " + SECRET[30:44].encode(), SECRET.encode(), b"\xff\0\n"):
        with refusing(text) as server, pytest.raises(NbdError, match="refuses") as raised:
            NbdConnection("127.0.0.1", server.port, SECRET)
        assert ("no" in str(raised.value)) == (text == b"no")
        assert "OpaqueRef" not in str(raised.value)


def test_an_old_server_knows_only_the_name(disk: tuple[Path, bytes]) -> None:
    """As xapi-nbd is: every option but this one is unknown to it."""
    names: list[bytes] = []

    def serve(raw: socket.socket, number: int) -> None:
        # The third one has no idea of leaving out the zeros.
        raw.sendall(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 1 if number == 2 else 3))
        exactly(raw, 4)
        while True:
            _, option, length = struct.unpack(">8sII", exactly(raw, 16))
            data = exactly(raw, length)
            if option == 1:
                names.append(data)
                break
            raw.sendall(struct.pack(">QIII", 0x3E889045565A9, option, (1 << 31) + 1, 0))
        if number == 1:
            return raw.shutdown(socket.SHUT_RDWR)
        raw.sendall(struct.pack(">QH", 1 << 20, 3) + (bytes(124) if number == 2 else b""))
        _, _, _, handle, _, asked = struct.unpack(">IHHQQI", exactly(raw, 28))
        raw.sendall(struct.pack(">IIQ", 0x67446698, 0, handle) + b"x" * asked)
        return None

    with Listener(serve) as server:
        for number in range(3):
            if number == 1:
                with pytest.raises(NbdError, match="no such disk, or refuses it"):
                    NbdConnection("127.0.0.1", server.port, SECRET)
                continue
            with NbdConnection("127.0.0.1", server.port, SECRET) as nbd:
                assert nbd.size_bytes == MIB
                assert nbd.read(7, 900) == b"x" * 900
    assert names == [SECRET.encode()] * 3


def test_an_error_of_the_disk_leaves_the_connection_as_it_was(
    disk: tuple[Path, bytes], tmp_path: Path
) -> None:
    needs("nbdkit")
    switch = tmp_path / "errors"
    switch.touch()
    arguments = ("--filter=error", "file", str(disk[0]), "error=EIO", "error-rate=100%")
    with (
        nbdkit(tmp_path, *arguments, f"error-file={switch}") as path,
        NbdConnection(path, 0, SECRET) as nbd,
    ):
        with pytest.raises(NbdError, match="input/output error") as raised:
            nbd.read(0, 512)
        assert (raised.value.code, raised.value.request, raised.value.lost) == (5, 0, False)
        switch.unlink()
        assert nbd.read(0, 512) == disk[1][:512]
        with pytest.raises(NbdError, match="invalid request"):
            nbd.read(len(disk[1]), 512)


@pytest.mark.parametrize("stage", range(5))
def test_a_silent_server_is_given_up(stage: int, certificates: Certificates) -> None:
    """At each stage: greeting, TLS asked for, TLS begun, the export, a read."""

    def serve(raw: socket.socket, _: int) -> None:
        if stage >= 1:
            raw.sendall(GREETING)
        if stage == 2:
            exactly(raw, 20)
            raw.sendall(struct.pack(">QIII", 0x3E889045565A9, 5, 1, 0))
        if stage >= 4:
            exactly(raw, 20 + 6)
            raw.sendall(struct.pack(">QIIIHQH", 0x3E889045565A9, 7, 3, 12, 0, MIB, 3))
            raw.sendall(struct.pack(">QIII", 0x3E889045565A9, 7, 1, 0))
        until_end(raw)

    tls = certificates.tls if stage in (1, 2) else None

    def read_from(port: int) -> bytes:
        with NbdConnection("127.0.0.1", port, "", tls=tls, timeout_s=0.4) as nbd:
            return nbd.read(0, 512)

    began = time.monotonic()
    with Listener(serve) as server:
        with pytest.raises(NbdError, match="silent") as raised:
            read_from(server.port)
        assert raised.value.lost
        assert time.monotonic() - began < 1.5


def test_a_server_that_drips_is_given_up() -> None:
    def serve(raw: socket.socket, _: int) -> None:
        for byte in GREETING:
            raw.sendall(bytes([byte]))
            time.sleep(0.1)

    began = time.monotonic()
    with Listener(serve) as server:
        with pytest.raises(NbdError, match="silent"):
            NbdConnection("127.0.0.1", server.port, "", timeout_s=0.5)
        assert time.monotonic() - began < 1.5


def test_a_slow_server_is_not_given_up() -> None:
    """A read may take longer than the time-out, as long as something comes."""

    def serve(raw: socket.socket, _: int) -> None:
        raw.sendall(GREETING)
        exactly(raw, 4 + 22)
        raw.sendall(struct.pack(">QIIIHQH", 0x3E889045565A9, 7, 3, 12, 0, MIB, 3))
        raw.sendall(struct.pack(">QIII", 0x3E889045565A9, 7, 1, 0))
        exactly(raw, 28)
        raw.sendall(struct.pack(">IIQ", 0x67446698, 0, 0))
        for _ in range(8):
            raw.sendall(b"y" * 100)
            time.sleep(0.1)
        until_end(raw)

    with (
        Listener(serve) as server,
        NbdConnection("127.0.0.1", server.port, "", timeout_s=0.3) as nbd,
    ):
        assert nbd.read(0, 800) == b"y" * 800


def test_stop_ends_a_negotiation() -> None:
    stop = threading.Event()

    def serve(raw: socket.socket, _: int) -> None:
        until_end(raw)

    with Listener(serve) as server:
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        began = time.monotonic()
        with pytest.raises(NbdError):
            NbdConnection("127.0.0.1", server.port, "", stop=stop)
        assert time.monotonic() - began < 1.0
        timer.join()


@pytest.mark.parametrize(
    ("address", "port"),
    [("127.0.0.1", 1), ("a" * 70, 10809), ("no such host", 10809), ("127.0.0.1", 99999999999)],
)
def test_no_server(address: str, port: int) -> None:
    with pytest.raises(NbdError, match="cannot be reached") as raised:
        NbdConnection(address, port, SECRET)
    assert raised.value.lost


def test_it_may_be_closed_twice(server: str) -> None:
    nbd = NbdConnection(server, 0, "")
    nbd.close()
    nbd.close()
    nbd.abort()
    with pytest.raises(NbdError):
        nbd.read(0, 1)
