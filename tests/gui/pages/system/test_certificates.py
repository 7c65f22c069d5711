"""Certificates: how long they last, and new ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import dialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.pool.trust import TrustDialog
from xolite_qt.ui.models import certificates
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.pool.system.page import PoolSystem
from xolite_qt.xen_api import Certificate_

FINGERPRINT = "AB:" * 31 + "CD"
NOW_S = 1_800_000_000.0


def wire(days: float, now_s: float | None = None) -> str:
    moment_s = (time.time() if now_s is None else now_s) + days * 86_400
    return time.strftime("%Y%m%dT%H:%M:%SZ", time.gmtime(moment_s))


@pytest.mark.parametrize(
    ("begins", "ends", "accent", "said"),
    [
        (-10, 400.5, "success", "400 days left"),
        (-10, 30.5, "success", "30 days left"),
        (-10, 29.5, "warning", "29 days left"),
        (-10, 7.5, "warning", "7 days left"),
        (-10, 6.5, "danger", "6 days left"),
        (-10, 0.5, "danger", "ends today"),
        (-10, -2.5, "danger", "expired 2 days ago"),
        (5, 400, "warning", "not valid before 2027-01-20"),
    ],
)
def test_what_is_left(begins: float, ends: float, accent: str, said: str) -> None:
    record = Certificate_(ref="r", not_before=wire(begins, NOW_S), not_after=wire(ends, NOW_S))
    row = certificates.row_of(record, NOW_S)
    assert certificates.accent_of(row, NOW_S) == accent
    assert certificates.left_words(row, NOW_S).replace("\u00a0", " ") == said


def test_dates_that_are_none_are_unknown_and_not_red() -> None:
    row = certificates.row_of(Certificate_(ref="r", not_after="soon"), NOW_S)
    assert certificates.left_words(row, NOW_S) == "unknown"
    assert certificates.accent_of(row, NOW_S) == ""


def test_old_hosts_keep_the_fingerprint_in_another_field() -> None:
    old = Certificate_(ref="r", fingerprint=FINGERPRINT.lower())
    assert certificates.row_of(old).fingerprint == FINGERPRINT
    sha1 = Certificate_(ref="r", fingerprint="AB:CD")
    assert certificates.row_of(sha1).fingerprint == ""


async def host_page(bench: Bench) -> HostSystem:
    page = await bench.show(HostSystem, bench.running.host.this_host)
    await bench.until(lambda: page.certificates.state == "ready")
    return page


def add(bench: Bench, kind: str, days: float, **fields: Any) -> str:
    return str(
        bench.db.create(
            "Certificate",
            type=kind,
            not_before=wire(-300),
            not_after=wire(days),
            fingerprint_sha256=FINGERPRINT,
            **fields,
        )
    )


async def test_the_card_warns_of_the_one_that_ends_first(bench: Bench) -> None:
    page = await host_page(bench)
    card = page.certificates
    assert [block.title.label.text() for block in card.blocks] == ["Server"]
    assert card._info.text() == ""
    ref = add(bench, "host_internal", 12.5, host=bench.running.host.this_host)
    await bench.until(lambda: len(card.blocks) == 2)
    assert card.blocks[1].title.label.text() == "Inside the pool"
    assert card.blocks[1].left.text().replace("\u00a0", " ") == "12 days left"
    assert card._info.text() == "ends soon"
    bench.db.destroy("Certificate", ref)
    await bench.until(lambda: card.blocks[1].isHidden())


async def test_a_fingerprint_is_copied(bench: Bench) -> None:
    page = await host_page(bench)
    block = page.certificates.blocks[0]
    assert block.row is not None
    assert block.fingerprint is not None
    block.copy.click()
    assert QGuiApplication.clipboard().text() == block.row.fingerprint
    assert bench.told == ["info: Fingerprint copied."]


async def test_without_tls_nothing_is_said_of_an_accepted_one(bench: Bench) -> None:
    page = await host_page(bench)
    assert page.certificates.blocks[0].pinned.isHidden()


async def test_the_internal_one_is_renewed_after_a_question(bench: Bench) -> None:
    page = await host_page(bench)
    page.certificates.refresh.click()
    asked = await dialog(bench, ConfirmDialog)
    assert "What this app has accepted stays as it is" in asked.question.text
    asked.go.click()
    await bench.until(lambda: len(page.certificates.blocks) == 2)
    assert bench.calls("host.refresh_server_certificate")


async def test_the_question_says_that_the_app_will_ask_again(bench: Bench) -> None:
    page = await host_page(bench)
    before = page.certificates.blocks[0].row
    page.certificates.reset.click()
    asked = await dialog(bench, ConfirmDialog)
    assert "asks you about the new one." in asked.question.text
    assert asked.go.text() == "Replace certificate"
    asked.cancel.click()
    await bench.until(lambda: not bench.window.findChildren(ConfirmDialog))
    assert not bench.calls("host.reset_server_certificate")
    assert page.certificates.blocks[0].row is before


# ---------------------------------------------------------------------- what the pool trusts


@pytest.fixture
def make_pem() -> Callable[..., str]:
    def make(begins_days: float = -1, ends_days: float = 300) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "company")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins_days))
            .not_valid_after(now + timedelta(days=ends_days))
            .sign(key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    return make


async def pool_page(bench: Bench) -> PoolSystem:
    page = await bench.show(PoolSystem)
    await bench.until(lambda: page.trusted.state in ("ready", "empty"))
    return page


async def test_an_authority_is_trusted_and_trusted_no_more(
    bench: Bench, make_pem: Callable[..., str], tmp_path: Path
) -> None:
    page = await pool_page(bench)
    card = page.trusted
    assert card.state == "empty"
    path = tmp_path / "company.pem"
    path.write_text(make_pem(ends_days=20.5))
    card.trust.click()
    form = await dialog(bench, TrustDialog)
    form.save.click()
    assert form.name_row.problem == "It needs a name."
    assert form.pem_row.problem.startswith("Paste the certificate")
    form.from_file.click()
    chooser = form.findChild(QFileDialog)
    assert chooser is not None
    chooser.fileSelected.emit(str(path))
    chooser.reject()
    assert form.name.text() == "company.pem"
    form.save.click()
    await bench.until(lambda: card.state == "ready")
    assert [text.replace("\u00a0", " ") for text in card.model.texts(0)][:4:3] == [
        "company.pem",
        "20 days left",
    ]
    assert card._info.text() == "ends soon"
    ref = card.model.rows()[0].ref
    assert "Choose one or more certificates first." in card.remove.toolTip()
    card.table.select_ref(ref)
    card.copy.click()
    assert QGuiApplication.clipboard().text() == card.model.rows()[0].fingerprint
    card.remove.click()
    asked = await dialog(bench, ConfirmDialog)
    assert "are refused from then on" in asked.question.text
    asked.go.click()
    await bench.until(lambda: card.state == "empty")
    assert not bench.db.exists("Certificate", ref)


async def test_a_file_that_is_no_certificate_is_said_at_its_field(
    bench: Bench, tmp_path: Path
) -> None:
    page = await pool_page(bench)
    page.trusted.trust.click()
    form = await dialog(bench, TrustDialog)
    (tmp_path / "der.cer").write_bytes(b"\x30\x82\xff\x00")
    form._read(str(tmp_path / "der.cer"))
    assert form.pem_row.problem == "This file is no PEM text. Convert it first."
    form._read(str(tmp_path / "none.pem"))
    assert form.pem_row.problem.startswith("The file could not be read")
    form.name.setText("../x")
    form.pem.setPlainText("-----BEGIN PRIVATE KEY-----")
    form.save.click()
    assert form.pem_row.problem.startswith("This holds a private key.")
    assert "no slashes" in form.name_row.problem
    form.pem.setPlainText("hello")
    form.save.click()
    assert form.pem_row.problem.startswith("This is no certificate in PEM form")
    form.reject()


async def test_what_the_host_refuses_is_said_and_the_form_stays(
    bench: Bench, make_pem: Callable[..., str]
) -> None:
    page = await pool_page(bench)
    page.trusted.trust.click()
    form = await dialog(bench, TrustDialog)
    form.name.setText("old.pem")
    form.pem.setPlainText(make_pem(-20, -3))
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert form.refusal.text().startswith("This certificate ended at ")
    assert form.name.text() == "old.pem"
    form.pem.setPlainText("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----")
    form.save.click()
    await bench.until(lambda: "cannot read" in form.refusal.text())
    form.reject()


async def test_a_pinned_one_is_not_removed_here(bench: Bench) -> None:
    ref = add(bench, "pinned", 400, name="ldap.pem")
    page = await pool_page(bench)
    page.trusted.table.select_ref(ref)
    assert not page.trusted.remove.isEnabled()
    assert "go with it" in page.trusted.remove.toolTip()
