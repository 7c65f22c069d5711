"""Dialogs about a host's own life."""
