"""How much each thing that can be done hurts, and so how it is asked about: a table to agree on.

Whoever adds a question or a deed enters it here, and thinks about its harm while doing so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import xolite_qt
from xolite_qt.ui.actions import ACTIONS, ActionId, Harm

UI = Path(xolite_qt.__file__).parent / "ui"

N, R, D = Harm.NONE, Harm.DISRUPTIVE, Harm.DESTRUCTIVE

# Migrating, copying and deleting have forms; a clean shutdown asks the guest, which may say no.
OF_ACTIONS = {
    ActionId.VM_START: N,
    ActionId.VM_START_ON: N,
    ActionId.VM_RESUME: N,
    ActionId.VM_PAUSE: N,
    ActionId.VM_SUSPEND: N,
    ActionId.VM_CLEAN_REBOOT: N,
    ActionId.VM_HARD_REBOOT: R,
    ActionId.VM_CLEAN_SHUTDOWN: N,
    ActionId.VM_HARD_SHUTDOWN: R,
    ActionId.VM_MIGRATE: N,
    ActionId.VM_SNAPSHOT: N,
    ActionId.VM_COPY: N,
    ActionId.VM_DELETE: D,
    ActionId.HOST_ENABLE: N,
}

# The words on the button of each question, by the file that asks it. In angle brackets: words
# that are put together while it runs.
OF_QUESTIONS = {
    "dialogs/network/new_bond.py": {"Create bond": R},
    "dialogs/storage/disks_dialog.py": {"Delete disk": D, "Delete disks": D},
    "dialogs/vm/edit_boot.py": {"Remove virtual TPM": D},
    "models/certificates.py": {"Remove": R, "Renew certificate": R, "Replace certificate": R},
    "models/crash_dumps.py": {"Delete": R},
    # VMs of a host that fails would stay down.
    "models/ha.py": {"Disable": R},
    "models/network_deeds.py": {"Delete network": D},
    "models/pci_devices.py": {"Hide from dom0": R},
    # Whoever gets these wrong may not reach the host any more.
    "models/pif_deeds.py": {
        "Change address": D,
        "Move management": D,
        "Disconnect": R,
        "Forget": R,
    },
    "models/server_certificate.py": {"Install certificate": R},
    "views/backups/deed.py": {"Cancel run": R, "Cancel runs": R},
    "views/backups/deeds.py": {"Delete backup": D, "Delete backups": D},
    # Backups outlive their job and their place in the list.
    "views/backups/job_deeds.py": {"Delete job": R, "Delete jobs": R, "Keep password": R},
    "views/backups/repository_deeds.py": {"Remove from list": R},
    "views/main_window.py": {"<End and {0}>": R},
    "views/parts/alarm_centre.py": {"<what>": R},
    "views/pool/health/remedies.py": {
        "Delete disk": D,
        "Delete disks": D,
        "Delete snapshot": D,
        "Delete snapshots": D,
    },
    # Replication takes the default way again.
    "views/pool/xostor/interfaces.py": {"Delete interface": R, "Delete interfaces": R},
    "views/pool/storage/page.py": {"Destroy storage": D, "Disconnect": R, "Forget storage": D},
    "views/vm/disks.py": {
        "Delete disk": D,
        "Delete disks": D,
        "Detach disk": R,
        "Detach disks": R,
        "Disconnect": R,
    },
    "views/vm/life_choices.py": {"Convert to template": R, "Convert to templates": R},
    "views/vm/network.py": {"Disconnect": R, "Remove card": R, "Remove cards": R},
    "views/vm/snapshot_deeds.py": {"Delete snapshot": D, "Delete snapshots": D},
}

# What is done by deeds of each file without a question: it can be taken back, it makes something
# new, or its own form has said what it means.
WITHOUT_QUESTION = {
    "dialogs/pool/identity.py": {"<Edit {kind}>"},
    "dialogs/storage/disks_dialog.py": {"Rename"},
    "dialogs/vm/edit_base.py": {"<Edit {self.what} of>"},
    "models/certificates.py": {"Trust certificate"},
    "models/crash_dumps.py": {"Send crash dump"},
    "models/ha.py": {"Enable high availability", "Set host failures"},
    "models/host_settings.py": {"Change settings", "Set multipathing"},
    "models/network_deeds.py": {"Create network", "Edit network"},
    "models/pci_devices.py": {"Give PCI devices"},
    "models/pif_deeds.py": {"Connect", "Scan interfaces"},
    "models/pool_facts.py": {"<label>", "Use one SR for all"},
    "models/xostor_interfaces.py": {"Create interface", "Prefer interface"},
    "views/parts/thresholds.py": {"Save thresholds"},
    "views/pool/health/remedies.py": {
        "Connect",
        "Insert tools disc",
        "Scan",
        "Watch system disk",
    },
    "views/pool/networks/choices.py": {"<label>"},
    "views/pool/new_vm/session.py": {"Create VM", "Start"},
    "views/pool/storage/new.py": {"<label>"},
    "views/pool/storage/page.py": {"Make default"},
    "views/vm/disks.py": {"Add CD drive", "Eject disc"},
    # Of these the form lists the disks that go and wants the name typed.
    "views/vm/life.py": {"Copy", "Delete", "Migrate"},
    "views/vm/life_choices.py": {"Rename"},
    "views/vm/life_transfers.py": {"<label>"},
    "views/vm/network.py": {"Add card", "Change", "Connect"},
    # Reverting takes a snapshot first.
    "views/vm/snapshot_deeds.py": {"Create VM", "Rename", "Revert", "Take snapshot"},
}

# And with one: the label of the deed.
AFTER_QUESTION = {
    "dialogs/storage/disks_dialog.py": {"Delete disk"},
    "models/certificates.py": {"Remove certificate", "Renew certificate", "Reset certificate"},
    "models/crash_dumps.py": {"Delete crash dump"},
    "models/ha.py": {"Disable high availability"},
    "models/network_deeds.py": {"Create bond", "Delete network"},
    "models/pci_devices.py": {"<label>"},
    "models/pif_deeds.py": {"<label>", "Configure IP", "Disconnect", "Forget", "Make management"},
    "models/server_certificate.py": {"Install certificate"},
    "models/xostor_interfaces.py": {"Delete interface"},
    "undoing.py": {"Undo"},
    "views/action_runner.py": {"<label>"},
    "views/pool/health/remedies.py": {"Delete disk", "Delete snapshot"},
    "views/pool/storage/page.py": {"<label>"},
    "views/vm/disks.py": {"<label>", "Delete disk", "Detach"},
    "views/vm/life_choices.py": {"Convert to template"},
    "views/vm/network.py": {"Disconnect", "Remove"},
    "views/vm/snapshot_deeds.py": {"Delete snapshot"},
}


def words(node: ast.expr) -> list[str]:
    """What an expression can say; in angle brackets where that is put together."""
    if isinstance(node, ast.IfExp):
        return words(node.body) + words(node.orelse)
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return [f"<{ast.unparse(node)[2:-1]}>"]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "tr":
            return words(node.args[0])
        if node.func.attr == "format":
            return [f"<{said}>" for said in words(node.func.value)]
    return [f"<{ast.unparse(node)}>"]


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Every call by name in the source, and in which file."""
    return [
        (path.relative_to(UI).as_posix(), node)
        for path in sorted(UI.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


def made(what: str) -> Iterator[tuple[str, ast.Call, dict[str, ast.expr]]]:
    """Where a `Question` or a `Deed` is made: file, call, and its arguments by name."""
    names = {
        "Question": ("title", "text", "verb", "harm", "objects", "consequences", "type_this"),
        "Deed": ("name", "label", "done", "work"),
    }[what]
    for file, node in calls():
        if ast.unparse(node.func) == what:
            given = dict(zip(names, node.args, strict=False))
            given |= {word.arg: word.value for word in node.keywords if word.arg}
            yield file, node, given


def test_the_harm_of_every_action_is_agreed_on() -> None:
    assert {id_: action.harm for id_, action in ACTIONS.items()} == OF_ACTIONS


def test_the_harm_of_every_question_is_agreed_on() -> None:
    found: dict[str, dict[str, Harm]] = {}
    for file, _node, given in made("Question"):
        if file == "actions.py":
            continue
        harm = Harm[ast.unparse(given["harm"]).removeprefix("Harm.")]
        for verb in words(given["verb"]):
            known = found.setdefault(file, {}).setdefault(verb, harm)
            assert known is harm, f"{file}: {verb} is asked about in two ways"
    assert found == OF_QUESTIONS


def test_every_deed_is_in_the_table() -> None:
    found: dict[str, set[str]] = {}
    for file, _node, given in made("Deed"):
        found.setdefault(file, set()).update(words(given["label"]))
    agreed = {
        file: WITHOUT_QUESTION.get(file, set()) | AFTER_QUESTION.get(file, set())
        for file in WITHOUT_QUESTION | AFTER_QUESTION
    }
    assert found == agreed


def test_what_destroys_wants_something_typed() -> None:
    for file, node, given in made("Question"):
        if ast.unparse(given["harm"]) == "Harm.DESTRUCTIVE":
            typed = given.get("type_this")
            assert typed is not None, f"{file}:{node.lineno}"
            assert ast.unparse(typed) not in ("''", '""'), f"{file}:{node.lineno}"


def test_nothing_is_asked_about_that_does_no_harm() -> None:
    """A question too many teaches people to say yes."""
    for file, node, given in made("Question"):
        assert ast.unparse(given["harm"]) != "Harm.NONE", f"{file}:{node.lineno}"
