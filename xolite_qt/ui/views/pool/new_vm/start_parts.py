"""What a new VM is made from and called, and what it starts from."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Form
from xolite_qt.ui.models.new_vm import Install, Origin
from xolite_qt.ui.models.new_vm_world import is_default
from xolite_qt.ui.views.pool.new_vm.part import Part, Problems
from xolite_qt.ui.views.pool.new_vm.session import NewVmSession
from xolite_qt.ui.widgets.pick_list import Item, PickList


class TemplatePart(Part):
    """The template, the name, the description, the tags."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("Template and name", session)
        self.templates = PickList("Template", "Search templates")
        self.name = QLineEdit()
        self.name.setMaxLength(255)
        self.description = QLineEdit()
        self.tags = QLineEdit()
        self.tags.setPlaceholderText("web, production")
        form = Form()
        self.template_row = form.add("Template", self.templates)
        self.name_row = form.add("Name", self.name)
        form.add("Description", self.description)
        form.add("Tags", self.tags, hint="Commas between them.")
        self.add(form)
        self.templates.picked.connect(self._picked)
        self.name.textEdited.connect(self._named)
        for field in (self.description, self.tags):
            field.textEdited.connect(self.told)

    def _picked(self, ref: str) -> None:
        template = self.world.templates.get(ref)
        if template is not None and ref != self.form.template:
            self.form.take_template(template, self.world)
            self.rebuilt.emit()
            self.changed.emit()

    def _named(self, text: str) -> None:
        self.form.named = bool(text.strip())
        self.form.rename(text)
        self.rebuilt.emit()
        self.changed.emit()

    def show_form(self) -> None:
        """Override."""
        items = [
            Item(
                vm.ref,
                vm.name_label,
                "From the host" if is_default(vm) else self._note(vm.ref),
                "template" if is_default(vm) else "user",
            )
            for vm in self.world.choosable_templates()
        ]
        self.templates.set_items(items, "This pool has no templates.")
        self.templates.set_current(self.form.template)
        for field, text in (
            (self.name, self.form.name),
            (self.description, self.form.description),
            (self.tags, self.form.tags_text),
        ):
            if field.text() != text:
                field.setText(text)

    def _note(self, ref: str) -> str:
        disks = self.world.own_disks(self.world.templates[ref])
        if not disks:
            return "Yours, without disks"
        total = fmt.size(sum(disk.size_bytes for disk in disks))
        return f"Yours, {fmt.plural(len(disks), 'disk', 'disks')}, {total}"

    def take(self) -> None:
        """Override."""
        self.form.description = self.description.text()
        self.form.tags_text = self.tags.text()

    def judge(self, problems: Problems) -> None:
        """Override."""
        # Nothing is wrong with what was not looked at yet; the bar below says what is missing.
        gone = bool(self.form.template)
        self.template_row.set_problem(problems.get("template", "") if gone else "")
        untouched = not self.form.template and not self.form.name
        self.name_row.set_problem("" if untouched else problems.get("name", ""))
        taken = self.form.name.strip() in self.world.names()
        self.name_row.set_hint("Another VM has this name already." if taken else "", "warning")

    def field_of(self, problem: str) -> QWidget | None:
        """Override."""
        return {"template": self.templates.search, "name": self.name}.get(problem)


_STARTS = (
    (Install.TEMPLATE, "The template's own disk, or nothing"),
    (Install.ISO, "An ISO image"),
    (Install.PXE, "The network (PXE)"),
    (Install.DISK, "An existing disk"),
)


class InstallPart(Part):
    """What the VM starts from for the first time."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("Install from", session)
        self.how = Choice([(ident.value, words) for ident, words in _STARTS])
        self.discs = PickList("ISO image", "Search ISO images")
        self.disks = PickList("Existing disk", "Search disks that no VM has")
        self.rows = Form()
        self.how_row = self.rows.add("First start from", self.how)
        self.disc_row = self.rows.add("ISO image", self.discs)
        self.disk_row = self.rows.add(
            "Disk", self.disks, hint="It is attached as it is, as the first disk."
        )
        self.add(self.rows)
        self.how.currentIndexChanged.connect(self.told)
        self.discs.picked.connect(self.told)
        self.disks.picked.connect(self._disk_picked)

    def show_form(self) -> None:
        """Override."""
        discs = [
            Item(vdi.ref, vdi.name_label, f"{sr.name_label}, {fmt.size(vdi.virtual_size)}", "cd")
            for sr, vdi in self.world.discs()
        ]
        self.discs.set_items(
            discs, "No ISO storage is connected, or none holds an ISO. Upload one first."
        )
        disks = [
            Item(vdi.ref, vdi.name_label, f"{sr.name_label}, {fmt.size(vdi.virtual_size)}", "vdi")
            for sr, vdi in self.world.free_disks()
        ]
        self.disks.set_items(disks, "Every disk belongs to a VM.")
        self.how.set_current(self.form.install.value)
        self.discs.set_current(self.form.iso)
        self.disks.set_current(self._existing())
        self._show_rows()

    def _existing(self) -> str:
        rows = (row.vdi for row in self.form.disks if row.origin is Origin.EXISTING)
        return next(rows, "")

    def _show_rows(self) -> None:
        how = self.form.install
        self.rows.set_row_visible(self.disc_row, visible=how is Install.ISO)
        self.rows.set_row_visible(self.disk_row, visible=how is Install.DISK)
        self.how_row.set_hint(
            {
                Install.TEMPLATE: "" if self.form.has_content else "Its disks are empty.",
                Install.PXE: "The network comes first in the boot order.",
            }.get(how, "")
        )

    def take(self) -> None:
        """Override."""
        before = self.form.install
        self.form.install = Install(self.how.current())
        self.form.iso = self.discs.current
        if before is not self.form.install:
            # The disk of another choice goes, and comes back with it.
            taken = self.disks.current if self.form.install is Install.DISK else ""
            self.form.set_existing(taken, self.world)
            self._show_rows()
            self.rebuilt.emit()

    def _disk_picked(self, ref: str) -> None:
        if not self._filling:
            self.form.set_existing(ref, self.world)
            self.rebuilt.emit()
            self.changed.emit()

    def judge(self, problems: Problems) -> None:
        """Override."""
        self.disc_row.set_problem(problems.get("iso", "") if self.form.iso else "")
        self.disk_row.set_problem(problems.get("existing", "") if self._existing() else "")

    def field_of(self, problem: str) -> QWidget | None:
        """Override."""
        fields = {"iso": self.discs.search, "existing": self.disks.search}
        return fields.get(problem)
