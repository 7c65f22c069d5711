"""A backup repository, new or changed: a folder or S3, its key, and a test that says each step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.backups.form import Choice, Form
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.backup_place import (
    PROVIDERS,
    Place,
    key_problem,
    new_key,
    problem,
    provider_of,
)
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.card import SectionTitle
from xolite_qt.ui.widgets.hero import Spinner
from xolite_qt.ui.widgets.text import TextLabel, Tone


@dataclass(frozen=True, slots=True)
class RepositoryWish:
    """What the form holds.

    Attributes:
        name: for people.
        place: where, with the secrets of S3.
        key: encryption key; "" for none.
    """

    name: str
    place: Place
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a connection test.

    Attributes:
        what: "Write a file".
        ok: None where it was not tried, because one before it failed.
        said: what went wrong, or was found.
    """

    what: str
    ok: bool | None
    said: str = ""


Test = Callable[[RepositoryWish], Awaitable[Sequence[Step]]]
Save = Callable[[RepositoryWish], Awaitable[str]]


class RepositoryDialog(Dialog):
    """The form of a repository.

    Args:
        wish: what to begin with.
        new: whether it was never saved.
        test: tries a connection, step by step.
        save: saves; returns why it could not, or nothing.
    """

    def __init__(
        self,
        wish: RepositoryWish,
        *,
        new: bool,
        test: Test,
        save: Save,
        tasks: TaskOwner,
        parent: QWidget | None = None,
    ) -> None:
        title = "Add a backup repository" if new else f"Edit {wish.name or 'repository'}"
        super().__init__(title, icon="sr", width=680, parent=parent)
        self._start = wish
        self._new = new
        self._test_it = test
        self._save = save
        self._tasks = tasks
        self._tried = False
        self._discarding = False
        self._generated = ""
        self._lay_out_place(wish)
        self._lay_out_key(wish)
        self.body.addWidget(SectionTitle(self.tr("Connection")))
        row = QHBoxLayout()
        self.test = Button(self.tr("Test the connection"), icon="plug", small=True)
        self.test.clicked.connect(self.start_test)
        self._spinner = Spinner(16)
        self._spinner.hide()
        row.addWidget(self.test)
        row.addWidget(self._spinner)
        row.addStretch(1)
        self.body.addLayout(row)
        self._steps = QWidget()
        self._steps_column = QVBoxLayout(self._steps)
        self._steps_column.setContentsMargins(0, 0, 0, 0)
        self._steps_column.setSpacing(6)
        self._steps.hide()
        self.body.addWidget(self._steps)
        self.body.addStretch(1)
        self.banner = Banner()
        self.layout().insertWidget(2, self.banner)  # type: ignore[union-attr]
        cancel = self.add_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.go = self.add_button(
            self.tr("Add repository") if new else self.tr("Save repository"),
            "primary",
            default=True,
        )
        self.go.clicked.connect(self.save)
        self._show_rows()
        self.name.setFocus()

    # ------------------------------------------------------------------ fields

    def _lay_out_place(self, wish: RepositoryWish) -> None:
        there = wish.place
        self.form = Form()
        self.body.addWidget(self.form)
        self.name = _line(wish.name, most=200)
        self.name.setPlaceholderText(self.tr("NAS in the cellar"))
        self.rows = {"name": self.form.add(self.tr("Name"), self.name)}
        self.kind = Choice(
            (
                ("folder", self.tr("A folder: a disk, or a mounted NFS or SMB share")),
                ("s3", self.tr("S3: a bucket of a provider, or of a server of your own")),
            ),
            there.kind,
        )
        self.rows["kind"] = self.form.add(self.tr("Where"), self.kind)
        self.folder = _line(there.folder)
        self.folder.setPlaceholderText("/mnt/backups")
        self.browse = Button(self.tr("Browse…"), icon="folder", small=True)
        self.browse.clicked.connect(self._browse)
        self.rows["folder"] = self.form.add(self.tr("Folder"), self.folder, self.browse)
        self.provider = Choice(
            [(provider.ident, provider.label) for provider in PROVIDERS],
            provider_of(there).ident if there.endpoint else "aws",
        )
        self.rows["provider"] = self.form.add(self.tr("Provider"), self.provider, narrow=True)
        self.region = _line(there.region)
        self.rows["region"] = self.form.add(self.tr("Region"), self.region, narrow=True)
        self.endpoint = _line(there.endpoint)
        self.endpoint.setPlaceholderText("s3.example.org:9000")
        self.rows["endpoint"] = self.form.add(self.tr("Address"), self.endpoint)
        self.plain = QCheckBox(self.tr("Not encrypted on the way (http)"))
        self.plain.setChecked(there.plain)
        self.trust_any = QCheckBox(self.tr("Take any certificate"))
        self.trust_any.setChecked(there.trust_any)
        self.rows["plain"] = self.form.add("", self.plain, self.trust_any)
        self.bucket = _line(there.bucket)
        self.rows["bucket"] = self.form.add(self.tr("Bucket"), self.bucket)
        self.directory = _line(there.directory)
        self.rows["directory"] = self.form.add(
            self.tr("Folder in it"), self.directory, hint=self.tr("May stay empty")
        )
        self.key = _line(there.key)
        self.rows["key"] = self.form.add(self.tr("Access key"), self.key)
        self.secret = _line(there.secret)
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.rows["secret"] = self.form.add(
            self.tr("Secret"), self.secret, hint=self.tr("Kept in the keyring of this desktop")
        )
        if self._new and not there.endpoint:
            self._take_provider()
        self.kind.currentIndexChanged.connect(self._kind_changed)
        self.provider.currentIndexChanged.connect(self._take_provider)
        self.region.textEdited.connect(self._take_region)
        for one in (
            self.name,
            self.folder,
            self.endpoint,
            self.bucket,
            self.directory,
            self.key,
            self.secret,
            self.region,
        ):
            one.textChanged.connect(self._judge)

    def _lay_out_key(self, wish: RepositoryWish) -> None:
        self.body.addWidget(SectionTitle(self.tr("Encryption")))
        self.encrypted = QCheckBox(self.tr("Encrypt everything that is written"))
        self.encrypted.setChecked(bool(wish.key))
        self.body.addWidget(self.encrypted)
        self.key_form = Form()
        self.body.addWidget(self.key_form)
        self.crypt = _line(wish.key)
        self.crypt.setFont(theme.mono_font(13))
        self.crypt.setEchoMode(QLineEdit.EchoMode.Password)
        self.crypt.setAccessibleName(self.tr("Encryption key"))
        self.show_key = Button(self.tr("Show"), "tertiary", small=True)
        self.show_key.setCheckable(True)
        self.show_key.toggled.connect(self._reveal)
        self.generate = Button(self.tr("Generate"), icon="key", small=True)
        self.generate.clicked.connect(self._generate)
        self.rows["crypt"] = self.key_form.add(
            self.tr("Key"),
            self.crypt,
            self.show_key,
            self.generate,
            hint=self.tr("32 characters, as Xen Orchestra has it for this repository"),
        )
        self.warning = QWidget()
        row = QHBoxLayout(self.warning)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(IconLabel("warning", 18, color="warning"))
        row.addWidget(
            TextLabel(
                self.tr(
                    "Save this key outside of this machine, now: without it nobody can restore "
                    "these backups, and nobody can bring it back."
                ),
                tone="warning",
                wrap=True,
            ),
            1,
        )
        self.body.addWidget(self.warning)
        self.kept = QCheckBox(self.tr("I have saved the key in a safe place"))
        self.body.addWidget(self.kept)
        self.encrypted.toggled.connect(self._encrypted_toggled)
        self.crypt.textChanged.connect(self._judge)
        self.kept.toggled.connect(self._judge)

    def _show_rows(self) -> None:
        s3 = self.kind.current() == "s3"
        own = self.provider.current() in ("minio", "ceph", "other")
        for name, row in self.rows.items():
            wanted = True
            if name == "folder":
                wanted = not s3
            elif name == "plain":
                wanted = s3 and (own or self.plain.isChecked() or self.trust_any.isChecked())
            elif name not in ("name", "kind", "crypt"):
                wanted = s3
            form = self.key_form if name == "crypt" else self.form
            form.set_row_visible(row, visible=wanted)
        on = self.encrypted.isChecked()
        self.key_form.setVisible(on)
        self.warning.setVisible(on)
        self.kept.setVisible(on and bool(self._generated))

    # ------------------------------------------------------------------ changes

    def _kind_changed(self) -> None:
        self._show_rows()
        self._judge()

    def _take_provider(self) -> None:
        provider = next(p for p in PROVIDERS if p.ident == self.provider.current())
        if provider.region or provider.endpoint:
            self.region.setText(provider.region)
        self.endpoint.setText(provider.endpoint.replace("{region}", provider.region))
        self.rows["endpoint"].set_hint(self.tr(provider.hint))
        if hasattr(self, "encrypted"):
            self._show_rows()

    def _take_region(self, region: str) -> None:
        provider = next(p for p in PROVIDERS if p.ident == self.provider.current())
        if "{region}" in provider.endpoint:
            self.endpoint.setText(provider.endpoint.replace("{region}", region.strip()))

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder of the repository"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        start = self.folder.text().strip()
        if start and Path(start).is_absolute():
            dialog.setDirectory(start)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _encrypted_toggled(self, on: bool) -> None:
        self._show_rows()
        if on and not self.crypt.text():
            self.crypt.setFocus()
        self._judge()

    def _reveal(self, on: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password
        self.crypt.setEchoMode(mode)
        self.show_key.setText(self.tr("Hide") if on else self.tr("Show"))

    def _generate(self) -> None:
        self._generated = new_key()
        self.crypt.setText(self._generated)
        self.kept.setChecked(False)
        self.show_key.setChecked(True)
        self._show_rows()
        self.crypt.selectAll()
        self.crypt.setFocus()

    # ------------------------------------------------------------------ value

    def wish(self) -> RepositoryWish:
        """What the form holds now."""
        if self.kind.current() == "folder":
            there = Place("folder", folder=self.folder.text().strip())
        else:
            there = Place(
                "s3",
                endpoint=self.endpoint.text().strip(),
                plain=self.plain.isChecked(),
                bucket=self.bucket.text().strip(),
                directory=self.directory.text().strip().strip("/"),
                region=self.region.text().strip(),
                trust_any=self.trust_any.isChecked(),
                key=self.key.text().strip(),
                secret=self.secret.text().strip(),
            )
        key = self.crypt.text().strip() if self.encrypted.isChecked() else ""
        return RepositoryWish(self.name.text().strip(), there, key)

    def problems(self) -> dict[str, str]:
        """Field to what is wrong with it; empty where it can be saved."""
        wish = self.wish()
        found = {"name": "" if wish.name else self.tr("Give the repository a name.")}
        field, sentence = problem(wish.place)
        if field:
            found[field] = sentence
        if self.encrypted.isChecked():
            found["crypt"] = key_problem(wish.key)
            if wish.key == self._generated and wish.key and not self.kept.isChecked():
                found["crypt"] = found["crypt"] or self.tr(
                    "Save the key first, and say below that you have."
                )
        return {name: what for name, what in found.items() if what}

    def _judge(self) -> None:
        if self._discarding:
            self._discarding = False
            self.banner.clear()
        self._steps.hide()
        if not self._tried:
            return
        found = self.problems()
        for name, row in self.rows.items():
            row.set_problem(found.get(name, ""))
        if found:
            more = f" And {len(found) - 1} more." if len(found) > 1 else ""
            self.banner.show_message(f"{next(iter(found.values()))}{more}", "danger")
        else:
            self.banner.clear()

    # ------------------------------------------------------------------ test and save

    def start_test(self) -> None:
        """Tries what the form holds."""
        if (field_problem := problem(self.wish().place))[0]:
            self.rows[field_problem[0]].set_problem(field_problem[1])
            return
        self.test.set_busy(True, self.tr("Testing…"))
        self._spinner.show()
        self._tasks.spawn(self._run_test(self.wish()), "test of a repository")

    async def _run_test(self, wish: RepositoryWish) -> None:
        try:
            steps = await self._test_it(wish)
        finally:
            self.test.set_busy(False)
            self._spinner.hide()
        if wish == self.wish():
            self.show_steps(steps)

    def show_steps(self, steps: Sequence[Step]) -> None:
        """What a test found, step by step."""
        while (item := self._steps_column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for step in steps:
            self._steps_column.addWidget(_StepLine(step))
        self._steps.show()
        self.bring_into_sight(self._steps)

    def save(self) -> None:
        """Checks, then saves; stays open, with all that was typed, where that fails."""
        self._tried = True
        self._judge()
        if self.problems():
            return
        self.go.set_busy(True, self.tr("Saving…"))
        self._tasks.spawn(self._save_it(), "save a repository")

    async def _save_it(self) -> None:
        try:
            trouble = await self._save(self.wish())
        finally:
            self.go.set_busy(False)
        if trouble:
            self.banner.show_message(trouble, "danger")
        else:
            self._start = self.wish()
            self.accept()

    def reject(self) -> None:
        """Override QDialog::reject: a generated key is not thrown away by one key press."""
        if self.wish() == self._start or self._discarding:
            super().reject()
            return
        self._discarding = True
        self.banner.show_message(
            self.tr("There are unsaved changes."),
            "warning",
            action=self.tr("Discard changes"),
            on_action=super().reject,
        )
        self.go.setFocus()


class _StepLine(QWidget):
    def __init__(self, step: Step) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        icon, color = {
            True: ("success", "success"),
            False: ("error", "danger"),
            None: ("minus", "secondary"),
        }[step.ok]
        row.addWidget(IconLabel(icon, 16, color=color))
        state = {True: "", False: ": failed", None: ": not tried"}[step.ok]
        words = f"{step.what}{state}"
        if step.said:
            words = f"{words}. {step.said}" if step.ok is False else f"{words} ({step.said})"
        tones: dict[bool | None, Tone] = {True: "txt", False: "danger", None: "secondary"}
        row.addWidget(TextLabel(words, tone=tones[step.ok], wrap=True, selectable=True), 1)


def _line(text: str, *, most: int = 1000) -> QLineEdit:
    field = QLineEdit(text)
    field.setMaxLength(most)
    field.setCursorPosition(0)
    return field
