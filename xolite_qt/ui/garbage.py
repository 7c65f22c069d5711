"""Garbage collection in the window's thread alone.

Python collects cycles in whichever thread happens to allocate. Should that be the demo host's or
the decoder's, widgets die outside of Qt's thread, and the process with them (seen as a crash in
`QWidget::hide`). So automatic collection is off while the window lives, and a timer does it here.
"""

from __future__ import annotations

import gc
import threading

from PySide6.QtCore import QObject, QTimer

_EVERY_MS = 250
# Like Python's own thresholds, but counted by our timer.
_THRESHOLDS = (700, 10, 10)


class GarbageCollector(QObject):
    """Collects while it lives; `close` gives the work back to Python."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        gc.disable()
        # What the start has imported stays for ever: no need to look at it each time.
        gc.collect()
        gc.freeze()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collects the oldest generation that is due; none where little was allocated."""
        assert threading.current_thread() is threading.main_thread()
        young, middle, old = gc.get_count()
        if old > _THRESHOLDS[2] and middle > _THRESHOLDS[1]:
            gc.collect(2)
        elif middle > _THRESHOLDS[1]:
            gc.collect(1)
        elif young > _THRESHOLDS[0]:
            gc.collect(0)

    def close(self) -> None:
        """Ends it; Python collects by itself again."""
        self._timer.stop()
        gc.collect()
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()
