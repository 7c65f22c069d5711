"""Dialogs of networks and interfaces."""
