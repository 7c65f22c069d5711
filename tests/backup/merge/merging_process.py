"""A process that merges a repository, to be killed: `python -m … URL KEY`."""

from __future__ import annotations

import sys

from xolite_qt.backup.merge import merge_repository


def main() -> None:
    """Merges what the arguments name, after the word on stdout that it begins."""
    url, key = sys.argv[1:]
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    merge_repository(url, key or None, concurrency=2)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
