"""How a server of NBD proves itself."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from typing import Any

from .errors import NbdError


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


def is_for(connection: ssl.SSLSocket, subject: str) -> bool:
    """Whether a certificate that a trusted one signed names the server."""
    found: dict[str, Any] = dict(connection.getpeercert() or {})
    names = {value for _, value in found.get("subjectAltName", ())}
    for part in found.get("subject", ()):
        names |= {value for kind, value in part if kind == "commonName"}
    return subject.lower() in {str(name).lower() for name in names}
