"""Things to do that a form, a dialog or a menu has put together for this moment.

`ui.actions` has what is done to any VM or host in the same way. A `Deed` is everything else: it
knows its words, its question and its work, and the runner does it. A `Choice` is an entry of a
menu, a button bar or the palette.

Work gets the connection as its argument and does all that it writes through `call` and `run` of
it; so the same work can be rehearsed, and its calls shown as a script (`ui.rehearsal`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xolite_qt.ui.actions import ActionId, Items, Question

Work = Callable[[Any], Awaitable[Any]]
"""Does it, with a connection (`xen_api.XenApi`, or a rehearsal of one)."""


@dataclass(frozen=True)
class Deed:
    """One thing to do to one object.

    Attributes:
        name: of the object, for messages: "web-1".
        label: the verb, for titles and failures: "Detach disk".
        done: words for the end: "disk detached". The message is "web-1: disk detached."
        work: does it.
    """

    name: str
    label: str
    done: str
    work: Work


@dataclass(frozen=True)
class Choice:
    """Something that can be chosen now.

    Attributes:
        id: its identity, kind first: "vm.revert"; tests and shortcuts find it by that.
        label: its words; "…" at the end where a form comes first.
        icon: name of its icon.
        run: begins it.
        reason: why it may not be chosen now, in words; None where it may.
        group: entries of one group stand together, smaller numbers first; 90 and above destroy.
    """

    id: str
    label: str
    icon: str
    run: Callable[[], object]
    reason: str | None = None
    group: int = 50


Provider = Callable[[Any, Sequence[Any]], Sequence[Choice]]
"""Says what may be done: from the page context and the chosen records (of one class)."""

CHOICES: dict[str, list[Provider]] = {"pool": [], "host": [], "vm": []}
"""By kind; what every menu, header and palette offers besides `ui.actions`."""


def provides(kind: str) -> Callable[[Provider], Provider]:
    """Enters a provider for a kind of object: "pool", "host" or "vm"."""

    def enter(provider: Provider) -> Provider:
        CHOICES[kind].append(provider)
        return provider

    return enter


Form = Callable[[Any, Items], Awaitable[Sequence[Deed] | None]]
"""Asks how an action is to be done, with the page context and the objects; None: not at all."""

FORMS: dict[ActionId, Form] = {}
"""Actions of `ui.actions` that have a form of their own instead of a plain question."""


def form_of(action: ActionId) -> Callable[[Form], Form]:
    """Enters the form of an action."""

    def enter(form: Form) -> Form:
        FORMS[action] = form
        return form

    return enter


def choices_for(kind: str, context: Any, records: Sequence[Any]) -> list[Choice]:
    """What all providers offer for these objects, in groups."""
    found = [choice for provider in CHOICES[kind] for choice in provider(context, records)]
    return sorted(found, key=lambda choice: choice.group)


def named(names: Sequence[str]) -> str:
    """The only name, or how many there are."""
    return names[0] if len(names) == 1 else f"{len(names)} objects"


def one_of(deeds: Sequence[Deed], question: Question | None) -> str:
    """A name for the work as a whole, for logs."""
    what = question.title if question is not None else deeds[0].label
    return f"{what}: {', '.join(deed.name[:80] for deed in deeds[:3])}"
