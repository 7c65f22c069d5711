"""NBD servers for tests: nbdkit, qemu-nbd, and ones that misbehave on purpose."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xolite_qt.nbd import TlsSettings

MIB = 1 << 20
SECRET = "/9be0d59d-0000?session_id=OpaqueRef:4ecre7-4ecre7"
"""A name as hosts have it."""


@contextlib.contextmanager
def serving(*command: str, path: Path) -> Iterator[str]:
    """Runs a server until it is no longer wanted; yields the path of its socket."""
    with subprocess.Popen(
        list(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(500):
                with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(path))
                    break
                assert process.poll() is None, f"{command[0]} ended"
                time.sleep(0.01)
            yield str(path)
        finally:
            process.terminate()


def nbdkit(
    folder: Path, *arguments: str, name: str = "nbdkit.sock"
) -> contextlib.AbstractContextManager[str]:
    """nbdkit in the foreground, on a socket in the folder."""
    path = folder / name
    return serving("nbdkit", "-f", "-r", "-U", str(path), *arguments, path=path)


def qemu_nbd(
    folder: Path, *arguments: str, name: str = "qemu.sock"
) -> contextlib.AbstractContextManager[str]:
    """qemu-nbd, read-only, on a socket in the folder."""
    path = folder / name
    return serving("qemu-nbd", "-r", "-t", "-f", "raw", "-k", str(path), *arguments, path=path)


@dataclass(frozen=True)
class Certificates:
    """A folder as nbdkit and qemu-nbd want it, and what clients are to be told."""

    folder: Path
    tls: TlsSettings


def make_certificates(folder: Path, name: str = "host.test") -> Certificates:
    """An authority and a certificate that it signed for a server."""
    folder.mkdir()
    authority = 'cn = "test authority"\nca\ncert_signing_key\nexpiration_days = 3\n'
    server = f'cn = "{name}"\ndns_name = "{name}"\ntls_www_server\nsigning_key\n'
    server += "encryption_key\nexpiration_days = 3\n"
    (folder / "ca.info").write_text(authority)
    (folder / "server.info").write_text(server)

    def certtool(*arguments: str) -> None:
        subprocess.run(["certtool", *arguments], cwd=folder, check=True, capture_output=True)

    for key in ("ca-key.pem", "server-key.pem"):
        certtool("--generate-privkey", "--key-type=ecdsa", "--outfile", key)
    certtool(
        *("--generate-self-signed", "--load-privkey", "ca-key.pem"),
        *("--template", "ca.info", "--outfile", "ca-cert.pem"),
    )
    certtool(
        *("--generate-certificate", "--load-privkey", "server-key.pem"),
        *("--load-ca-certificate", "ca-cert.pem", "--load-ca-privkey", "ca-key.pem"),
        *("--template", "server.info", "--outfile", "server-cert.pem"),
    )
    return Certificates(folder, TlsSettings((folder / "server-cert.pem").read_text(), name))


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """For servers of Python's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = certificates.folder
    context.load_cert_chain(folder / "server-cert.pem", folder / "server-key.pem")
    return context


class Listener:
    """Does as it is told with each connection, in threads.

    Attributes:
        port: where it listens.
        connections: how many came.
    """

    def __init__(self, serve: Callable[[socket.socket, int], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Listener:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        for one in [*self._open]:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for one in self._open:
            one.close()

    def shut(self) -> None:
        """No more connections; those that are open stay."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                came, _ = self._socket.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            self._open.append(came)
            thread = threading.Thread(target=self._guarded, args=(came, number))
            self._threads.append(thread)
            thread.start()

    def _guarded(self, came: socket.socket, number: int) -> None:
        # What breaks on the way is what the tests want to happen.
        with contextlib.suppress(OSError, EOFError):
            self._serve(came, number)
        with contextlib.suppress(OSError):
            came.shutdown(socket.SHUT_RDWR)


def proxy(upstream: str, cut_after: Callable[[int], int | None]) -> Listener:
    """Hands on to a server, and hangs up after so many of its bytes.

    Args:
        upstream: path of its socket.
        cut_after: bytes for the n-th connection; None for all.
    """

    def serve(client: socket.socket, number: int) -> None:
        left = cut_after(number)
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(upstream)

            def requests() -> None:
                with contextlib.suppress(OSError):
                    while data := client.recv(65536):
                        server.sendall(data)
                    server.shutdown(socket.SHUT_RDWR)

            thread = threading.Thread(target=requests)
            thread.start()
            try:
                while data := server.recv(65536):
                    if left is not None:
                        data, left = data[:left], left - len(data)
                    client.sendall(data)
                    if left is not None and left <= 0:
                        break
            finally:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                thread.join()

    return Listener(serve)


def exactly(connection: socket.socket, length: int) -> bytes:
    """So many bytes.

    Raises:
        EOFError: there are no more.
    """
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def until_end(connection: socket.socket) -> bytes:
    """All that still comes."""
    data = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            data += piece
    return data
