"""The health of the pool: what is wrong, why it matters, and what can be done about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import Job
from xolite_qt.stores import Subscription
from xolite_qt.stores.backup_rows import RunRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.health import Finding, Kind, Seen, find, utc_now
from xolite_qt.ui.models.health_backups import unprotected
from xolite_qt.ui.views.host import power
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.views.pool.health.card import FindingCard
from xolite_qt.ui.views.pool.health.look import FullDisk, certificates, clocks, system_disks
from xolite_qt.ui.views.pool.health.remedies import remedies
from xolite_qt.ui.views.pool.patches_card import PatchesCard
from xolite_qt.ui.widgets import Button, Card
from xolite_qt.xen_api import XenApiError

Backups = tuple[list[Job], list[RunRow]]

ASKED_HOSTS = 16
"""Up to so many hosts are asked for their clocks unasked."""


class HealthPage(LivePage):
    """Findings as cards, worst first; patches on demand."""

    page_id = "pool.health"
    title = "Health"
    icon_name = "shield"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.summary = Card("Health")
        self.again = Button("Check again", "tertiary", icon="refresh", small=True)
        self.again.clicked.connect(self._look)
        self.summary.add_action(self.again)
        self.body.add(self.summary)
        # Findings stand between the summary and the patches.
        self.findings = QVBoxLayout()
        self.findings.setSpacing(8)
        holder = QWidget()
        holder.setLayout(self.findings)
        self.findings.setContentsMargins(0, 0, 0, 0)
        self.body.add(holder)
        self.patches = PatchesCard(context)
        self.install = Button("Install patches…", "tertiary", small=True)
        self.install.clicked.connect(lambda: power.begin_update(context, None))
        self.patches.add_action(self.install)
        self.cards: dict[Kind, FindingCard] = {}
        self.body.add(self.patches)
        self._skew: dict[str, float] = {}
        self._ends: list[tuple[str, datetime]] = []
        self._full: list[FullDisk] = []
        self._working: asyncio.Task[None] | None = None
        self._again = False
        self._looked = False
        self._stores = (
            stores.pool,
            stores.host,
            stores.vm,
            stores.control_domain,
            stores.vm_guest_metrics,
            stores.vm_snapshot,
            stores.sr,
            stores.pbd,
            stores.vdi,
        )
        self.add_part(self.show_findings, *self._stores)
        backups = context.services.get("backups")
        if backups is not None:
            self.add_part(self.show_findings, backups.stores.saved_jobs, backups.stores.runs)
        context.actions.blocked_changed.connect(self._judge)
        self._judge()

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The stores, and patches that sleep until their click."""
        return (*super().wanted(), self.patches.subscription())

    def unsubscribe(self) -> None:
        """Looks no more."""
        super().unsubscribe()
        self._looked = False
        if self._working is not None:
            self._working.cancel()
            self._working = None

    @property
    def busy(self) -> bool:
        """Also while it is being found out."""
        return super().busy or self._working is not None

    def _judge(self) -> None:
        self.install.set_reason(self.context.actions.blocked)
        self.again.set_reason(self.context.actions.blocked)

    # ------------------------------------------------------------------ finding

    def show_findings(self) -> None:
        """Finds anew what there is; in a thread, for a large pool has much to look through."""
        if not show_card_state(self.summary, *self._stores):
            return
        if not self._looked:
            self._looked = True
            self._look()
        if self._working is not None:
            self._again = True
            return
        self._working = self.context.tasks.spawn(self._find(), "health")

    def _look(self) -> None:
        self.context.tasks.spawn(self._look_around(), "clocks and certificates")

    async def _look_around(self) -> None:
        api, hosts = self.context.stores.api, self.context.stores.host.records
        try:
            self._ends = await certificates(api)
            domains = list(self.context.stores.control_domain.records.values())
            self._full = await system_disks(api, domains)
        except XenApiError:
            # The banner says that the connection is down; what was known stays.
            return
        if len(hosts) <= ASKED_HOSTS:
            self._skew = await clocks(api, list(hosts.values()))
        if self.is_subscribed:
            self.throttle.call(self.show_findings)

    def _seen(self) -> Seen:
        stores = self.context.stores
        # Copies: the thread looks at them while events go on.
        hosts = dict(stores.host.records)
        return Seen(
            now=utc_now(),
            pool=stores.the_pool(),
            host=hosts,
            vm=dict(stores.vm.records),
            guest=dict(stores.vm_guest_metrics.records),
            snapshot=dict(stores.vm_snapshot.records),
            sr=dict(stores.sr.records),
            pbd=dict(stores.pbd.records),
            vdi=dict(stores.vdi.records),
            certificates=tuple(
                (hosts[ref].name_label, ref, end) for ref, end in self._ends if ref in hosts
            ),
            skew_s=dict(self._skew),
            full_disks=tuple(self._full),
            domain=dict(stores.control_domain.records),
        )

    async def _find(self) -> None:
        try:
            while True:
                self._again = False
                seen = self._seen()
                seen, found = await asyncio.to_thread(_found, seen, self._backed_up())
                self._show(seen, found)
                if not self._again:
                    return
        finally:
            self._working = None
            self.tell_busy()

    def _backed_up(self) -> Backups | None:
        deeds = self.context.services.get("backups")
        if deeds is None or not deeds.stores.saved_jobs.is_ready:
            return None
        jobs = [
            saved.value
            for saved in deeds.stores.saved_jobs.records.values()
            if deeds.is_here(saved.value)
        ]
        return jobs, list(deeds.stores.runs.records.values())

    def _show(self, seen: Seen, found: list[Finding]) -> None:
        for finding in found:
            card = self.cards.get(finding.kind)
            if card is None:
                card = FindingCard(self.context, finding)
                self.cards[finding.kind] = card
                self.findings.addWidget(card)
            card.show_finding(finding, remedies(self.context, finding, seen))
            card.show()
        kinds = [finding.kind for finding in found]
        for kind, card in self.cards.items():
            if kind not in kinds:
                card.hide()
        self._order(kinds)
        looked_at = (
            fmt.plural(len(seen.host), "host", "hosts"),
            fmt.plural(len(seen.vm), "VM", "VMs"),
            fmt.plural(len(seen.vdi), "disk", "disks"),
        )
        what = "Looked at " + ", ".join(looked_at)
        if found:
            self.summary.set_info(f"{fmt.count(len(found))} findings", found[0].grade.value)
            self.summary.set_ready()
            self.summary.set_description(what)
        else:
            self.summary.set_info("")
            self.summary.set_good(f"Nothing found. {what}.")

    def _order(self, kinds: list[Kind]) -> None:
        for number, kind in enumerate(kinds):
            card = self.cards[kind]
            if self.findings.indexOf(card) != number:
                self.findings.insertWidget(number, card)


def _found(seen: Seen, backups: Backups | None) -> tuple[Seen, list[Finding]]:
    if backups is not None:
        jobs, runs = backups
        missing = unprotected(seen.vm.values(), jobs, runs, time.time())
        seen = replace(seen, unprotected=missing)
    return seen, find(seen)
