"""The XOSTOR page of a pool. A preview: it looks, reckons and plans, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from xolite_qt.stores import StoreState, Subscription
from xolite_qt.stores.xostor.hosts import face_of
from xolite_qt.stores.xostor.store import XostorRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.models.xostor_columns import DiskUse
from xolite_qt.ui.views.page import Kind, Page, PageContext
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.views.parts.states import why
from xolite_qt.ui.views.pool.xostor.health import HealthPart
from xolite_qt.ui.views.pool.xostor.interfaces import InterfaceChoices
from xolite_qt.ui.views.pool.xostor.lists import EligibilityPart, InterfacesPart
from xolite_qt.ui.views.pool.xostor.loss import LossPart
from xolite_qt.ui.views.pool.xostor.palette import TITLES
from xolite_qt.ui.views.pool.xostor.part import Facts, Interfaced, XostorPart
from xolite_qt.ui.views.pool.xostor.plan import PlanPart
from xolite_qt.ui.widgets import Banner, Button, Hero, Tag, TextLabel
from xolite_qt.ui.widgets.tabs import Tabs

WITH = ("health", "loss", "interfaces")
"""Parts of a pool that has an XOSTOR."""
WITHOUT = ("eligibility", "plan")
"""Parts of one that has none."""
MOST_ASKED = 16
"""A larger pool is not eligible anyway: its hosts are not asked for their disks."""


class XostorPage(Page):
    """Health, losses, interfaces, eligibility and a simulated creation, each a tab of its own."""

    page_id = "pool.xostor"
    title = "XOSTOR"
    icon_name = "sr"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.throttle = Throttle(self)
        self._names: list[Subscription[Any]] = []
        self._probes: Subscription[Any] | None = None
        self.health = HealthPart(
            lambda host: context.navigate(Kind.HOST, host),
            lambda vm: context.navigate(Kind.VM, vm),
        )
        self.loss = LossPart()
        self.interfaces = InterfacesPart(stores.xostor.ask_interfaces)
        self._changes = InterfaceChoices(context, self._now, self.interfaces.chosen)
        self.interfaces.offer(self._changes.choices, context.actions.choose)
        self.eligibility = EligibilityPart(context.notify, stores.xostor_hosts.check)
        self.plan = PlanPart(context.notify)
        self.parts: dict[str, XostorPart] = {
            "health": self.health,
            "loss": self.loss,
            "interfaces": self.interfaces,
            "eligibility": self.eligibility,
            "plan": self.plan,
        }
        self.tabs = Tabs(says=self.tr("Parts of XOSTOR"))
        self.tabs.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.stack = QStackedWidget()
        self.hero = Hero("loading", self.tr("Looking for LINSTOR…"))
        self.stack.addWidget(self.hero)
        for part in self.parts.values():
            self.stack.addWidget(part)
        preview = Tag(self.tr("Preview"), accent="info")
        preview.setToolTip(
            self.tr("It looks and plans; only interfaces of nodes are changed here.")
        )
        self.age = TextLabel(kind="small", tone="secondary", elide=True)
        self.again = Button(self.tr("Check again"), icon="refresh", small=True)
        self.again.clicked.connect(lambda: stores.xostor.check())
        self.banner = Banner()
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.tabs)
        bar.addWidget(preview)
        bar.addStretch(1)
        bar.addWidget(self.age)
        bar.addWidget(self.again)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(12)
        column.addLayout(bar)
        column.addWidget(self.banner)
        column.addWidget(self.stack, 1)
        self.tabs.selected.connect(self._show_part)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tell_age)

    # ------------------------------------------------------------------ life

    def wanted(self) -> Iterable[Subscription[Any]]:
        """LINSTOR's health and the hosts; names of disks and VMs only where there is an XOSTOR."""
        stores = self.context.stores
        soon = self._soon
        self._names = [
            store.subscribe(soon, soon, defer=True) for store in (stores.vdi, stores.vbd, stores.vm)
        ]
        self._probes = stores.xostor_hosts.subscribe(soon, self._state, defer=True)
        self._clock.start()
        return (
            stores.xostor.subscribe(soon, self._state),
            stores.pool.subscribe(soon, soon),
            stores.host.subscribe(soon, soon),
            stores.pif.subscribe(soon, soon),
            stores.network.subscribe(soon, soon),
            *self._names,
            self._probes,
        )

    def unsubscribe(self) -> None:
        """Want nothing any more."""
        super().unsubscribe()
        self._names, self._probes = [], None
        self._clock.stop()
        self.throttle.forget()

    @property
    def busy(self) -> bool:
        """Also while a check runs, or something was not drawn yet."""
        store = self.context.stores.xostor
        at_work = store.is_checking or store.is_listing
        return super().busy or at_work or self.throttle.is_waiting

    def _soon(self, _what: object) -> None:
        self.throttle.call(self.refresh)

    def _state(self, _state: object) -> None:
        self.refresh()

    # ------------------------------------------------------------------ parts

    @property
    def part(self) -> XostorPart | None:
        """The part that is seen; None before it is known whether there is an XOSTOR."""
        return self.parts.get(self.tabs.current())

    @property
    def part_ids(self) -> tuple[str, ...]:
        """Ids of the parts that the pool has, as far as that is known."""
        return tuple(self.tabs.ids())

    def open_part(self, ident: str) -> None:
        """Show one of `WITH` or `WITHOUT`; nothing happens where the pool has not that one."""
        self.tabs.set_current(ident)

    def _show_part(self, ident: str) -> None:
        self.context.settings.last_tabs["xostor"] = ident
        self.refresh()

    def _offer(self, idents: tuple[str, ...]) -> None:
        if self.tabs.ids() == list(idents):
            return
        wanted = self.tabs.current() or self.context.settings.last_tabs.get("xostor", "")
        self.tabs.blockSignals(True)
        while self.tabs.count():
            self.tabs.removeTab(0)
        for ident in idents:
            self.tabs.add(ident, self.tr(TITLES[ident]))
        self.tabs.set_current(wanted if wanted in idents else idents[0])
        self.tabs.blockSignals(False)

    def refresh(self) -> None:
        """Show what is known."""
        if not self.is_subscribed:
            return
        store = self.context.stores.xostor
        row = next(iter(store.records.values()), None)
        if row is None and store.state is not StoreState.READY:
            self._show_waiting()
        else:
            self._offer(WITH if row is not None else WITHOUT)
            self._want(row)
            part = self.part
            if part is not None:
                self.stack.setCurrentWidget(part)
                part.show_facts(self._facts(row))
        self._tell_error(row)
        self._tell_age()
        self.tell_busy()

    def _show_waiting(self) -> None:
        store = self.context.stores.xostor
        self.stack.setCurrentWidget(self.hero)
        if store.state is StoreState.FAILED:
            said = why(store.error)
            self.hero.set_state(
                "error",
                said.summary,
                said.advice,
                action=self.tr("Try again"),
                on_action=store.retry,
            )
        else:
            self.hero.set_state("loading", self.tr("Looking for LINSTOR…"))

    def _want(self, row: XostorRow | None) -> None:
        if row is not None:
            for subscription in self._names:
                subscription.start()
        part = self.part
        few = len(self.context.stores.host.records) <= MOST_ASKED
        if part is not None and part.wants_probes and few and self._probes is not None:
            self._probes.start()

    def choices(self) -> list[Choice]:
        """For the palette: what may be done with interfaces, where they are seen."""
        return self._changes.choices() if self.part is self.interfaces else []

    # ------------------------------------------------------------------ facts

    def _now(self) -> Facts:
        return self._facts(next(iter(self.context.stores.xostor.records.values()), None))

    def _facts(self, row: XostorRow | None) -> Facts:
        stores = self.context.stores
        hosts = sorted(stores.host.records.values(), key=lambda host: host.name_label)
        pool = stores.the_pool()
        master = pool.master if pool is not None else ""
        probing = stores.xostor_hosts.state is StoreState.LOADING
        return Facts(
            row=row,
            pool=pool.name_label if pool is not None else "",
            hosts={host.hostname: (host.ref, host.name_label) for host in hosts},
            addresses={host.hostname: host.address for host in hosts},
            uses=self._uses() if row is not None else {},
            probes=tuple(stores.xostor_hosts.get(h.ref) or face_of(h, master) for h in hosts),
            networks=self._networks(len(hosts)),
            is_listing=stores.xostor.is_listing,
            is_probing=probing,
        )

    def _uses(self) -> dict[str, DiskUse]:
        stores = self.context.stores
        uses = {}
        for row in stores.xostor.records.values():
            for resource in row.health.resources if row.health is not None else ():
                vdi = stores.vdi.by_uuid(resource.vdi_uuid) if resource.vdi_uuid else None
                if vdi is None:
                    continue
                vbds = (stores.vbd.get(ref) for ref in vdi.vbds)
                vms = [stores.vm.get(vbd.vm) for vbd in vbds if vbd is not None]
                vm = next((vm for vm in vms if vm is not None), None)
                uses[resource.vdi_uuid] = DiskUse(
                    vdi.name_label, vm.name_label if vm else "", vm.ref if vm else ""
                )
        return uses

    def _networks(self, hosts: int) -> tuple[Interfaced, ...]:
        stores = self.context.stores
        found: dict[str, dict[str, str]] = {}
        for pif in stores.pif.records.values():
            static = pif.ip_configuration_mode.lower() == "static" and pif.ip
            if pif.currently_attached and static and not pif.management:
                found.setdefault(pif.network, {})[pif.host] = pif.uuid
        rows = []
        for ref, pifs in found.items():
            network = stores.network.get(ref)
            if network is not None and len(pifs) == hosts:
                rows.append(Interfaced(ref, network.name_label, pifs))
        return tuple(sorted(rows, key=lambda row: row.name))

    # ------------------------------------------------------------------ telling

    def _tell_error(self, row: XostorRow | None) -> None:
        error = row.error if row is not None else None
        if error is None:
            self.banner.clear()
            return
        said = why(error)
        text = self.tr("The last check failed: %1").replace("%1", said.summary)
        if row is not None and row.health is not None:
            text += " " + self.tr("Shown is the check of %1.").replace(
                "%1", fmt.clock(row.checked_at, seconds=True)
            )
        if said.details:
            text += f" ({said.details})"
        retry = self.context.stores.xostor.retry
        self.banner.show_message(text, "danger", action=self.tr("Try again"), on_action=retry)

    def _tell_age(self) -> None:
        store = self.context.stores.xostor
        row = next(iter(store.records.values()), None)
        self.again.setVisible(row is not None)
        self.age.setVisible(row is not None)
        if row is None:
            return
        self.again.set_busy(store.is_checking)
        wait_s = store.wait_s
        if store.is_checking:
            self.age.set_text(self.tr("Checking…"))
        elif row.checked_at is None:
            self.age.set_text(self.tr("Not checked yet"))
        else:
            age = fmt.relative(row.checked_at)
            self.age.set_text(self.tr("Checked %1").replace("%1", age))
            self.age.set_tip(fmt.absolute(row.checked_at))
        if not store.is_checking:
            asked = self.tr("Asked a moment ago; LINSTOR's controller is left in peace for 10 s")
            self.again.set_reason(asked if wait_s > 0 else None)
