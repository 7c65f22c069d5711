"""The storages of the pool."""
