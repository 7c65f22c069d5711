"""The picture of a guest's screen: painted from the guest's own memory, only where it changed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QSizePolicy, QWidget

from xolite_qt.rfb import Framebuffer, Rect
from xolite_qt.ui import theme

_EMPTY = QSize(640, 480)
_AROUND = "#101214"


def image_of(framebuffer: Framebuffer) -> QImage:
    """The picture as Qt knows it, over the same memory: it changes as the guest paints.

    Keep the framebuffer for as long as the image is used.
    """
    if not framebuffer.width or not framebuffer.height:
        return QImage()
    return QImage(
        framebuffer.pixels.data,
        framebuffer.width,
        framebuffer.height,
        framebuffer.bytes_per_line,
        QImage.Format.Format_RGB32,
    )


class ScreenPicture(QWidget):
    """Shows a picture, scaled to its room or pixel by pixel.

    Signals:
        size_changed: the picture has another size.
    """

    size_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._framebuffer: Framebuffer | None = None
        self._image = QImage()
        self._fits = True
        self._stale = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_framebuffer(self, framebuffer: Framebuffer | None) -> None:
        """Shows another picture; None: there is nothing to see."""
        if framebuffer is None:
            self._framebuffer, self._image = None, QImage()
            self._resize()
        elif framebuffer is not self._framebuffer:
            self._framebuffer, self._image = framebuffer, image_of(framebuffer)
            self._resize()

    def set_stale(self, stale: bool) -> None:
        """Greys the picture, or shows it as it is."""
        self._stale = stale
        self.update()

    def _resize(self) -> None:
        self.updateGeometry()
        if not self._fits:
            self.resize(self.picture_size)
        self.update()
        self.size_changed.emit()

    @property
    def has_picture(self) -> bool:
        """Whether there is anything to show."""
        return not self._image.isNull()

    @property
    def is_stale(self) -> bool:
        """Whether the picture is the last one of a connection that ended."""
        return self._stale

    @property
    def picture_size(self) -> QSize:
        """Pixels of the guest's screen."""
        return self._image.size() if self.has_picture else _EMPTY

    def picture(self) -> QImage:
        """A copy of the picture as it is now."""
        return self._image.copy()

    @property
    def fits(self) -> bool:
        """Whether the picture is scaled to the room that there is."""
        return self._fits

    def set_fits(self, fits: bool) -> None:
        """Scales to the room, or shows pixel by pixel."""
        self._fits = fits
        self._resize()

    def sizeHint(self) -> QSize:
        """The guest's own size."""
        return self.picture_size

    def minimumSizeHint(self) -> QSize:
        """Little where it is scaled; all of it otherwise."""
        return QSize(120, 90) if self._fits else self.picture_size

    def damage(self, rects: Sequence[Rect]) -> None:
        """Parts of the picture have changed."""
        place, scale = self._place()
        if scale == 1.0:
            left, top = int(place.x()), int(place.y())
            for rect in rects:
                self.update(left + rect.x, top + rect.y, rect.width, rect.height)
            return
        for rect in rects:
            # Smoothing takes neighbours in.
            left = math.floor(place.x() + (rect.x - 1) * scale)
            top = math.floor(place.y() + (rect.y - 1) * scale)
            right = math.ceil(place.x() + (rect.x + rect.width + 1) * scale)
            bottom = math.ceil(place.y() + (rect.y + rect.height + 1) * scale)
            self.update(left, top, right - left, bottom - top)

    def _place(self) -> tuple[QPointF, float]:
        """Where the picture's corner is, and how large one of its pixels is."""
        size = self.picture_size
        if not self._fits:
            return QPointF(
                max(0, (self.width() - size.width()) // 2),
                max(0, (self.height() - size.height()) // 2),
            ), 1.0
        scale = min(self.width() / size.width(), self.height() / size.height())
        if 1.0 <= scale < 1.05:
            # A few more pixels of room are not worth the blur.
            scale = 1.0
        left = (self.width() - size.width() * scale) / 2
        top = (self.height() - size.height() * scale) / 2
        return QPointF(math.floor(left), math.floor(top)), scale

    def picture_rect(self) -> QRectF:
        """Where the picture is on the widget."""
        place, scale = self._place()
        size = self.picture_size
        return QRectF(place.x(), place.y(), size.width() * scale, size.height() * scale)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Override QWidget::paintEvent: only what changed, from the guest's own memory."""
        painter = QPainter(self)
        place, scale = self._place()
        whole = self.picture_rect()
        painter.setClipRegion(event.region())
        if not self.has_picture:
            painter.fillRect(event.rect(), QColor(_AROUND))
            return
        inner = whole.toAlignedRect()
        if not inner.contains(event.rect()):
            for rect in _rects(event.region().subtracted(whole.toRect())):
                painter.fillRect(rect, QColor(_AROUND))
        ratio = self.devicePixelRatioF()
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, (scale * ratio) % 1.0 != 0.0
        )
        bounds = QRect(QPoint(0, 0), self.picture_size)
        for rect in _rects(event.region()):
            left = math.floor((rect.x() - place.x()) / scale) - 2
            top = math.floor((rect.y() - place.y()) / scale) - 2
            right = math.ceil((rect.x() + rect.width() - place.x()) / scale) + 2
            bottom = math.ceil((rect.y() + rect.height() - place.y()) / scale) + 2
            source = QRect(left, top, right - left, bottom - top) & bounds
            if source.isEmpty():
                continue
            target = QRectF(
                place.x() + source.x() * scale,
                place.y() + source.y() * scale,
                source.width() * scale,
                source.height() * scale,
            )
            painter.drawImage(target, self._image, QRectF(source))
        if self._stale:
            grey = QColor(theme.current().page)
            grey.setAlphaF(0.65)
            painter.fillRect(event.rect(), grey)


def _rects(region: QRegion) -> list[QRect]:
    # A region is a sequence, which the bindings' types do not tell.
    return list(region)  # type: ignore[call-overload, no-any-return]
