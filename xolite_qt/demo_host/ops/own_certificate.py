"""Which certificates of an administrator's own a host takes.

Source: the toolstack's own rules and codes for `host.install_server_certificate`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from xolite_qt.demo_host.certificate import HostCertificate
from xolite_qt.demo_host.registry import Call, Failure

_BITS = range(2048, 4097)
_WIRE_TIME = "%Y%m%dT%H:%M:%SZ"


def read_certificate(call: Call, pem: str, key_pem: str, chain: str) -> HostCertificate:
    """What was sent, if the host takes it.

    Raises:
        Failure: SERVER_CERTIFICATE_KEY_INVALID, SERVER_CERTIFICATE_KEY_ALGORITHM_NOT_SUPPORTED,
            SERVER_CERTIFICATE_KEY_RSA_LENGTH_NOT_SUPPORTED, SERVER_CERTIFICATE_INVALID,
            SERVER_CERTIFICATE_KEY_MISMATCH, SERVER_CERTIFICATE_NOT_VALID_YET,
            SERVER_CERTIFICATE_EXPIRED, SERVER_CERTIFICATE_SIGNATURE_NOT_SUPPORTED,
            SERVER_CERTIFICATE_CHAIN_INVALID.
    """
    key = _read_key(key_pem)
    try:
        leaf = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Failure("SERVER_CERTIFICATE_INVALID") from None
    public = leaf.public_key()
    if (
        not isinstance(public, rsa.RSAPublicKey)
        or public.public_numbers() != key.public_key().public_numbers()
    ):
        raise Failure("SERVER_CERTIFICATE_KEY_MISMATCH")
    now = datetime.fromtimestamp(call.host.clock.time_s(), UTC)
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if begins > now:
        raise Failure("SERVER_CERTIFICATE_NOT_VALID_YET", _wire(now), _wire(begins))
    if ends < now:
        raise Failure("SERVER_CERTIFICATE_EXPIRED", _wire(now), _wire(ends))
    if not isinstance(leaf.signature_hash_algorithm, hashes.SHA256 | hashes.SHA512):
        raise Failure("SERVER_CERTIFICATE_SIGNATURE_NOT_SUPPORTED")
    if chain:
        try:
            x509.load_pem_x509_certificates(chain.encode())
        except ValueError:
            raise Failure("SERVER_CERTIFICATE_CHAIN_INVALID") from None
    return HostCertificate(
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(":").upper(),
        # Shown only; nothing is trusted for it.
        fingerprint_sha1=leaf.fingerprint(hashes.SHA1()).hex(":").upper(),  # noqa: S303
        not_before=begins,
        not_after=ends,
        pem=pem + chain,
        key_pem=key_pem,
    )


def _read_key(key_pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Failure("SERVER_CERTIFICATE_KEY_INVALID") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey").strip("_").lower()
        raise Failure("SERVER_CERTIFICATE_KEY_ALGORITHM_NOT_SUPPORTED", kind)
    if key.key_size not in _BITS:
        raise Failure("SERVER_CERTIFICATE_KEY_RSA_LENGTH_NOT_SUPPORTED", key.key_size)
    return key


def _wire(date: datetime) -> str:
    return date.astimezone(UTC).strftime(_WIRE_TIME)
