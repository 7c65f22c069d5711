"""Screens and terminals of machines, as widgets. They know pixels, keys and letters, no hosts."""
