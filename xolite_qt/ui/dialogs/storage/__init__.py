"""Dialogs about storages."""
