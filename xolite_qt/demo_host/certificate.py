"""The host's self-signed certificate, made once per process.

Source: `xapi.md` 1.1; real hosts present a self-signed one too.
"""

from __future__ import annotations

import functools
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_DAYS = 3650


@dataclass(frozen=True)
class HostCertificate:
    """A certificate with its key.

    Attributes:
        fingerprint: SHA-256 as "AA:BB:…".
        pem: the certificate alone.
    """

    fingerprint: str
    fingerprint_sha1: str
    not_before: datetime
    not_after: datetime
    pem: str
    key_pem: str

    def server_context(self) -> ssl.SSLContext:
        """TLS for a server that presents this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # OpenSSL reads chains from files only; this one is gone at once.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "host.pem"
            path.touch(mode=0o600)
            path.write_text(self.key_pem + self.pem)
            context.load_cert_chain(path)
        return context


def _colons(data: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in data)


@functools.cache
def make_certificate() -> HostCertificate:
    """The certificate of this process (a few milliseconds the first time)."""
    return new_certificate()


def new_certificate() -> HostCertificate:
    """Another one at each call."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "xolite demo host")])
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    end = start + timedelta(days=VALID_DAYS)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return HostCertificate(
        fingerprint=_colons(certificate.fingerprint(hashes.SHA256())),
        # What the database's Certificate records call fingerprint_sha1; it guards nothing.
        fingerprint_sha1=_colons(certificate.fingerprint(hashes.SHA1())),  # noqa: S303
        not_before=start,
        not_after=end,
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
