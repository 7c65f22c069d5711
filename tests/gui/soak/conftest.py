"""The whole application in Qt's own event loop, as in the tests of the shell."""

from tests.gui.shell.conftest import dressed, one_loop, pytest_asyncio_loop_factories

__all__ = ["dressed", "one_loop", "pytest_asyncio_loop_factories"]
