"""Trust on first use: certificates, their fingerprints, and what was accepted."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .errors import MalformedAnswer, NotReachable


@dataclass(frozen=True)
class Certificate:
    """A certificate as a server shows it.

    Attributes:
        fingerprint: SHA-256 over the DER form, `AA:BB:…`.
        subject: RFC 4514 name.
        issuer: RFC 4514 name.
        not_before: start of validity, UTC.
        not_after: end of validity, UTC.
        pem: the certificate itself.
    """

    fingerprint: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    pem: str

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """Reads a certificate.

        Raises:
            MalformedAnswer: it is not one.
        """
        try:
            parsed = x509.load_der_x509_certificate(der)
            return cls(
                fingerprint=fingerprint_of(der),
                subject=parsed.subject.rfc4514_string(),
                issuer=parsed.issuer.rfc4514_string(),
                not_before=parsed.not_valid_before_utc,
                not_after=parsed.not_valid_after_utc,
                pem=parsed.public_bytes(Encoding.PEM).decode("ascii"),
            )
        except (ValueError, x509.InvalidVersion) as error:
            raise MalformedAnswer(f"the server's certificate cannot be read: {error}") from None


def fingerprint_of(der: bytes) -> str:
    """SHA-256 of a DER certificate as `AA:BB:…`."""
    return hashlib.sha256(der).digest().hex(":").upper()


def normalized_fingerprint(text: str) -> str:
    """`aabb…`, `AA:BB:…` and `AA BB …` all become `AA:BB:…`.

    Raises:
        ValueError: the text is not a SHA-256 fingerprint.
    """
    digits = text.strip().replace(":", "").replace(" ", "")
    raw = bytes.fromhex(digits)
    if len(raw) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return raw.hex(":").upper()


class Pins(Protocol):
    """Which certificate was accepted for which address."""

    def pinned(self, host: str, port: int) -> str | None:
        """The accepted fingerprint (`AA:BB:…`), or None where none was accepted yet."""
        ...


@dataclass
class MemoryPins:
    """Accepted fingerprints, kept in memory only."""

    fingerprints: dict[tuple[str, int], str] = field(default_factory=dict)

    def pinned(self, host: str, port: int) -> str | None:
        """The accepted fingerprint, or None."""
        return self.fingerprints.get((host.lower(), port))

    def accept(self, host: str, port: int, fingerprint: str) -> None:
        """Accepts a certificate for an address, in place of what was accepted before.

        Raises:
            ValueError: the text is not a SHA-256 fingerprint.
        """
        self.fingerprints[host.lower(), port] = normalized_fingerprint(fingerprint)


def unverified_context() -> ssl.SSLContext:
    """A context that accepts any certificate; whoever uses it compares the fingerprint itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def reason_of(error: OSError) -> str:
    """Why a connection failed, in the system's words, without addresses and numbers."""
    if isinstance(error, ssl.SSLError):
        return f"no TLS there ({error.reason or error.strerror or 'handshake failed'})"
    # asyncio hides the system's words behind its own; a resolver's errors are negative numbers.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def fetch_certificate(host: str, port: int, *, timeout_s: float = 10.0) -> Certificate:
    """Shakes hands, reads the certificate, and hangs up: no byte of HTTP is sent.

    Raises:
        NotReachable: no TLS connection could be made within `timeout_s`.
        MalformedAnswer: the certificate cannot be read.
    """
    context = await asyncio.to_thread(unverified_context)
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        raise NotReachable(f"{host}:{port} does not answer within {timeout_s:g} s") from None
    except OSError as error:
        raise NotReachable(f"{host}:{port}: {reason_of(error)}") from None
    try:
        tls = writer.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if not der:
        raise MalformedAnswer(f"{host}:{port} showed no certificate")
    return Certificate.from_der(der)
