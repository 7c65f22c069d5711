"""Certificates of hosts and those that the pool trusts: how long they last, and what changes them.

Pure: records in, rows, words and deeds out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.xen_api import Certificate_, Host
from xolite_qt.xen_api.times import to_datetime
from xolite_qt.xen_api.tls import normalized_fingerprint

DAY_S = 86_400.0
WARNING_DAYS = 30
DANGER_DAYS = 7

TYPES = {
    "host": "Server",
    "host_internal": "Inside the pool",
    "ca": "Authority",
    "pinned": "Pinned",
}

TYPE_HINTS = {
    "host": "Shown to clients: this app, Xen Orchestra, browsers.",
    "host_internal": "Shown to the other hosts of the pool.",
    "ca": "Whatever it has signed is trusted.",
    "pinned": "Trusted by itself, without an authority.",
}
TRUSTED = ("ca", "pinned")


class CertificateRow(msgspec.Struct, frozen=True, gc=False):
    """A certificate.

    Attributes:
        begins_s, ends_s: seconds since 1970, None where unknown.
        days_left: whole days until it ends, negative once it has; None where unknown.
        fingerprint: SHA-256, "AA:BB:…"; "" where the host tells none.
    """

    ref: str
    record: Certificate_
    begins_s: float | None
    ends_s: float | None
    days_left: int | None
    fingerprint: str


def row_of(record: Certificate_, now_s: float | None = None) -> CertificateRow:
    """Reads a record."""
    now_s = time.time() if now_s is None else now_s
    begins, ends = to_datetime(record.not_before), to_datetime(record.not_after)
    ends_s = ends.timestamp() if ends else None
    days = None if ends_s is None else int((ends_s - now_s) // DAY_S)
    return CertificateRow(
        record.ref,
        record,
        begins.timestamp() if begins else None,
        ends_s,
        days,
        _sha256(record),
    )


def _sha256(record: Certificate_) -> str:
    # Before 24.20 the one field held SHA-256, and nothing else ever did.
    for text in (record.fingerprint_sha256, record.fingerprint):
        try:
            return normalized_fingerprint(text)
        except ValueError:
            continue
    return ""


def of_host(records: Iterable[Certificate_], host: str) -> list[CertificateRow]:
    """A host's own certificates, the one that clients see first."""
    rows = [
        row_of(record) for record in records if record.host == host and record.type not in TRUSTED
    ]
    return sorted(rows, key=lambda row: row.record.type != "host")


def trusted(records: Iterable[Certificate_]) -> list[CertificateRow]:
    """What the pool trusts, by name."""
    rows = [row_of(record) for record in records if record.type in TRUSTED]
    return sorted(rows, key=lambda row: row.record.name.casefold())


def accent_of(row: CertificateRow, now_s: float | None = None) -> str:
    """'danger', 'warning' or 'success'; '' where nothing is known."""
    now_s = time.time() if now_s is None else now_s
    if row.days_left is None:
        return ""
    if row.days_left < DANGER_DAYS:
        return "danger"
    if row.days_left < WARNING_DAYS or (row.begins_s or 0.0) > now_s:
        return "warning"
    return "success"


def left_words(row: CertificateRow, now_s: float | None = None) -> str:
    """'3,349 days left', 'expired 2 days ago', 'not valid yet'."""
    now_s = time.time() if now_s is None else now_s
    if row.days_left is None or row.ends_s is None:
        return "unknown"
    if row.ends_s <= now_s:
        return f"expired {fmt.relative(row.ends_s, now_s)}"
    if (row.begins_s or 0.0) > now_s:
        return f"not valid before {fmt.day(row.begins_s)}"
    if row.days_left < 1:
        return "ends today"
    return f"{fmt.plural(row.days_left, 'day', 'days')} left"


TRUSTED_COLUMNS = (
    Column[CertificateRow](
        id="name",
        title="Name",
        value=lambda row: row.record.name,
        text=lambda row: row.record.name or row.record.uuid,
        width=180,
    ),
    Column[CertificateRow](
        id="type",
        title="Kind",
        value=lambda row: TYPES.get(row.record.type, row.record.type),
        tooltip=lambda row: TYPE_HINTS.get(row.record.type, ""),
        width=90,
    ),
    Column[CertificateRow](
        id="end",
        title="Valid until",
        value=lambda row: row.ends_s,
        text=lambda row: fmt.day(row.ends_s),
        tooltip=lambda row: fmt.absolute(row.ends_s),
        kind=Kind.TIME,
        width=110,
    ),
    Column[CertificateRow](
        id="left",
        title="Left",
        value=lambda row: row.days_left,
        text=left_words,
        kind=Kind.NUMBER,
        align_right=False,
        width=130,
    ),
    Column[CertificateRow](
        id="fingerprint",
        title="SHA-256",
        value=lambda row: row.fingerprint,
        width=240,
    ),
)


def reset_deed(host: Host) -> Deed:
    """A new self-signed certificate for clients."""

    async def work(api: Any) -> None:
        await api.call("host.reset_server_certificate", host.ref)

    return Deed(host.name_label, "Reset certificate", "certificate replaced", work)


def reset_question(host: Host, *, is_asked_here: bool) -> Question:
    """What is asked before.

    Args:
        host: whose certificate goes.
        is_asked_here: whether this app's own connection goes to that host.
    """
    here = (
        "This app has accepted the present one: it loses the connection. Sign in again, and it "
        "asks you about the new one."
        if is_asked_here
        else "This app asks about the new one as soon as it moves data to or from that host."
    )
    return Question(
        f"Replace the server certificate of {host.name_label}?",
        "The present certificate and its key are deleted; the host makes a new one and signs it "
        f"itself. {here} Other clients that know the present one, such as Xen Orchestra, ask too. "
        "Compare the new fingerprint with the one on the host's own screen.",
        "Replace certificate",
        Harm.DISRUPTIVE,
    )


def refresh_deed(host: Host) -> Deed:
    """A new certificate for the other hosts of the pool."""

    async def work(api: Any) -> None:
        await api.call("host.refresh_server_certificate", host.ref)

    return Deed(host.name_label, "Renew certificate", "certificate renewed", work)


def refresh_question(host: Host) -> Question:
    """What is asked before."""
    return Question(
        f"Renew the internal certificate of {host.name_label}?",
        "Hosts of the pool learn the new one by themselves; all of them should be up, or those "
        "that are not do not trust this host afterwards. What this app has accepted stays as it "
        "is: clients see the server certificate, not this one.",
        "Renew certificate",
        Harm.DISRUPTIVE,
    )


def install_ca_deed(pool_name: str, name: str, pem: str) -> Deed:
    """Trusts an authority."""

    async def work(api: Any) -> None:
        await api.call("pool.install_ca_certificate", name, pem)

    return Deed(pool_name, "Trust certificate", f"{name} is trusted", work)


def remove_ca_deeds(rows: Iterable[CertificateRow]) -> list[Deed]:
    """Trusts authorities no more."""

    def of(name: str) -> Any:
        async def work(api: Any) -> None:
            # Without `force`, which older hosts do not know.
            await api.call("pool.uninstall_ca_certificate", name)

        return work

    return [
        Deed(row.record.name, "Remove certificate", "trusted no more", of(row.record.name))
        for row in rows
    ]


def remove_ca_question(rows: list[CertificateRow]) -> Question:
    """What is asked before."""
    what = rows[0].record.name if len(rows) == 1 else f"{len(rows)} certificates"
    return Question(
        f"Trust {what} no more?",
        "Servers whose certificates it has signed are refused from then on: update servers, "
        "directories, other pools.",
        "Remove",
        Harm.DISRUPTIVE,
        objects=tuple(row.record.name for row in rows),
    )


def name_problem(name: str, taken: Mapping[str, object] | Iterable[str]) -> str:
    """What is wrong with the name of a new trusted certificate, or ''."""
    if not name:
        return "It needs a name."
    if "/" in name or name.startswith("."):
        return "It becomes a file's name on the hosts: no slashes, and no dot first."
    if name in set(taken):
        return "There is one of this name already."
    return ""


def pem_problem(pem: str) -> str:
    """What is wrong with a certificate's text, or ''."""
    if not pem.strip():
        return "Paste the certificate, or choose its file."
    if "PRIVATE KEY" in pem:
        return "This holds a private key. Only the certificate belongs here."
    if "-----BEGIN CERTIFICATE-----" not in pem or "-----END CERTIFICATE-----" not in pem:
        return "This is no certificate in PEM form: it begins with -----BEGIN CERTIFICATE-----."
    return ""
