"""What goes wrong on a screen's connection. No other error leaves this package."""
# ruff: noqa: N818 -- names say what happened; the root class says that they are errors.

from __future__ import annotations


class RfbError(Exception):
    """The root; `str(error)` is one plain sentence without a final stop."""


class RfbClosed(RfbError):
    """The server hung up, or the connection broke."""

    def __init__(self, what: str = "the server closed the connection") -> None:
        super().__init__(what)


class RfbMalformed(RfbError):
    """The server sent what is no RFB, or more than we take.

    Attributes:
        what: what is wrong, for people.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the screen's server sent nonsense: {what}")
        self.what = what


class RfbRefused(RfbError):
    """The server does not let us in.

    Attributes:
        reason: in the server's words; may be empty.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the screen's server refused: {reason or 'it gives no reason'}")
        self.reason = reason


class RfbSecurityUnsupported(RfbError):
    """The server wants a password or encryption of its own, which this client has not.

    Attributes:
        types: numbers of the kinds that it offers.
    """

    def __init__(self, types: tuple[int, ...]) -> None:
        wish = "a VNC password" if 2 in types else "a sign-in that is not supported"
        super().__init__(f"the screen's server wants {wish}")
        self.types = types


class RfbTimeout(RfbError):
    """The server does not answer.

    Attributes:
        timeout_s: what it was given.
    """

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the screen's server did not greet within {timeout_s:g} s")
        self.timeout_s = timeout_s
