"""Screens and serial lines of a demo host, behind CONNECT /console."""

from __future__ import annotations

from .porter import Porter
from .service import Consoles

__all__ = ["Consoles", "Porter"]
