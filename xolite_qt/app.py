"""The composition root: the only place that wires settings, client, stores and windows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QApplication

from xolite_qt import __version__
from xolite_qt.credentials import Credentials
from xolite_qt.settings import KnownHost, SettingsFile
from xolite_qt.trust import PinFile, default_pins_path
from xolite_qt.ui import theme
from xolite_qt.ui.accessible import tell_roles
from xolite_qt.ui.loop import run_in_loop
from xolite_qt.ui.tasks import TaskOwner, ask
from xolite_qt.ui.views.main_window import MainWindow
from xolite_qt.ui.views.start_page import Wish

if TYPE_CHECKING:
    from xolite_qt.demo_thread import DemoThread
    from xolite_qt.journal import Journal
    from xolite_qt.stores import Stores
    from xolite_qt.stores.backups import BackupStores
    from xolite_qt.stores.journal_feed import JournalFeed
    from xolite_qt.xen_api import XenApi, XenApiError

_log = logging.getLogger(__name__)

_MOST_KNOWN = 20
_CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Launch:
    """What the application starts with.

    Attributes:
        demo: connect to the embedded demo host at once.
        world: records for the demo host; None for the small business.
        generate: (hosts, VMs) of a generated world instead.
        speed: pace of the demo host.
    """

    demo: bool = False
    world: Path | None = None
    generate: tuple[int, int] | None = None
    speed: float = 1.0


class Pins:
    """Pins of the user's file, and in memory those of the demo host, which is our own."""

    def __init__(self, file: PinFile) -> None:
        self.file = file
        self._own: dict[tuple[str, int], str] = {}

    def pinned(self, host: str, port: int) -> str | None:
        """The accepted fingerprint, or None."""
        return self._own.get((host, port)) or self.file.pinned(host, port)

    def accept_own(self, host: str, port: int, fingerprint: str) -> None:
        """Trusts a host that runs inside this process."""
        self._own[(host, port)] = fingerprint


class Application:
    """Everything that lives as long as the window."""

    def __init__(
        self,
        launch: Launch,
        settings_file: SettingsFile | None = None,
        *,
        backups: Callable[[], BackupStores] | None = None,
    ) -> None:
        """Everything, with nothing begun.

        Args:
            launch: what to start with.
            settings_file: the user's own where None.
            backups: makes the stores of backups, when they are first needed; those of the user
                where None.
        """
        self.launch = launch
        self._make_backups = backups
        self.backups: BackupStores | None = None
        self.settings_file = settings_file or SettingsFile()
        self.settings = self.settings_file.load()
        self.pins = Pins(PinFile(default_pins_path()))
        self.credentials = Credentials()
        self.closed = asyncio.Event()
        self.tasks = TaskOwner(on_error=self._unexpected)
        self._connection: TaskOwner | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._disconnecting = asyncio.Lock()
        self._demo: DemoThread | None = None
        self.api: XenApi | None = None
        self._password: str | None = None
        self.stores: Stores | None = None
        self.journal: Journal | None = None
        self._feed: JournalFeed | None = None
        tell_roles()
        self.window = MainWindow(self.settings)
        self._wire()

    def _wire(self) -> None:
        window, start = self.window, self.window.start
        window.closed.connect(self.closed.set)
        window.sign_out_wanted.connect(lambda: self.tasks.spawn(self.sign_out(), "sign out"))
        window.other_host_wanted.connect(lambda: self.tasks.spawn(self.leave(), "leave the host"))
        window.theme_wanted.connect(self._change_theme)
        start.connect_wanted.connect(self._connect_wanted)
        start.demo_wanted.connect(lambda: self._begin(self.connect_demo(), "connect to the demo"))
        start.cancel_wanted.connect(self._cancel_attempt)
        start.known_chosen.connect(lambda known: self._begin(self._connect_known(known), "connect"))
        start.forget_wanted.connect(
            lambda known: self.tasks.spawn(self._forget(known), "forget a host")
        )
        start.set_known(self.settings.known_hosts)

    # ------------------------------------------------------------------ life

    async def run(self) -> None:
        """Shows the window and lives until it is closed."""
        self.window.show()
        self.tasks.spawn(self._look_at_keyring(), "look for a keyring")
        for trouble in (self.settings_file.trouble, self.pins.file.trouble):
            if trouble:
                self.window.notify(f"{trouble[:1].upper()}{trouble[1:]}.", level="warning")
        last = next(iter(self.settings.known_hosts), None)
        if self.launch.demo:
            self._begin(self.connect_demo(), "connect to the demo")
        elif last is not None and last.keep_signed_in:
            self._begin(self._connect_known(last), "connect")
        try:
            await self.closed.wait()
        finally:
            await self.shut_down()

    async def shut_down(self) -> None:
        """Ends everything in order; the settings are saved."""
        self.window.hide()
        self.window.remember()
        self._cancel_attempt()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._disconnect()
        await self.tasks.close()
        if self.backups is not None:
            await self.backups.close()
        try:
            self.settings_file.save(self.settings)
        except OSError as error:
            _log.error("the settings could not be saved: %s", error)
        if self._demo is not None:
            await self._demo.stop()
        self.window.deleteLater()

    def _unexpected(self, error: Exception) -> None:
        from xolite_qt.ui.errors import explain

        explained = explain(error)
        _log.info("told the user: %s", explained.summary, exc_info=error)
        self.window.notify(explained.summary, level="danger", details=explained.details)

    def _change_theme(self, name: str) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.settings.theme = "dark" if name == "dark" else "light"
        theme.apply_theme(app, self.settings.theme)

    async def _look_at_keyring(self) -> None:
        self.window.start.set_keyring_trouble(await self.credentials.trouble())

    # ------------------------------------------------------------------ connecting

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._cancel_attempt()
        self._attempt = self.tasks.spawn(work, name)

    def _cancel_attempt(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None and not attempt.done():
            attempt.cancel()
        self.window.start.set_busy(False)

    def _connect_wanted(self, wish: Wish) -> None:
        self._begin(self.connect(wish), "connect")

    async def connect_demo(self) -> None:
        """Starts the demo host in a thread of its own, once, and connects to it."""
        from xolite_qt.demo_host import WorldError
        from xolite_qt.demo_thread import DemoThread
        from xolite_qt.xen_api import XenApi

        self.window.start.set_busy(True, "Starting the demo host…")
        if self._demo is None or self._demo.failed:
            launch = self.launch
            self._demo = DemoThread(launch.world, launch.generate, launch.speed)
        try:
            running = await self._demo.start()
        except (WorldError, ValueError, OSError) as error:
            self.window.start.show_error("The demo host could not be started.", str(error))
            return
        api = XenApi(running.url, pins=self.pins, originator="xolite-qt")
        host, port = api.address
        self.pins.accept_own(host, port, running.fingerprint)
        try:
            await api.login(running.user, running.password)
        except BaseException:
            await api.close()
            raise
        await self.show_connection(api, "Demo host", password=running.password)

    async def _connect_known(self, known: KnownHost) -> None:
        self.window.start.fill(known.url, known.user, keep=known.keep_signed_in)
        password = None
        if known.keep_signed_in:
            password = await self.credentials.load(known.url, known.user)
        if password is None:
            return
        await self.connect(Wish(known.url, known.user, password, keep=True))

    async def connect(self, wish: Wish) -> None:
        """Connects as the user wishes; what goes wrong is said beside the form."""
        from xolite_qt.ui.errors import explain
        from xolite_qt.xen_api import HostIsSlave, XenApiError

        start = self.window.start
        start.set_busy(True, f"Connecting to {wish.url}…")
        try:
            api = await self._sign_in(wish)
        except HostIsSlave as error:
            explained = explain(error)
            master = Wish(error.master, wish.user, wish.password, wish.keep)
            start.show_error(
                explained.summary,
                explained.advice,
                explained.details,
                action="Connect to the master" if error.master else "",
                on_action=lambda: self._connect_wanted(master),
            )
            return
        except XenApiError as error:
            explained = explain(error)
            start.show_error(explained.summary, explained.advice, explained.details)
            return
        except asyncio.CancelledError:
            start.set_busy(False)
            raise
        if api is None:
            start.set_busy(False)
            return
        await self._remember(wish, api.url)
        # Whoever finds the form again after a sign-out has to know the password.
        start.password.clear()
        await self.show_connection(api, password=wish.password)

    async def _sign_in(self, wish: Wish) -> XenApi | None:
        """A signed-in connection; None where the user did not trust the certificate."""
        from xolite_qt.ui.dialogs.certificate import ChangedDialog, TrustDialog
        from xolite_qt.xen_api import CertificateChanged, CertificateUnknown, XenApi

        while True:
            api = XenApi(
                wish.url,
                pins=self.pins,
                originator="xolite-qt",
                call_timeout_s=self.settings.call_timeout_s,
                connect_timeout_s=self.settings.connect_timeout_s,
            )
            try:
                await api.login(wish.user, wish.password, follow_master=False)
            except (CertificateUnknown, CertificateChanged) as error:
                await api.close()
                dialog = (
                    TrustDialog(error, self.window)
                    if isinstance(error, CertificateUnknown)
                    else ChangedDialog(error, self.window)
                )
                if not await ask(dialog):
                    return None
                self.pins.file.accept(error.host, error.port, error.certificate.fingerprint)
            except BaseException:
                await api.close()
                raise
            else:
                return api

    async def _remember(self, wish: Wish, url: str) -> None:
        keep = wish.keep
        if keep and (trouble := await self.credentials.store(url, wish.user, wish.password)):
            keep = False
            self.window.notify(trouble, level="warning")
        known = KnownHost(url, wish.user, keep)
        same = [k for k in self.settings.known_hosts if (k.url, k.user) == (url, wish.user)]
        others = [k for k in self.settings.known_hosts if k not in same]
        self.settings.known_hosts = [known, *others][:_MOST_KNOWN]
        self._save()
        if not keep and any(k.keep_signed_in for k in same):
            await self.credentials.forget(url, wish.user)

    async def _forget(self, known: KnownHost) -> None:
        self.settings.known_hosts = [k for k in self.settings.known_hosts if k != known]
        self._save()
        self.window.start.set_known(self.settings.known_hosts)
        if known.keep_signed_in:
            await self.credentials.forget(known.url, known.user)

    def _save(self) -> None:
        try:
            self.settings_file.save(self.settings)
        except OSError as error:
            self.window.notify(f"The settings could not be saved: {error}", level="warning")

    # ------------------------------------------------------------------ connected

    async def show_connection(
        self, api: XenApi, place: str = "", *, password: str | None = None
    ) -> None:
        """Shows a signed-in connection; it is closed with the window.

        Args:
            api: the connection.
            place: what to call it; its address where empty.
            password: what backup runs sign in with; None where only the keyring knows.
        """
        from xolite_qt.journal import Journal
        from xolite_qt.recorder import FlightRecorder
        from xolite_qt.stores import Stores
        from xolite_qt.stores.backups import BackupStores
        from xolite_qt.stores.journal_feed import JournalFeed
        from xolite_qt.ui.views.workspace import Workspace, load_pages

        await self._disconnect()
        load_pages()
        if self.backups is None:
            self.backups = (self._make_backups or BackupStores)()
        self.api, self._password = api, password
        if self.journal is None:
            self.journal = Journal()
        recorder = FlightRecorder()
        api.witness(recorder.heard)
        self.stores = Stores(api)
        self._feed = JournalFeed(self.stores, self.journal, lambda: self.settings.journal_days)
        self.stores.task.most_kept = self.settings.finished_tasks_kept
        self._connection = TaskOwner(on_error=self._unexpected)
        workspace = Workspace(
            self.stores,
            self.settings,
            self._connection,
            self.window.notify,
            self.window,
            {
                "version": __version__,
                "place": place,
                "pins": self.pins.file,
                "apply_theme": self._apply_theme,
                "save_settings": self._save,
                "backup_stores": self.backups,
                "recorder": recorder,
                "journal": self._feed,
                "password_for_runs": self._password_for_runs,
                "follow_host": self.follow_host,
            },
        )
        workspace.sign_in_wanted.connect(
            lambda: self.tasks.spawn(self._sign_in_again(), "sign in again")
        )
        api.events.start()
        self.window.show_workspace(workspace)

    def follow_host(self, address: str) -> None:
        """Goes on at a new address of the connected host, once it answers there."""
        self._begin(self._follow_host(address), f"follow the host to {address}")

    async def _follow_host(self, address: str) -> None:
        from xolite_qt.moved_host import sign_in_when_there, url_at
        from xolite_qt.ui.errors import explain
        from xolite_qt.xen_api import XenApi, XenApiError

        old, password = self.api, self._password
        if old is None or password is None:
            text = f"The host is at {address} from now on: sign in there."
            self.window.notify(text, level="warning")
            return
        url, user = url_at(old.url, address), old.user or "root"
        host, port = old.address
        pin = self.pins.pinned(host, port)
        if pin is not None:
            # The same host has the same certificate; with any other one nobody is signed in.
            self.pins.accept_own(address, port, pin)
        self.window.notify(f"Looking for the host at {address}…")
        try:
            api = await sign_in_when_there(
                lambda: XenApi(url, pins=self.pins, originator="xolite-qt"), user, password
            )
        except XenApiError as error:
            explained = explain(error)
            self.window.notify(
                f"The host was not found at {address}. {explained.summary} If it stays away: "
                "xsconsole on its own screen shows its address and sets it right.",
                level="danger",
                details=explained.details,
            )
            return
        if pin is not None and self.pins.file.pinned(host, port) is not None:
            self.pins.file.accept(address, port, pin)
        kept = any(
            known.keep_signed_in and (known.url, known.user) == (old.url, user)
            for known in self.settings.known_hosts
        )
        await self._remember(Wish(url, user, password, kept), api.url)
        await self.show_connection(api, password=password)
        self.window.notify(f"Connected at {address}.", level="success")

    def _password_for_runs(self) -> str | None:
        """What a backup run signs in with that is started now; it finds the host trusted."""
        if self.api is not None:
            host, port = self.api.address
            pin = self.pins.pinned(host, port)
            if pin is not None and self.pins.file.pinned(host, port) is None:
                self.pins.file.accept(host, port, pin)
        return self._password

    def _apply_theme(self, choice: theme.Choice) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.settings.theme = choice
        theme.apply_theme(app, choice)

    async def _sign_in_again(self) -> None:
        from xolite_qt.ui.dialogs.sign_in import SignInDialog
        from xolite_qt.ui.errors import explain
        from xolite_qt.xen_api import XenApiError

        api, error = self.api, ""
        while api is not None and api is self.api:
            dialog = SignInDialog(api.url, api.user or "root", error, self.window)
            if not await ask(dialog):
                return
            try:
                await api.login(api.user or "root", dialog.password.text())
            except XenApiError as failed:
                error = explain(failed).summary
            else:
                return

    async def leave(self) -> None:
        """Disconnects and goes back to the start page; a kept password stays kept."""
        await self._disconnect()
        self.window.start.set_known(self.settings.known_hosts)

    async def sign_out(self) -> None:
        """As `leave`, and the password is kept no longer."""
        api = self.api
        here = (api.url, api.user) if api is not None else ("", "")
        known = [k for k in self.settings.known_hosts if (k.url, k.user) == here]
        if any(k.keep_signed_in for k in known):
            plain = KnownHost(known[0].url, known[0].user)
            hosts = self.settings.known_hosts
            self.settings.known_hosts = [plain if k in known else k for k in hosts]
            self._save()
        await self.leave()
        for one in known:
            if one.keep_signed_in:
                await self.credentials.forget(one.url, one.user)

    async def _disconnect(self) -> None:
        # One at a time: closing the window waits for a sign-out that is under way.
        async with self._disconnecting:
            api, self.api, self._password = self.api, None, None
            stores, self.stores = self.stores, None
            connection, self._connection = self._connection, None
            feed, self._feed = self._feed, None
            self.window.show_start()
            if connection is not None:
                await connection.close()
            if feed is not None:
                await feed.close()
            if stores is not None:
                await stores.close()
            if api is not None:
                await api.close()


def run_gui(launch: Launch) -> int:
    """Runs the application until its window is closed; returns the exit code."""

    async def main(app: QApplication) -> int:
        settings_file = SettingsFile()
        theme.apply_theme(app, settings_file.load().theme)
        application = Application(launch, settings_file)
        await application.run()
        return 0

    try:
        return run_in_loop(main)
    except (asyncio.CancelledError, KeyboardInterrupt):
        return 0


def describe_failure(error: XenApiError) -> str:
    """An error in one line, for commands."""
    from xolite_qt.ui.errors import explain

    explained = explain(error)
    return f"{explained.summary} {explained.advice}".strip()


@dataclass(frozen=True)
class TourWish:
    """What a tour should show.

    Attributes:
        folder: where the pictures go.
        launch: the demo host, where `host` is None.
        host: a real host (`cli.options.HostOptions`), or None.
        theme: light or dark.
        size: of the window, in logical pixels.
    """

    folder: Path
    launch: Launch
    host: Any
    theme: theme.Choice
    size: tuple[int, int]


def _example_backups(profile: Path) -> BackupStores:
    """Stores in a folder of the tour's own; no keyring is asked for what they hold."""
    from xolite_qt.stores.backups import BackupStores
    from xolite_qt.ui.views.backups.examples import open_example

    return BackupStores(profile, profile, open_repository=open_example)


def run_tour(wish: TourWish, say: Callable[[str], None]) -> list[str]:
    """Walks every page into pictures; returns what went wrong.

    Raises:
        ValueError, OSError: the world file or the folder cannot be used.
    """

    async def main(app: QApplication) -> list[str]:
        import tempfile

        from xolite_qt.ui.views.tour import Tour

        theme.apply_theme(app, wish.theme)
        theme.set_reduced_motion(True)
        with tempfile.TemporaryDirectory() as profile:
            # The user's own settings neither show in the pictures nor change by them.
            application = Application(
                wish.launch,
                SettingsFile(Path(profile) / "settings.json"),
                backups=lambda: _example_backups(Path(profile)),
            )
            application.window.resize(*wish.size)
            application.window.show()
            walk = Tour(application.window, wish.folder, say, Path(profile))
            try:
                await walk.start_page()
                if wish.host is None:
                    await application.connect_demo()
                    if application.api is None:
                        raise ValueError(application.window.start.notice.text())
                else:
                    await application.show_connection(await wish.host.sign_in())
                report = await walk.walk()
            finally:
                await application.shut_down()
        say(f"{len(report.shots)} pictures in {wish.folder}, {len(report.errors)} errors")
        return report.errors

    return run_in_loop(main)
