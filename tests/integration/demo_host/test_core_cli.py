"""`xolite-qt demo-host` as a process: one line of JSON, then service until a signal."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from xolite_qt.cli.demo_host import demo_host

RUN = "from xolite_qt.cli.demo_host import demo_host; demo_host()"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
async def test_it_serves_until_a_signal(real_world: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, "--world", str(real_world)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = json.loads(await process.stdout.readline())
    assert set(line) == {"url", "user", "password", "fingerprint"}
    assert line["user"] == "root"
    parts = urlsplit(line["url"])
    pem = await asyncio.to_thread(
        ssl.get_server_certificate, (str(parts.hostname), int(parts.port or 0))
    )
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(pem.encode())
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    assert fingerprint == line["fingerprint"]
    process.send_signal(signal.SIGTERM)
    out, errors = await process.communicate()
    assert (process.returncode, out, errors) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "0.0.0.0:0"], "loopback"),
        (["--listen", "nonsense"], "ADDRESS:PORT"),
        (["--generate", "many"], "HOSTSxVMS"),
        (["--world", "/dev/null", "--generate", "1x1"], "exclude"),
        (["--world", "no such file"], "does not exist"),
    ],
)
def test_refused(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(demo_host, arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_world_cut_in_half_is_a_clear_error(real_world: Path, tmp_path: Path) -> None:
    text = real_world.read_text()
    path = tmp_path / "half.json"
    path.write_text(text[: len(text) // 2])
    result = CliRunner().invoke(demo_host, ["--world", str(path)])
    assert result.exit_code == 1
    assert "ends in the middle" in result.output
    assert "Traceback" not in result.output
