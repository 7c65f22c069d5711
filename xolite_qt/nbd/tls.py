"""How a server of NBD proves itself."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass
from typing import Any, cast

from .errors import NbdError
from .patience import Patience

_RECEIVE_BYTES = 256 * 1024


@dataclass(frozen=True)
class TlsSettings:
    """How the server proves itself.

    Attributes:
        certificate: PEM: the server's own certificate, or that of who signed it.
        subject: the name that it is for.
    """

    certificate: str
    subject: str

    def context(self) -> ssl.SSLContext:
        """A context that trusts this certificate alone.

        Raises:
            NbdError: it is none.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=self.certificate)
        except (ssl.SSLError, ValueError, TypeError):
            raise NbdError("the certificate for NBD cannot be read") from None
        # Hosts sign their own: then the certificate itself is what is trusted.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        # Certificates of hosts carry names in many ways; ours is pinned, see `_is_pinned`.
        context.check_hostname = False
        return context

    def is_exactly(self, shown: bytes) -> bool:
        """Whether the server showed this very certificate (DER)."""
        try:
            own = ssl.PEM_cert_to_DER_cert(self.certificate)
        except ValueError:
            return False
        return hashlib.sha256(own).digest() == hashlib.sha256(shown).digest()


class SecureStream:
    """TLS on a connected socket, for one thread.

    Not `ssl.SSLSocket`: that takes two system calls for every 16 KiB, and hanging up under its
    thread has it go on without TLS.
    """

    def __init__(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        """Without a name for the server: one that is none would raise, and no host has several."""
        self._raw = raw
        self._came, self._leaves = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._leaves)
        self._buffer = memoryview(bytearray(_RECEIVE_BYTES))

    def handshake(self, patience: Patience) -> None:
        """Makes sure who the server is.

        Raises:
            ssl.SSLError: it is not who it should be, or speaks no TLS.
            OSError: it hung up, or was silent for too long.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                patience.with_(self._receive)
            else:
                self._flush()
                return

    def shown(self) -> bytes:
        """The server's certificate, DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    def is_for(self, subject: str) -> bool:
        """Whether the certificate, which a trusted one signed, names the server."""
        found: dict[str, Any] = dict(self._tls.getpeercert() or {})
        names = {value for _, value in found.get("subjectAltName", ())}
        for part in found.get("subject", ()):
            names |= {value for kind, value in part if kind == "commonName"}
        return subject.lower() in {str(name).lower() for name in names}

    def sendall(self, data: bytes) -> None:
        """Sends all of it.

        Raises:
            OSError: the connection is gone.
        """
        self._tls.write(data)
        self._flush()

    def recv_into(self, into: memoryview) -> int:
        """Waits until something came; all of it that fits. 0 at the end.

        Raises:
            OSError: the connection is gone, or was silent for too long.
        """
        at = 0
        while at < len(into):
            try:
                at += cast("int", self._tls.read(len(into) - at, into[at:]))
            except ssl.SSLWantReadError:
                if at:
                    break
                self._receive()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                break
        return at

    def _receive(self) -> None:
        got = self._raw.recv_into(self._buffer)
        if got:
            self._came.write(self._buffer[:got])
        else:
            self._came.write_eof()
        self._flush()

    def _flush(self) -> None:
        if self._leaves.pending:
            self._raw.sendall(self._leaves.read())
