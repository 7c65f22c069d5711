"""Dialogs about snapshots."""
