"""A server certificate of one's own for a host: read from PEM texts, and judged before it is sent.

Pure: texts in, problems and facts out. What kinds and lengths of keys a host takes is left to it:
newer ones take more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.xen_api import Host

KEY, CERTIFICATE, CHAIN = "key", "certificate", "chain"
_KEY_SIGN = "PRIVATE KEY-----"
_ENCRYPTED = ("ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")


@dataclass(frozen=True)
class ServerCertificate:
    """What the texts of a form hold.

    Attributes:
        key_pem: the private key.
        pem: the certificate alone.
        chain_pem: of the authorities between it and the root; "" where there are none.
        fingerprint: SHA-256, "AA:BB:…".
        subject: whom it is for, as its common name or the whole of it says.
        names: host names and addresses that it is good for.
        ends: the end of its time.
    """

    key_pem: str
    pem: str
    chain_pem: str
    fingerprint: str
    subject: str
    names: tuple[str, ...]
    ends: datetime


def read(
    key: str, certificate: str, chain: str, now: datetime | None = None
) -> tuple[ServerCertificate | None, dict[str, str]]:
    """Reads the three texts.

    Returns:
        What they hold, or None, and what is wrong with which of them.
    """
    now = now or datetime.now(UTC)
    problems: dict[str, str] = {}
    own = _read_key(key, problems)
    leaf = _read_certificate(certificate, problems, now)
    if own is not None and leaf is not None and own != _public(leaf.public_key()):
        problems[CERTIFICATE] = "This certificate was made for another key."
    if chain.strip():
        _check_chain(chain, leaf, problems)
    if problems or leaf is None:
        return None, problems
    return (
        ServerCertificate(
            key_pem=key.strip() + "\n",
            pem=certificate.strip() + "\n",
            chain_pem=chain.strip() + "\n" if chain.strip() else "",
            fingerprint=leaf.fingerprint(hashes.SHA256()).hex(":").upper(),
            subject=_subject(leaf),
            names=_names(leaf),
            ends=leaf.not_valid_after_utc,
        ),
        problems,
    )


def split(text: str) -> tuple[str, str]:
    """The first certificate of a text, and those after it: files often hold the chain too."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return text, ""
    pems = [one.public_bytes(serialization.Encoding.PEM).decode() for one in found]
    return (pems[0], "".join(pems[1:])) if len(pems) > 1 else (text, "")


def _read_key(text: str, problems: dict[str, str]) -> bytes | None:
    # Its public half, by which it is told whether a certificate was made for it.
    if not text.strip():
        problems[KEY] = "Choose the file of the private key, or paste it."
        return None
    if any(sign in text for sign in _ENCRYPTED):
        problems[KEY] = "The key has a password: hosts take one without."
        return None
    if _KEY_SIGN not in text:
        problems[KEY] = "This is no private key in PEM form."
        return None
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problems[KEY] = "The key can't be read."
        return None
    return _public(key.public_key())


def _public(key: Any) -> bytes:
    raw: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return raw


def _read_certificate(
    text: str, problems: dict[str, str], now: datetime
) -> x509.Certificate | None:
    if not text.strip():
        problems[CERTIFICATE] = "Choose the file of the certificate, or paste it."
        return None
    if _KEY_SIGN in text:
        problems[CERTIFICATE] = "This holds a private key, which belongs above."
        return None
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        problems[CERTIFICATE] = "This is no certificate in PEM form."
        return None
    if len(found) > 1:
        problems[CERTIFICATE] = (
            f"These are {len(found)} certificates: the host's own belongs here, the others below."
        )
        return None
    leaf = found[0]
    if leaf.not_valid_after_utc < now:
        problems[CERTIFICATE] = f"It ended on {leaf.not_valid_after_utc:%Y-%m-%d}."
    elif leaf.not_valid_before_utc > now:
        problems[CERTIFICATE] = f"It is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}."
    return leaf


def _check_chain(text: str, leaf: x509.Certificate | None, problems: dict[str, str]) -> None:
    if _KEY_SIGN in text:
        problems[CHAIN] = "This holds a private key, which belongs above."
        return
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        problems[CHAIN] = "These are no certificates in PEM form."
        return
    if leaf is not None and all(one.subject != leaf.issuer for one in found):
        problems[CHAIN] = "None of these has signed the certificate above."


def _subject(leaf: x509.Certificate) -> str:
    found = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else leaf.subject.rfc4514_string()


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = [str(name) for name in san.get_values_for_type(x509.DNSName)]
    return (*names, *(str(address) for address in san.get_values_for_type(x509.IPAddress)))


def name_warning(found: ServerCertificate, host: Host) -> str:
    """That the certificate is for other names than the host has; "" where it fits."""
    known = {host.address.lower(), host.hostname.lower()} - {""}
    given = {name.lower() for name in (*found.names, found.subject)}
    wild = {name[1:] for name in given if name.startswith("*.")}
    if not known or given & known or any(one.endswith(end) for one in known for end in wild):
        return ""
    return (
        f"It is for {', '.join(found.names) or found.subject}, and the host is "
        f"{' or '.join(sorted(known))}: programs that compare names refuse it."
    )


def install_deed(host: Host, found: ServerCertificate) -> Deed:
    """Lets a host show another certificate to clients."""

    async def work(api: Any) -> None:
        await api.call(
            "host.install_server_certificate", host.ref, found.pem, found.key_pem, found.chain_pem
        )

    return Deed(host.name_label, "Install certificate", "certificate installed", work)


def install_question(host: Host, found: ServerCertificate, *, is_asked_here: bool) -> Question:
    """What is asked before; it shows the new fingerprint, to be recognised later.

    Args:
        is_asked_here: whether this app's own connection goes to that host.
    """
    here = (
        "This app has accepted the present one: it loses the connection. Sign in again, and it "
        "asks you about the new one; this is its fingerprint then:"
        if is_asked_here
        else "This app asks about the new one as soon as it moves data to or from that host; "
        "this is its fingerprint then:"
    )
    return Question(
        f"Install this certificate on {host.name_label}?",
        "The present certificate and its key are replaced. Other clients that know the present "
        f"one, such as Xen Orchestra, ask too. {here} {found.fingerprint}",
        "Install certificate",
        Harm.DISRUPTIVE,
    )
