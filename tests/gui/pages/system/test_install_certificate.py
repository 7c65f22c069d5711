"""A server certificate of one's own, from the button of the host's System tab."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import dialog
from tests.gui.pages.system.test_certificates import host_page
from xolite_qt.recorder.redact import redact_params
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.host.install_certificate import InstallCertificateDialog


@dataclass(frozen=True)
class Made:
    key: str
    pem: str
    fingerprint: str


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def made(
    key: Any = None,
    begins: float = -1,
    ends: float = 300,
    issuer: str = "company",
    cn: str = "pool",
) -> Made:
    key = key or rsa_key()
    now = datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pool.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    fingerprint = leaf.fingerprint(hashes.SHA256()).hex(":").upper()
    return Made(plain.decode(), leaf.public_bytes(serialization.Encoding.PEM).decode(), fingerprint)


async def open_form(bench: Bench) -> InstallCertificateDialog:
    page = await host_page(bench)
    page.certificates.install.click()
    return await dialog(bench, InstallCertificateDialog)


def fill(form: InstallCertificateDialog, what: str, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    form.fields[what].paste.click()


def problem(form: InstallCertificateDialog, what: str) -> str:
    form.save.click()
    return form.fields[what].row.problem


async def test_installed_from_files_after_a_question(bench: Bench, tmp_path: Path) -> None:
    one, authority = made(), made(rsa_key(1), cn="company")
    (tmp_path / "host.key").write_text(one.key)
    (tmp_path / "fullchain.pem").write_text(one.pem + authority.pem)
    form = await open_form(bench)
    assert "asks about the new one" in form.warning.text()
    for what, name in (("key", "host.key"), ("certificate", "fullchain.pem")):
        form.fields[what].read.click()
        chooser = form.findChildren(QFileDialog)[-1]
        chooser.fileSelected.emit(str(tmp_path / name))
        chooser.reject()
        assert form.fields[what].origin.text() == name
    # The rest of a full chain goes to its own field.
    assert form.fields["chain"].origin.text() == "of fullchain.pem"
    assert "For pool, valid until" in form.fields["certificate"].row._text.text()
    assert "programs that compare names refuse it" in form.fields["certificate"].row._text.text()
    form.save.click()
    asked = await dialog(bench, ConfirmDialog)
    assert one.fingerprint in asked.question.text
    assert "it loses the connection" in asked.question.text
    asked.go.click()
    await bench.until(lambda: bench.running.host.certificate.fingerprint == one.fingerprint)
    stored = [
        record
        for record in bench.db.records("Certificate").values()
        if record["type"] == "host" and record["host"] == bench.running.host.this_host
    ]
    assert [record["fingerprint_sha256"] for record in stored] == [one.fingerprint]
    assert bench.running.host.certificate.pem.count("BEGIN CERTIFICATE") == 2


async def test_each_problem_is_said_at_its_field(bench: Bench, tmp_path: Path) -> None:
    form = await open_form(bench)
    assert problem(form, "key") == "Choose the file of the private key, or paste it."
    assert problem(form, "certificate").startswith("Choose the file of the certificate")
    good, other = made(), made(rsa_key(1))
    fill(form, "key", "hello")
    assert problem(form, "key") == "This is no private key in PEM form."
    fill(form, "key", "-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert "has a password" in problem(form, "key")
    fill(form, "key", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----")
    assert problem(form, "key") == "The key can't be read."
    fill(form, "key", good.key)
    for text, why in (
        (good.key, "holds a private key"),
        ("hello", "no certificate in PEM form"),
        (other.pem, "made for another key"),
        (made(ends=-0.5, begins=-9).pem, "It ended on "),
        (made(begins=2).pem, "It is not valid before "),
    ):
        fill(form, "certificate", text)
        assert why in problem(form, "certificate")
    fill(form, "certificate", good.pem)
    for text, why in (
        (good.key, "holds a private key"),
        ("hello", "no certificates in PEM form"),
        (made(rsa_key(1), cn="another").pem, "None of these has signed"),
    ):
        fill(form, "chain", text)
        assert why in problem(form, "chain")
    (tmp_path / "der.cer").write_bytes(b"\x30\x82\xff\x00")
    form.fields["chain"].read_file(str(tmp_path / "der.cer"))
    assert form.fields["chain"].row.problem == "This file is no PEM text. Convert it first."
    form.fields["chain"].read_file(str(tmp_path / "none.pem"))
    assert form.fields["chain"].row.problem.startswith("The file could not be read")
    fill(form, "chain", " ")
    assert form.fields["chain"].row.problem == "The clipboard holds no text."
    assert not bench.calls("host.install_server_certificate")
    form.reject()


async def test_what_the_host_refuses_is_said_and_the_form_stays(bench: Bench) -> None:
    form = await open_form(bench)
    curve = made(ec.generate_private_key(ec.SECP256R1()))
    fill(form, "key", curve.key)
    fill(form, "certificate", curve.pem)
    form.save.click()
    (await dialog(bench, ConfirmDialog)).go.click()
    await bench.until(lambda: form.refusal.text())
    assert "does not take keys of this kind" in form.refusal.text()
    assert "It takes RSA keys." in form.refusal.text()
    assert form.isVisible()
    form.reject()


async def test_why_it_may_not_be_installed_now(bench: Bench) -> None:
    page = await host_page(bench)
    bench.context.actions.blocked = "The connection is down."
    assert "The connection is down." in page.certificates.install.toolTip()
    assert not page.certificates.install.isEnabled()


def test_the_key_is_in_no_recording() -> None:
    params = ("OpaqueRef:h", "-----BEGIN CERTIFICATE-----", made().key, "")
    assert "PRIVATE KEY" not in str(redact_params("host.install_server_certificate", params))
