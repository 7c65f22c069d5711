"""What the models tell beyond the text of a cell, for delegates, actions and pages."""

from __future__ import annotations

from PySide6.QtCore import Qt

REF_ROLE = int(Qt.ItemDataRole.UserRole)
"""The row's opaque reference."""
VALUE_ROLE = REF_ROLE + 1
"""The column's own value, for delegates (a fraction, a tuple of tags, a time)."""
KIND_ROLE = REF_ROLE + 2
"""The column's `Kind`, for delegates."""
ROW_ROLE = REF_ROLE + 3
"""The row object itself."""
MUTED_ROLE = REF_ROLE + 4
"""True where the row is only history and is drawn greyed."""

# Qt's own, as the numbers that `data` is called with: comparing enum members is slow.
DISPLAY_ROLE = int(Qt.ItemDataRole.DisplayRole)
DECORATION_ROLE = int(Qt.ItemDataRole.DecorationRole)
TOOLTIP_ROLE = int(Qt.ItemDataRole.ToolTipRole)
ALIGNMENT_ROLE = int(Qt.ItemDataRole.TextAlignmentRole)
ACCESSIBLE_ROLE = int(Qt.ItemDataRole.AccessibleTextRole)
