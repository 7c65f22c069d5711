"""A console with what is around it: its state in words, and its bar."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.views.console.connection import QUICK_TRIES, Connection, Phase
from xolite_qt.ui.views.console.feed import ConsoleFeed, Scene, Sight
from xolite_qt.ui.views.console.veil import Veil
from xolite_qt.ui.views.console.way import Place
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import Banner, Hero

_POWER_WORDS = {
    "halted": ("{0} is halted", "Start", ActionId.VM_START),
    "suspended": ("{0} is suspended", "Resume", ActionId.VM_RESUME),
    "paused": ("{0} is paused", "Resume", ActionId.VM_RESUME),
}
_STARTING = ("start", "start_on", "resume", "resume_on", "unpause", "clean_reboot", "hard_reboot")


class ReleaseWatch(QWidget):
    """A window around a part that wants to know when the keyboard comes back."""

    def released(self) -> None:
        """The user took the keyboard back from the guest; overridden."""


class ConsolePart(QWidget):
    """Follows one machine's console and shows it, or says why there is nothing to see.

    It works from `start` to `stop`, wherever it stands: on a page, or in a window of its own.

    Signals:
        title_changed: the machine has another name.
        detach_wanted: the user wants it in a window of its own, or back on its page.
        full_wanted: the user wants it to fill the screen, or no longer.

    Attributes:
        feed: what the stores say.
        connection: to the console.
        hero: shown where there is no picture.
        veil: over a picture that is not live.
        banner: what is being typed.
    """

    title_changed = Signal()
    detach_wanted = Signal()
    full_wanted = Signal()

    kind = ""

    def __init__(self, context: PageContext, feed: ConsoleFeed) -> None:
        super().__init__()
        self.context = context
        self.feed = feed
        self.connection: Connection
        self.bar: QWidget
        self.body: QWidget
        self._title = ""
        self._running = False
        self._watch: ReleaseWatch | None = None

    def assemble(self, bar: QWidget, body: QWidget, connection: Connection) -> None:
        """Lays it out; called once by each kind of console."""
        self.bar, self.body, self.connection = bar, body, connection
        self.hero = Hero("loading", self.tr("Connecting…"), compact=False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.hero)
        self.stack.addWidget(body)
        self.veil = Veil(body)
        self.banner = Banner()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(self.banner)
        column.addWidget(self.stack, 1)
        full_key = QShortcut(QKeySequence("F11"), self)
        full_key.setContext(Qt.ShortcutContext.WindowShortcut)
        full_key.activated.connect(self.full_wanted)
        self.feed.changed.connect(self.refresh)
        connection.changed.connect(self.refresh)
        self.refresh()

    @property
    def title(self) -> str:
        """Name of the machine."""
        return self._title

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Begins to follow and to connect; does nothing while it does."""
        if not self._running:
            self._running = True
            self.feed.start()
            self.refresh()

    def stop(self) -> None:
        """Hangs up, and lets go of everything."""
        self._running = False
        self.stop_work()
        self.connection.stop()
        self.feed.stop()

    def stop_work(self) -> None:
        """Ends what is being done with the console; overridden."""

    def forget(self) -> None:
        """Drops the picture: it is of something that is no more; overridden."""

    def has_picture(self) -> bool:
        """Whether there is something to show, live or not; overridden."""
        raise NotImplementedError

    def place_of(self, sight: Sight) -> Place | None:
        """The console that this part shows; overridden."""
        raise NotImplementedError

    def take_keyboard(self) -> None:
        """Gives the keyboard to the guest."""
        self.body.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_bar_visible(self, visible: bool) -> None:
        """Shows the bar, or leaves all the room to the picture."""
        self.bar.setVisible(visible)

    def set_seen(self, seen: bool) -> None:
        """Whether anybody looks; overridden where that spares anything."""

    @property
    def release_words(self) -> str:
        """Which key gives the keyboard back."""
        return ""

    def release_watch(self, window: ReleaseWatch | None) -> None:
        """Whom to tell that the user took the keyboard back, and of the pointer; None: nobody."""
        if self._watch is not None:
            self.pointer_widget.removeEventFilter(self._watch)
        self._watch = window
        if window is not None:
            self.pointer_widget.installEventFilter(window)

    @property
    def pointer_widget(self) -> QWidget:
        """Over which the pointer moves."""
        return self.body

    # ------------------------------------------------------------------ what is seen

    def refresh(self) -> None:
        """Connects to what there is now, and shows it."""
        sight = self.feed.sight
        if sight.name and sight.name != self._title:
            self._title = sight.name
            self.name_changed(sight.name)
            self.title_changed.emit()
        if self._running:
            self._follow(sight)
        live = self.connection.phase is Phase.LIVE
        if live or self.has_picture():
            self.stack.setCurrentWidget(self.body)
            self.veil.say("" if live else self._veil_words(sight))
        else:
            self._show_hero(sight)
            self.stack.setCurrentWidget(self.hero)
        self.show_live(live)

    def name_changed(self, name: str) -> None:
        """The machine has another name; overridden."""

    def show_live(self, live: bool) -> None:
        """Whether the console can be typed to; overridden."""

    def _follow(self, sight: Sight) -> None:
        match sight.scene:
            case Scene.THERE:
                self.connection.go(self.place_of(sight))
            case Scene.ABSENT:
                # A boot takes the old console away before it makes the new one.
                self.connection.go(None)
            case Scene.OFF | Scene.GONE:
                self.connection.go(None)
                self.forget()
            case Scene.LOADING | Scene.FAILED:
                # What is known already goes on.
                return

    def _veil_words(self, sight: Sight) -> str:
        connection = self.connection
        if sight.scene is Scene.ABSENT:
            return self.tr("Waiting for the console…")
        if connection.phase is Phase.IN_USE and connection.failure is not None:
            return connection.failure.summary
        if connection.failures > QUICK_TRIES and connection.failure is not None:
            return self.tr("{0} Reconnecting…").format(connection.failure.summary)
        return self.tr("Reconnecting…")

    def _show_hero(self, sight: Sight) -> None:
        match sight.scene:
            case Scene.LOADING:
                self.hero.set_state("loading", self.tr("Loading…"))
            case Scene.GONE:
                text = (
                    self.tr("The host names no domain that has its console")
                    if sight.name
                    else self.tr("This object is gone")
                )
                self.hero.set_state("empty", text)
            case Scene.FAILED:
                failure = sight.failure
                assert failure is not None
                self.hero.set_state(
                    "error", failure.summary, _lines(failure.advice, failure.details)
                )
            case Scene.OFF:
                self._show_off(sight)
            case Scene.ABSENT:
                self.hero.set_state(
                    "loading",
                    self.tr("Waiting for a console of {0}…").format(sight.name),
                    self.tr("It runs, but the host tells no console of it yet."),
                )
            case Scene.THERE:
                self._show_failure(sight)

    def _show_off(self, sight: Sight) -> None:
        vm = sight.vm
        assert vm is not None
        state = vm.power_state.lower()
        if set(vm.current_operations.values()) & set(_STARTING):
            self.hero.set_state("loading", self.tr("{0} is starting…").format(sight.name))
            return
        if state not in _POWER_WORDS or vm.is_control_domain:
            self.hero.set_state(
                "offline", self.tr("{0} is not running").format(sight.name), icon="console"
            )
            return
        words, verb, action = _POWER_WORDS[state]
        self.hero.set_state(
            "offline",
            words.format(sight.name),
            self.tr("Its console is there while it runs."),
            action=verb,
            on_action=lambda: self.context.actions.trigger(action, (vm,)),
            icon="moon" if state == "suspended" else "pause" if state == "paused" else "stop",
        )
        self.hero.button.set_reason(self.context.actions.reason(action, (vm,)))

    def _show_failure(self, sight: Sight) -> None:
        connection = self.connection
        if self.place_of(sight) is None:
            self.hero.set_state(
                "empty", self.tr("{0} has no console of this kind").format(sight.name)
            )
            return
        failure = connection.failure
        patient = connection.phase is Phase.BROKEN and connection.failures <= QUICK_TRIES
        if failure is None or patient or connection.phase is Phase.CONNECTING:
            self.hero.set_state("loading", self.tr("Connecting…"))
            return
        again = connection.phase is Phase.BROKEN and "by itself" not in failure.advice
        self.hero.set_state(
            "offline" if connection.phase is Phase.IN_USE else "error",
            failure.summary,
            _lines(
                failure.advice,
                self.tr("It is tried again by itself.") if again else "",
                failure.details,
            ),
            action=self.tr("Try now"),
            on_action=connection.retry,
            icon="lock" if connection.phase is Phase.IN_USE else "",
        )
        self.hero.button.set_reason(None)


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
