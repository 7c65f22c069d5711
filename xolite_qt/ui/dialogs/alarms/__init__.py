"""Dialogs about alarms."""
