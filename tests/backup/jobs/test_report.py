"""What people are told of a run: whether at all, and in which words."""

from __future__ import annotations

import pytest

from xolite_qt.backup.jobs.model import HostRef, Job, Report
from xolite_qt.backup.run.report import body, send_report, subject, wanted
from xolite_qt.backup.runs.events import Item, ItemDone, Note, Outcome
from xolite_qt.backup.runs.state import RunState

MIB = 1024**2


def a_job(name: str = "Nightly", **report: object) -> Job:
    return Job(
        id="j",
        schedule_id="s",
        name=name,
        host=HostRef("https://h", "root", "pool"),
        report=Report(**report),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("never", set()),
        ("failure", {"warning", "failure", "cancelled", "interrupted"}),
        ("always", {"success", "warning", "failure", "cancelled", "skipped", "interrupted"}),
    ],
)
def test_who_wants_to_hear(when: str, told: set[Outcome]) -> None:
    outcomes: tuple[Outcome, ...] = (
        "success",
        "warning",
        "failure",
        "cancelled",
        "skipped",
        "interrupted",
    )
    assert {one for one in outcomes if wanted(a_job(when=when), one)} == told


def test_a_name_adds_no_header_to_a_mail() -> None:
    said = subject(a_job("Nightly\r\nBcc: all@example.org"), "failure")
    assert said == "Backup Nightly Bcc: all@example.org of pool failed"


def test_every_part_with_its_numbers_and_errors() -> None:
    state = RunState()
    state.apply(
        [
            Item(at_s=0.0, id="1", kind="vm", name="<b>mail</b>"),
            Item(at_s=0.0, id="2", kind="disk", name="root", parent="1"),
            Note(at_s=1.0, id="2", text="read in full", level="warning"),
            Note(at_s=1.0, id="2", text="by the way"),
            ItemDone(
                at_s=2.0,
                id="2",
                outcome="failure",
                error="the host went away",
                transferred_bytes=10 * MIB,
                written_bytes=3 * MIB,
                facts={"way": "nbd"},
            ),
            Note(at_s=3.0, text="the repository is nearly full", level="error"),
        ]
    )
    text = body(a_job(), "failure", "1 of 1 VMs failed", state)
    assert text.splitlines() == [
        "Backup Nightly of pool failed",
        "",
        "1 of 1 VMs failed",
        "",
        "<b>mail</b>: was interrupted",
        "  root: failed, 10.0 MiB transferred, 3.0 MiB written, 5.0 MiB/s (nbd)",
        "    the host went away",
        "    warning: read in full",
        "error: the repository is nearly full",
        "",
        "Host: pool https://h",
    ]


# It imports what Python is about to drop.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_address_that_is_missing_is_said() -> None:
    job = a_job(when="always", targets=("ops",))
    assert send_report(a_job(when="always"), "failure", "", RunState(), {}) == []
    assert send_report(a_job(targets=("ops",)), "success", "", RunState(), {}) == []
    said = send_report(job, "failure", "", RunState(), {})
    assert said == ["the report to ops was not sent: the keyring has no address"]
