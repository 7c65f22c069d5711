"""What can go wrong with NBD."""

from __future__ import annotations


class NbdError(Exception):
    """An NBD server cannot be used, or went away.

    Attributes:
        what: what happened, without the export's name, which may hold a secret.
        code: the server's error number; 0 where it is none of its own.
        lost: whether another connection may do better.
        request: number of the request that the server answered so; the connection goes on.
    """

    def __init__(
        self, what: str, code: int = 0, *, lost: bool = False, request: int | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.code = code
        self.lost = lost
        self.request = request
