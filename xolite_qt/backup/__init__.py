"""The backup engine: storages, repositories as Xen Orchestra writes them, jobs, merges, restores.

No Qt in here. Bulk work is synchronous and thread-safe; only what speaks to a host is async.
"""
