"""Whether a pool may have an XOSTOR: one row per rule, with what was found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from xolite_qt.stores.xostor.hosts import HostProbe

LEAST_HOSTS = 3
MOST_HOSTS = 7
LEAST_VERSION = (8, 2, 1)
DOCS = "https://docs.xcp-ng.org/xostor/"


class Verdict(StrEnum):
    """Whether a rule is kept."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    NOTE = "note"
    """It can be mended on the way."""


class Rule(msgspec.Struct, frozen=True):
    """One line of the report.

    Attributes:
        ident: short and stable; with the subject it names the line.
        subject: "Pool", or the name of a host.
        text: what is asked for.
        verdict: whether it is so.
        found: what is there.
        why: what the rule is good for.
        link: to the documentation.
    """

    ident: str
    subject: str
    text: str
    verdict: Verdict
    found: str = ""
    why: str = ""
    link: str = DOCS

    @property
    def ref(self) -> str:
        """Names the line."""
        return f"{self.subject}/{self.ident}"


def report(hosts: Sequence[HostProbe], has_xostor: bool) -> tuple[Rule, ...]:
    """All lines: those of the pool, then those of each host.

    Args:
        hosts: of the pool.
        has_xostor: whether it has one already.
    """
    rules = [
        _pool_size(hosts),
        _rule(
            "one",
            "Pool",
            "No XOSTOR yet",
            not has_xostor,
            "has one" if has_xostor else "none",
            "A pool can have one.",
        ),
        _versions_equal(hosts),
    ]
    names = Counter(host.hostname for host in hosts)
    for host in hosts:
        rules += _of_host(host, names[host.hostname])
    return tuple(rules)


def is_eligible(rules: Iterable[Rule]) -> bool | None:
    """Whether every rule is kept; None while some are not known and none is broken."""
    verdicts = {rule.verdict for rule in rules}
    if Verdict.NO in verdicts:
        return False
    return None if Verdict.UNKNOWN in verdicts else True


def as_text(rules: Iterable[Rule]) -> str:
    """The report to paste somewhere: a line per rule."""
    marks = {Verdict.YES: "ok", Verdict.NO: "NO", Verdict.UNKNOWN: "?", Verdict.NOTE: "note"}
    return "".join(
        f"[{marks[rule.verdict]:>4}] {rule.subject}: {rule.text} -- {rule.found}\n"
        for rule in rules
    )


def _rule(ident: str, subject: str, text: str, kept: bool | None, found: str, why: str) -> Rule:
    verdict = Verdict.UNKNOWN if kept is None else Verdict.YES if kept else Verdict.NO
    return Rule(ident, subject, text, verdict, found, why)


def _pool_size(hosts: Sequence[HostProbe]) -> Rule:
    number = len(hosts)
    return _rule(
        "hosts",
        "Pool",
        f"{LEAST_HOSTS} to {MOST_HOSTS} hosts",
        LEAST_HOSTS <= number <= MOST_HOSTS,
        f"{number} host" + ("" if number == 1 else "s"),
        "A majority must be left when one host dies: two hosts can't say which of them is right.",
    )


def _versions_equal(hosts: Sequence[HostProbe]) -> Rule:
    versions = sorted({host.version for host in hosts})
    return _rule(
        "same",
        "Pool",
        "The same version on every host",
        len(versions) <= 1,
        ", ".join(versions),
        "LINSTOR's satellites and controller must fit one another.",
    )


def _of_host(host: HostProbe, namesakes: int) -> list[Rule]:
    name = host.name or host.hostname or host.ref
    numbers = tuple(int(part) for part in re.findall(r"\d+", host.version)[:3])
    new_enough = numbers >= LEAST_VERSION if numbers else None
    ok = host.brand == "XCP-ng"
    return [
        _rule(
            "brand",
            name,
            "XCP-ng 8.2.1 or later",
            ok and new_enough if host.brand else None,
            f"{host.brand} {host.version}".strip() or "not told",
            "Others have no driver for LINSTOR.",
        ),
        _rule(
            "enabled",
            name,
            "Enabled",
            host.enabled,
            "enabled" if host.enabled else "in maintenance",
            "Packages and disks are set up on every host at once.",
        ),
        _rule(
            "hostname",
            name,
            "A host name of its own",
            bool(host.hostname) and host.hostname != "localhost" and namesakes == 1,
            host.hostname or "none",
            "LINSTOR's node is named after it.",
        ),
        _disks(host, name),
        _package(host, name),
    ]


def _disks(host: HostProbe, name: str) -> Rule:
    usable = host.usable_disks
    kept: bool | None = bool(usable)
    if host.disks is None:
        kept, found = None, _unknown(host, "lsblk.py")
    elif usable:
        found = ", ".join(disk.name for disk in usable)
    else:
        held = [f"{disk.name}: {' and '.join(disk.reasons)}" for disk in host.disks]
        found = "; ".join(held) or "no disks"
    why = "LINSTOR takes whole disks: unmounted, without partitions."
    return _rule("disks", name, "A free disk", kept, found, why)


def _package(host: HostProbe, name: str) -> Rule:
    if host.linstor_version is None:
        verdict, found = Verdict.UNKNOWN, _unknown(host, "updater.py")
    elif host.linstor_version:
        verdict, found = Verdict.YES, host.linstor_version
    else:
        verdict, found = Verdict.NOTE, "will be installed"
    why = "Installing it restarts the toolstack of the host."
    return Rule("package", name, "Package xcp-ng-linstor", verdict, found, why)


def _unknown(host: HostProbe, plugin: str) -> str:
    error = host.errors.get(plugin)
    if error is None:
        return "not asked yet"
    return f"the host can't tell: {getattr(error, 'code', '') or error}"
