"""What one works in while connected: tree, object with its tabs, task drawer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from xolite_qt.settings import Settings
from xolite_qt.stores import Change, NodeKind, Stores, StoreState, Subscription, TreeNode
from xolite_qt.stores.journal_feed import JournalFeed
from xolite_qt.ui import format as words
from xolite_qt.ui.actions import ACTIONS, POWER_ACTIONS, ActionId, Harm, Items, actions_for
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.errors import explain
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.tree import shown_name
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.views.action_runner import ActionRunner
from xolite_qt.ui.views.alarm_bell import AlarmBell
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.palette import entries as backup_entries
from xolite_qt.ui.views.header import Header, link_words
from xolite_qt.ui.views.infra_tree import InfraTree
from xolite_qt.ui.views.page import PAGES, Kind, Notify, Page, PageContext, PageSpec
from xolite_qt.ui.views.palette import Entry
from xolite_qt.ui.views.pool.xostor.palette import entries as xostor_entries
from xolite_qt.ui.views.recorder import RecorderView
from xolite_qt.ui.views.task_drawer import TaskDrawer
from xolite_qt.ui.widgets.badges import Tag
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.head_bar import HeadBar
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.ui.widgets.tabs import Tabs
from xolite_qt.xen_api import LinkPhase, LinkState

_TREE_PX = 300


class Workspace(QWidget):
    """One connection on screen.

    Signals:
        page_changed: another page is shown.
            arg: the page.
        sign_in_wanted: the session has expired and the user wants to sign in again.
        title_changed: another object is shown, or it was renamed.
            arg: its name.
    """

    page_changed = Signal(object)
    title_changed = Signal(str)
    sign_in_wanted = Signal()

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        tasks: TaskOwner,
        notify: Notify,
        window: QWidget,
        services: dict[str, Any],
    ) -> None:
        super().__init__()
        self.stores = stores
        self.settings = settings
        self._hub = stores.api.events
        self.runner = ActionRunner(
            stores.api, lambda: tuple(stores.host.records.values()), tasks, notify, window
        )
        self.context = PageContext(
            stores, self.runner, self.open_object, notify, settings, tasks, services
        )
        self.runner.context = self.context
        self.deeds = BackupDeeds(self.context, services["backup_stores"], window)
        services["backups"] = self.deeds
        self.kind = Kind.POOL
        self.ref = ""
        self._subscription: Subscription[TreeNode] | None = None
        place = services.get("place") or stores.api.url
        self.header = Header(self._hub, place, stores.api.user or "")
        self.recorder = RecorderView(self.context, services["recorder"])
        self.header.recorder_wanted.connect(self.recorder.open)
        self.journal: JournalFeed = services["journal"]
        self.bell = AlarmBell(stores.news, self._new_alarms)
        self.bell.wanted.connect(lambda: self.open_object(Kind.POOL, "", "alarms"))
        self.header.add_tool(self.bell)
        self.banner = Banner()
        self.tree = InfraTree(stores.vm_tree, stores.vm_tree.retry)
        self.head = HeadBar("pool", "")
        self.master = Tag(self.tr("Pool master"), accent="info", icon="star")
        self.head.add_mark(self.master)
        self.tabs = Tabs(says=self.tr("Pages of this object"))
        self.pages = QStackedWidget()
        self.drawer = TaskDrawer(stores, tasks, notify)
        self._lay_out()
        self.tree.opened.connect(lambda kind, ref: self.open_object(kind, ref))
        self.tree.menu_wanted.connect(self._tree_menu)
        self.tabs.selected.connect(self._tab_selected)
        self.header.tree_wanted.connect(lambda: self.tree.setVisible(self.tree.isHidden()))
        self.drawer.opened_changed.connect(self._drawer_changed)
        self._on_link = self._hub.on_state(self._link_changed)
        self._reopen = self.settings.last_object.get("uuid", "")
        self._buttons: dict[Kind, tuple[Button, ...]] = {
            Kind.VM: (
                self._menu_button(
                    self.tr("Change state"), "vm", lambda a: a in POWER_ACTIONS, False
                ),
                self._menu_button(self.tr("More"), "vm", lambda a: a not in POWER_ACTIONS),
            ),
            Kind.HOST: (self._menu_button(self.tr("Actions"), "host", lambda _a: True),),
            Kind.POOL: (self._pool_button(),),
        }

    def _pool_choices(self) -> Sequence[Choice]:
        node = self.node
        return self.runner.choices("pool", () if node is None else (node.record,))

    def _pool_button(self) -> Button:
        menu = self.runner.menu_of(self._pool_choices, self)
        button = Button(self.tr("Actions"), "secondary", small=True, menu=menu)
        button.hide()
        self.head.add_action(button)
        return button

    def _menu_button(
        self, text: str, kind: str, only: Callable[[ActionId], bool], more: bool = True
    ) -> Button:
        menu = self.runner.menu(kind, self._items, self, only, more=more)
        button = Button(text, "secondary", small=True, menu=menu)
        button.hide()
        self.head.add_action(button)
        return button

    def _show_buttons(self, kind: Kind | None) -> None:
        for which, buttons in self._buttons.items():
            for button in buttons:
                button.setVisible(which is kind)

    def _lay_out(self) -> None:
        right = QWidget()
        right.setProperty("panel", "page")
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.head, self.tabs):
            column.addWidget(widget)
        column.addWidget(self.pages, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.tree)
        self.splitter.addWidget(right)
        self.splitter.setStretchFactor(1, 1)
        self.tree.setMinimumWidth(200)
        right.setMinimumWidth(560)
        sizes = self.settings.window_splitter
        self.splitter.setSizes(sizes if len(sizes) == 2 and min(sizes) > 0 else [_TREE_PX, 1100])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.header)
        outer.addWidget(self.banner)
        outer.addWidget(self.splitter, 1)
        outer.addWidget(self.drawer)
        self.drawer.set_open(self.settings.task_drawer_open)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Begins to live on the stores, and opens the object last looked at, or the pool."""
        self._subscription = self.stores.vm_tree.subscribe(
            self._nodes_changed, self._tree_state_changed
        )
        self.tree.subscribe()
        self.drawer.subscribe()
        self.deeds.begin()
        self.bell.subscribe()
        self.journal.start()
        self._link_changed(self._hub.state)
        if self._reopen:
            self._show_hero(Hero("loading", self.tr("Loading…"), compact=False))
            self.head.set_object("pool", self.tr("Loading…"))
        else:
            self.open_object(Kind.POOL, "")

    def _open_last(self) -> None:
        """The object of last time, once the tree is there to say whether it still exists."""
        uuid, self._reopen = self._reopen, ""
        nodes = self.stores.vm_tree.records.values()
        node = next((node for node in nodes if node.uuid == uuid), None)
        if node is None or node.kind is NodeKind.POOL:
            self.open_object(Kind.POOL, "")
        else:
            self.open_object(node.kind.value, node.ref)

    def _tree_state_changed(self, state: StoreState) -> None:
        if self._reopen and state in (StoreState.READY, StoreState.FAILED):
            self._open_last()

    def stop(self) -> None:
        """Lets go of everything; the workspace is not used again."""
        self.settings.window_splitter = self.splitter.sizes()
        self._on_link.remove()
        if isinstance(page := self.pages.currentWidget(), Page):
            page.unsubscribe()
        self.tree.unsubscribe()
        self.drawer.unsubscribe()
        self.deeds.end()
        self.bell.unsubscribe()
        self.journal.stop()
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    # ------------------------------------------------------------------ navigation

    @property
    def page(self) -> Page | None:
        """The page on screen."""
        page = self.pages.currentWidget()
        return page if isinstance(page, Page) else None

    @property
    def node(self) -> TreeNode | None:
        """The object on screen, as the tree knows it."""
        ref = self.ref or (self.stores.pool_ref or "")
        return self.stores.vm_tree.get(ref)

    def open_object(self, kind: str, ref: str, tab: str | None = None) -> None:
        """Shows an object, at a tab or at the one last used for its kind."""
        which = Kind(kind)
        specs = PAGES[which]
        if not specs:
            return
        wanted = tab or self.settings.last_tabs.get(which, specs[0].tab_id)
        if wanted not in [spec.tab_id for spec in specs]:
            wanted = specs[0].tab_id
        specs = [spec for spec in specs if not spec.passing or spec.tab_id == wanted]
        known = [spec.tab_id for spec in specs]
        same_kind = which is self.kind and self.tabs.ids() == known
        self.kind, self.ref, self._reopen = which, ref, ""
        self.tabs.blockSignals(True)
        if not same_kind:
            while self.tabs.count():
                self.tabs.removeTab(0)
            for spec in specs:
                self.tabs.add(spec.tab_id, spec.label)
        self.tabs.set_current(wanted)
        self.tabs.blockSignals(False)
        self.tabs.setVisible(len(specs) > 1)
        self._show_tab(wanted)
        self._show_head()
        node = self.node
        if node is not None and which is not Kind.APP:
            self.tree.select(node.ref)
            self.settings.last_object = {"kind": which.value, "uuid": node.uuid}

    def open_tab_at(self, number: int) -> None:
        """Shows the tab of a number, from 0."""
        ids = self.tabs.ids()
        if number < len(ids):
            self.tabs.set_current(ids[number])

    def open_backups(self, part: str) -> None:
        """Shows a part of the page of backups: "jobs", "runs", "repositories" or "points"."""
        self.settings.last_tabs["backups"] = part
        self.open_object(Kind.POOL, "", "backups")

    def open_xostor(self, part: str) -> None:
        """Shows a part of the XOSTOR page by its id, such as "health"; "": the last one."""
        if part:
            self.settings.last_tabs["xostor"] = part
        self.open_object(Kind.POOL, "", "xostor")

    def _go_to_tab(self, tab: str) -> None:
        self.tabs.set_current(tab)

    def _tab_selected(self, tab: str) -> None:
        self.settings.last_tabs[self.kind.value] = tab
        self._show_tab(tab)
        for spec in PAGES[self.kind]:
            if spec.passing and spec.tab_id != tab and spec.tab_id in self.tabs.ids():
                self.tabs.removeTab(self.tabs.ids().index(spec.tab_id))

    def _show_tab(self, tab: str) -> None:
        spec = next(spec for spec in PAGES[self.kind] if spec.tab_id == tab)
        old = self.pages.currentWidget()
        page: QWidget = spec.factory(self.context, self._page_ref())
        # The new page subscribes before the old one lets go: what both need is not loaded twice.
        self.pages.addWidget(page)
        self.pages.setCurrentWidget(page)
        if old is not None:
            self.pages.removeWidget(old)
            old.deleteLater()
        self.page_changed.emit(page)

    def _page_ref(self) -> str:
        if self.kind is Kind.POOL:
            return self.stores.pool_ref or ""
        return self.ref

    def _nodes_changed(self, change: Change[TreeNode]) -> None:
        ref = self.ref or (self.stores.pool_ref or "")
        if ref in change.removed and self.kind is not Kind.APP:
            self._object_gone()
            return
        if any(node.ref == ref for node in (*change.added, *change.changed)):
            self._show_head()
            if self.kind is Kind.POOL:
                self.tree.select(ref)

    def _object_gone(self) -> None:
        """The object was removed from the host: say so, where it stood."""
        self._show_hero(
            Hero(
                "empty",
                self.tr("This object is gone."),
                self.tr("It was removed from the host."),
                action=self.tr("Go to the pool"),
                on_action=lambda: self.open_object(Kind.POOL, ""),
                compact=False,
            )
        )
        self.tabs.hide()
        self._show_buttons(None)

    def _show_hero(self, hero: Hero) -> None:
        old = self.pages.currentWidget()
        self.pages.addWidget(hero)
        self.pages.setCurrentWidget(hero)
        if old is not None:
            self.pages.removeWidget(old)
            old.deleteLater()

    # ------------------------------------------------------------------ head

    def _show_head(self) -> None:
        node = self.node
        if self.kind is Kind.APP:
            self.head.set_object("settings", self.tr("Settings"))
            self.master.hide()
            self._show_buttons(None)
            self.title_changed.emit(self.tr("Settings"))
            return
        if node is None:
            self.head.set_object(self.kind.value, self.tr("Loading…"))
            return
        self.head.set_object(self.kind.value, shown_name(node), node.state or None)
        self.master.setVisible(node.is_master)
        self._show_buttons(self.kind)
        self.title_changed.emit(shown_name(node))

    def _items(self) -> Items:
        node = self.node
        if node is None or node.kind is NodeKind.POOL:
            return ()
        return (node.record,)  # type: ignore[return-value]  # a VM or host, by its kind

    def _tree_menu(self, node: TreeNode, place: QPoint) -> None:
        if node.kind is NodeKind.POOL:
            menu = QMenu(self)
            menu.setToolTipsVisible(True)
            self.runner.fill(menu, self._pool_choices())
            menu.addSeparator()
        else:
            record: Any = node.record
            menu = self.runner.menu(node.kind.value, lambda: (record,), self)
            menu.addSeparator()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for caption, text in (("Copy name", node.name), ("Copy UUID", node.uuid)):
            menu.addAction(icon("copy"), caption).triggered.connect(
                lambda _on=False, text=text: QGuiApplication.clipboard().setText(text)
            )
        menu.popup(place)

    # ------------------------------------------------------------------ connection

    def _link_changed(self, state: LinkState) -> None:
        self.header.refresh()
        match state.phase:
            case LinkPhase.CONNECTED:
                self.banner.clear()
                self.runner.blocked = None
            case LinkPhase.EXPIRED:
                self.runner.blocked = self.tr("Sign in again first.")
                self.banner.show_message(
                    self.tr("The host has ended the session. What you see is as of {0}.").format(
                        self._as_of()
                    ),
                    "danger",
                    action=self.tr("Sign in again"),
                    on_action=self.sign_in_wanted.emit,
                )
            case LinkPhase.RECONNECTING:
                self.runner.blocked = self.tr("The connection is down.")
                why = explain(state.error).summary if state.error else ""
                self.banner.show_message(
                    self.tr("No connection: what you see is as of {0}. {1}").format(
                        self._as_of(), why
                    ),
                    "warning",
                    action=self.tr("Try now"),
                    on_action=self._hub.retry_now,
                    busy=state.retry_in_s is None,
                )
            case _:
                self.runner.blocked = link_words(state, 0.0)[1]

    def _as_of(self) -> str:
        as_of = self.stores.vm_tree.as_of
        return words.clock(as_of, seconds=True) if as_of is not None else "—"

    def _drawer_changed(self, is_open: bool) -> None:
        self.settings.task_drawer_open = is_open

    def _new_alarms(self, words: str, level: str) -> None:
        about = (Kind.POOL.value, "", "alarms")
        self.context.notify(self.tr("New alarm: {0}").format(words), level=level, about=about)

    # ------------------------------------------------------------------ palette

    def entries(self) -> list[Entry]:
        """What the palette finds here: actions on the object shown, tabs, then every object."""
        entries: list[Entry] = []
        items = self._items()
        if items:
            name = shown_name(self.node) if self.node is not None else ""
            for action in actions_for(self.kind.value):
                entries.append(
                    Entry(
                        action.label,
                        name,
                        action.icon,
                        partial(self.runner.trigger, action.id, items),
                        reason=self.runner.reason(action.id, items),
                    )
                )
        entries += self._choice_entries()
        entries.append(Entry("Flight recorder", "the last hour", "history", self._open_recorder))
        tabs = [spec for spec in PAGES[self.kind] if not spec.passing]
        for number, spec in enumerate(tabs):
            entries.append(
                Entry(
                    f"Go to {spec.label}",
                    f"Ctrl+{number + 1}",
                    "arrow-right",
                    partial(self._go_to_tab, spec.tab_id),
                )
            )
        vm = self.node if self.kind is Kind.VM else None
        entries += backup_entries(self.deeds, self.open_backups, vm)
        entries += xostor_entries(self.open_xostor, getattr(self.page, "part_ids", ()))
        for node in self.stores.vm_tree.records.values():
            entries.append(
                Entry(
                    shown_name(node),
                    node.state or "pool",
                    node.kind.value,
                    partial(self.open_object, node.kind.value, node.ref),
                    state=node.state or None,
                )
            )
        vms = [node for node in self.stores.vm_tree.records.values() if node.kind is NodeKind.VM]
        if len(vms) <= 500:
            entries.extend(self._actions_on(vms))
        return entries

    def _open_recorder(self) -> None:
        self.recorder.open()

    def _choice_entries(self) -> list[Entry]:
        if self.kind is Kind.APP or self.node is None:
            return []
        name = shown_name(self.node)
        on_object = self.runner.choices(self.kind.value, (self.node.record,))
        on_page = self.page.choices() if self.page is not None else ()
        return [
            Entry(
                choice.label,
                name,
                choice.icon,
                partial(self.runner.choose, choice),
                reason=self.runner.blocked or choice.reason,
            )
            for choice in (*on_object, *on_page)
        ]

    def _actions_on(self, nodes: Sequence[TreeNode]) -> list[Entry]:
        entries = []
        for node in nodes:
            if node.ref == self.ref:
                continue
            items: Any = (node.record,)
            for action in actions_for("vm"):
                reason = self.runner.reason(action.id, items)
                if reason is None and ACTIONS[action.id].harm is not Harm.DESTRUCTIVE:
                    run = partial(self.runner.trigger, action.id, items)
                    entries.append(
                        Entry(f"{action.label} {shown_name(node)}", "VM", action.icon, run)
                    )
        return entries


def load_pages() -> None:
    """Imports the rooms of the pages: they enter themselves into `PAGES`.

    Not done when this module is imported: they bring the tables and charts with them, and the
    first window does not wait for those.
    """
    from xolite_qt.ui.views import host, pool, vm  # noqa: F401 -- they register themselves
    from xolite_qt.ui.views.settings_page import SettingsPage

    PAGES[Kind.APP] = [PageSpec("settings", "Settings", SettingsPage)]
