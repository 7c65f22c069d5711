"""What the window lends to pages and dialogs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from xolite_qt.stores import Stores
    from xolite_qt.ui.tasks import TaskOwner


class Navigate(Protocol):
    """Goes to an object's page; `tab` None is the tab last used for that kind."""

    def __call__(self, kind: str, ref: str, tab: str | None = None) -> None: ...


class Notify(Protocol):
    """Shows a short message that takes no focus.

    `undo` takes back what it tells of; `about` (kind, ref, tab) is opened by a click on the message
    where it stands on the desktop.
    """

    def __call__(
        self,
        text: str,
        *,
        level: str = "info",
        details: str = "",
        undo: Callable[[], object] | None = None,
        about: tuple[str, str, str] | None = None,
    ) -> None: ...


@dataclass(frozen=True)
class PageContext:
    """What the window lends to its pages.

    Attributes:
        stores: the state of the connected host.
        actions: the registry that runs what the user asks for (`ui.actions.Actions`).
        navigate: goes to another object.
        notify: shows a toast.
        settings: the application's settings (`xolite_qt.settings.Settings`).
        tasks: owner of what pages start; ended with the connection.
        services: what only the composition root knows (remembered certificates, versions).
    """

    stores: Stores
    actions: Any
    navigate: Navigate
    notify: Notify
    settings: Any
    tasks: TaskOwner
    services: dict[str, Any] = field(default_factory=dict)
