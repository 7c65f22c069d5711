"""Certificates: a host's own two, and those that the pool trusts.

The record of the small business' host is invented, so that the same seed gives the same world; a
new certificate is a real one, and TLS is spoken with it from then on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from xolite_qt.demo_host.certificate import HostCertificate, new_certificate
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.own_certificate import read_certificate
from xolite_qt.demo_host.registry import Call, Failure, method

_WIRE_TIME = "%Y%m%dT%H:%M:%SZ"


@method("host.reset_server_certificate")
def host_reset_server_certificate(call: Call, host: str) -> None:
    """The certificate that clients see gives way to a new self-signed one."""
    made = new_certificate()
    _replace(call, host, "host", made)
    if host == call.host.this_host:
        call.host.serve_with(made)


@method("host.install_server_certificate")
def host_install_server_certificate(
    call: Call, host: str, certificate: str, private_key: str, certificate_chain: str = ""
) -> None:
    """A certificate of the administrator's own, with its key and chain.

    Raises:
        Failure: SERVER_CERTIFICATE_… why it is not taken.
    """
    made = read_certificate(call, certificate, private_key, certificate_chain)
    _replace(call, host, "host", made)
    if host == call.host.this_host:
        call.host.serve_with(made)


@method("host.refresh_server_certificate")
def host_refresh_server_certificate(call: Call, host: str) -> None:
    """The certificate that other hosts of the pool see gives way to a new one."""
    _replace(call, host, "host_internal", new_certificate())


@method("pool.install_ca_certificate")
def pool_install_ca_certificate(call: Call, name: str, cert: str) -> None:
    """Trusts whatever this certificate has signed.

    Raises:
        Failure: CERTIFICATE_NAME_INVALID, CERTIFICATE_ALREADY_EXISTS, CA_CERTIFICATE_INVALID,
            CA_CERTIFICATE_EXPIRED, CA_CERTIFICATE_NOT_VALID_YET.
    """
    if not name or "/" in name or name.startswith("."):
        raise Failure("CERTIFICATE_NAME_INVALID", name)
    if _trusted(call, name):
        raise Failure("CERTIFICATE_ALREADY_EXISTS", name)
    try:
        parsed = x509.load_pem_x509_certificate(cert.encode())
    except ValueError:
        raise Failure("CA_CERTIFICATE_INVALID", name) from None
    now = datetime.fromtimestamp(call.host.clock.time_s(), UTC)
    if parsed.not_valid_after_utc < now:
        raise Failure("CA_CERTIFICATE_EXPIRED", _wire(now), _wire(parsed.not_valid_after_utc))
    if parsed.not_valid_before_utc > now:
        raise Failure(
            "CA_CERTIFICATE_NOT_VALID_YET", _wire(now), _wire(parsed.not_valid_before_utc)
        )
    fingerprint = _colons(parsed.fingerprint(hashes.SHA256()))
    call.db.create(
        "Certificate",
        name=name,
        type="ca",
        host=NULL_REF,
        not_before=_wire(parsed.not_valid_before_utc),
        not_after=_wire(parsed.not_valid_after_utc),
        fingerprint=fingerprint,
        fingerprint_sha256=fingerprint,
        # Shown only; nothing is trusted for it.
        fingerprint_sha1=_colons(parsed.fingerprint(hashes.SHA1())),  # noqa: S303
    )


@method("pool.uninstall_ca_certificate")
def pool_uninstall_ca_certificate(call: Call, name: str, force: bool = False) -> None:
    """Trusts it no more.

    Raises:
        Failure: CERTIFICATE_DOES_NOT_EXIST.
    """
    found = _trusted(call, name)
    if not found:
        raise Failure("CERTIFICATE_DOES_NOT_EXIST", name)
    for ref in found:
        call.db.destroy("Certificate", ref)


def _trusted(call: Call, name: str) -> list[str]:
    return [
        ref
        for ref, record in call.db.records("Certificate").items()
        if record["type"] in ("ca", "pinned") and record["name"] == name
    ]


def _replace(call: Call, host: str, kind: str, made: HostCertificate) -> None:
    call.db.get("host", host)
    for ref, record in list(call.db.records("Certificate").items()):
        if record["host"] == host and record["type"] == kind:
            call.db.destroy("Certificate", ref)
    call.db.create(
        "Certificate",
        host=host,
        type=kind,
        not_before=_wire(made.not_before),
        not_after=_wire(made.not_after),
        fingerprint=made.fingerprint,
        fingerprint_sha256=made.fingerprint,
        fingerprint_sha1=made.fingerprint_sha1,
    )


def _wire(date: datetime) -> str:
    return date.astimezone(UTC).strftime(_WIRE_TIME)


def _colons(data: bytes) -> str:
    return data.hex(":").upper()
