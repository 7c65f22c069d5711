"""xolite-qt: see, run and back up one XCP-ng host from the desktop."""

__version__ = "0.1.0"
