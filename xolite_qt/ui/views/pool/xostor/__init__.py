"""The XOSTOR page of a pool: its parts, each a tab of its own."""
